/* SPDX-License-Identifier: GPL-3.0-or-later */
/* challenge_table.h - the challenges that acmegate answers, one row each. How each is answered: agent/proof.c. */
#ifndef ACMEGATE_BASE_CHALLENGE_TABLE_H
#define ACMEGATE_BASE_CHALLENGE_TABLE_H

#include <stdbool.h>

enum challenge_type { CHALLENGE_HTTP, CHALLENGE_DNS, CHALLENGE_DNS_ACCOUNT, CHALLENGE_DNS_PERSIST, CHALLENGE_TLS, CHALLENGE_TYPES };

/* The port that must be open while the CA validates. A run opens one of them after the other, in this order. */
enum challenge_window { WINDOW_NONE, WINDOW_HTTP, WINDOW_TLS, CHALLENGE_WINDOWS };

struct challenge_kind {
	const char *type; /* as the CA and the configuration spell it */
	enum challenge_window window;
	bool dns;      /* through the DNS: wildcards too, and no addresses */
	bool section;  /* ... by a value that a section [dns NAME] puts there for that time */
	bool standing; /* ... by a record that stays there: the challenge has no token */
};

extern const struct challenge_kind challenge_kinds[CHALLENGE_TYPES];

#endif
