/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * schedule.h - when a certificate is to be renewed: a pure decision from what is stored, what is configured and the
 * time.
 */
#ifndef ACMEGATE_STORE_SCHEDULE_H
#define ACMEGATE_STORE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

struct holding {
	bool present;		       /* a whole generation is live */
	bool broken;		       /* one was found broken and put aside */
	bool other_names;	       /* its names are not the configured ones */
	bool other_key;		       /* its type of key is not the configured one */
	int64_t not_before, not_after; /* seconds since the epoch */
};

struct decision {
	bool due;
	int64_t from;	  /* not due before then, unless something changes; seconds since the epoch */
	char reason[128]; /* for the log: "valid until 2026-12-01, renewed from 2026-11-01" */
};

/*
 * Due when a third of the lifetime is left, half when the lifetime is under 10 days (Let's Encrypt's integration
 * guide); or when nothing usable is there, it is not what the configuration asks for, or its dates and the clock, now,
 * in seconds since the epoch, contradict each other.
 */
struct decision schedule_decide(const struct holding *holding, int64_t now);

#endif
