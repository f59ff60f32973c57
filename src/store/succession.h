/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * succession.h - which CA's turn it is, of those that a certificate names: a part of the decision of schedule.h.
 *
 * The first one's; after a failure that of the CA which was asked last. The next one follows, and after the last the first, when that
 * CA has failed for three days since the certificate was due, or has failed while the certificate is about to end. A certificate that
 * is stored ends the series: its renewal begins with the first.
 */
#ifndef ACMEGATE_STORE_SUCCESSION_H
#define ACMEGATE_STORE_SUCCESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "store/ledger.h"

struct choice {
	const char *name, *directory;
	uint64_t wish; /* what is asked of this CA: see wish_of() */
	uint32_t ca;   /* index in config.ca */
};

struct succession {
	uint32_t choices; /* 0: there is one CA, and nothing to choose */
	struct choice choice[MAX_CAS];
};

/* The place of the CA that this wish is for; -1: it is for none of them. */
int succession_find(const struct succession *succession, uint64_t wish);

/*
 * The place of the CA whose turn it is. due: since when the certificate is due, or from when on it will be; seconds since the epoch. ends:
 * it is about to end.
 */
uint32_t succession_place(const struct succession *succession, const struct ledger *ledger, const struct instant *now, int64_t due,
			  bool ends);

#endif
