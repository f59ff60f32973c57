/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * limits.h - a CA's limit of failed validations for a name, which certificates that have the name in common share: Let's Encrypt refuses after
 * 5 in an hour, for each name and account.
 */
#ifndef ACMEGATE_STORE_LIMITS_H
#define ACMEGATE_STORE_LIMITS_H

#include "base/config.h"
#include "store/schedule.h"

struct limits {
	int64_t left; /* seconds until one of its names may be validated again, so that no fifth validation fails in an hour; 0: now */
	int64_t ca; /* the same for a sixth, which a public CA refuses: also what the operator asks for has to wait; 0: now, or no such CA */
	const char *name; /* that has to wait longest, or NULL */
};

/*
 * For certificate `index` of the configuration and this CA, from its ledger, and from those in the directory `ledgers` of the others that have a
 * name of it. One that cannot be read counts for nothing. ordered: those that the same run orders, NULL for none: once a name has failed, each of
 * these is taken for another failure of it.
 */
struct limits limits_find(const struct config *config, uint32_t index, const char *directory, const struct ledger *ledger,
			  int ledgers, const bool *ordered, const struct instant *now);

/* schedule_decide() within these limits, which are those of the CA that it decides for. */
struct decision limits_decide(const struct config *config, uint32_t index, const struct holding *holding,
			      const struct ledger *ledger, int ledgers, const bool *ordered, const struct instant *now,
			      const struct secret *secret, struct limits *limits);

#endif
