// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/challenge_table.h"

const struct challenge_kind challenge_kinds[CHALLENGE_TYPES] = {
	[CHALLENGE_HTTP] = { .type = "http-01", .window = WINDOW_HTTP },
	[CHALLENGE_DNS] = { .type = "dns-01", .dns = true, .section = true },
	[CHALLENGE_DNS_ACCOUNT] = { .type = "dns-account-01", .dns = true, .section = true },
	[CHALLENGE_DNS_PERSIST] = { .type = "dns-persist-01", .dns = true, .standing = true },
	[CHALLENGE_TLS] = { .type = "tls-alpn-01", .window = WINDOW_TLS },
};
