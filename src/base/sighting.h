/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sighting.h - acmegate-dns tells acmegate check where the values of a name go, and whether they may: nothing in the DNS changes. */
#ifndef ACMEGATE_BASE_SIGHTING_H
#define ACMEGATE_BASE_SIGHTING_H

#include "base/ca.h"

#define SIGHTING_TEXT 600

enum writable { WRITABLE_UNKNOWN, WRITABLE_YES, WRITABLE_NO };

/* The reply to VERB_SIGHT_NAME. What is not known is "". */
struct sighting {
	char owner[NAME_SIZE];	     /* where the aliases lead */
	char zone[NAME_SIZE];	     /* that it is in; "" is the root */
	char server[NAME_SIZE + 64]; /* that takes updates */
	uint8_t writable;	     /* enum writable */
	char refusal[SIGHTING_TEXT]; /* why not, or why that is not known */
	char late[SIGHTING_TEXT];    /* servers whose zone is older, separated by ", " */
	char silent[SIGHTING_TEXT];  /* servers that do not answer this host */
};

#endif
