/* SPDX-License-Identifier: GPL-3.0-or-later */
/* holding.h - what the host has of a certificate, and what the configuration wants: all that a decision (schedule.h) looks at beside the ledger. */
#ifndef ACMEGATE_STORE_HOLDING_H
#define ACMEGATE_STORE_HOLDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "store/ledger.h"
#include "store/succession.h"

struct holding {
	bool present;	       /* a whole generation is live */
	bool broken;	       /* one was found broken and put aside */
	bool other_names;      /* its names are not the configured ones */
	bool other_key;	       /* its type of key is not the configured one */
	bool csr;	       /* its key is elsewhere */
	const char *directory; /* of the CA to order from */
	const char *other_directory; /* it came from this CA, which is none of the configured ones; "": it did not, or that is not known */
	int64_t not_before, not_after; /* seconds since the epoch */
	uint64_t wish;		       /* wish_of() with the configuration as it is now, for that CA */
	int64_t limited;	       /* seconds that this name of it has to wait (limits.h); 0: none has to */
	const char *limited_name;
	uint64_t older_wish; /* another one that the live certificate may come from: with reuse_key, that of its type of key */
	struct succession succession; /* of several CAs: schedule_decide() takes directory and wish from it */
	uint32_t origin;	      /* place in it of the CA that it came from; 0 also when that is not known */
};

/* As far as the ledger knows it. The directory is the configuration's, other_directory the ledger's. */
struct holding holding_of(const struct config *config, const struct certificate *certificate, const struct ledger *ledger);

#endif
