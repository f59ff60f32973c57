// SPDX-License-Identifier: GPL-3.0-or-later
#include "firewall/backends.h"

#include "backends/command/command.h"
#include "backends/firewalld/firewalld.h"
#include "backends/iptables/iptables.h"
#include "backends/nft/nftables.h"
#include "backends/nft/redirect.h"

#define CHOICE(number, name) &name##_backend,
#define ALWAYS(name) &name##_backend,

const struct backend *const backends[] = { BACKEND_TABLE(CHOICE, ALWAYS) NULL };
