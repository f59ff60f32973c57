/* SPDX-License-Identifier: GPL-3.0-or-later */
/* challenge_table.h - the challenges that acmegate answers, one row each. How each is answered: agent/proof.c. */
#ifndef ACMEGATE_BASE_CHALLENGE_TABLE_H
#define ACMEGATE_BASE_CHALLENGE_TABLE_H

#include <stdbool.h>

enum challenge_type { CHALLENGE_HTTP, CHALLENGE_DNS, CHALLENGE_TYPES };

struct challenge_kind {
	const char *type; /* as the CA and the configuration spell it */
	bool window;	  /* the port must be open while the CA validates */
	bool dns;	  /* through the DNS: wildcards too, no addresses, and a section [dns NAME] */
};

extern const struct challenge_kind challenge_kinds[CHALLENGE_TYPES];

#endif
