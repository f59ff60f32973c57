/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * instant.h - one moment by two clocks: the one that people set, and the one that nobody can set but that begins at 0 with each boot.
 */
#ifndef ACMEGATE_BASE_INSTANT_H
#define ACMEGATE_BASE_INSTANT_H

#include <stdint.h>

struct instant {
	int64_t wall; /* seconds since the epoch */
	int64_t boot; /* seconds since the boot, CLOCK_BOOTTIME */
	char boot_id[16];
};

/* Reads the boot's name, for instant_now(): before the process loses the right to. Without it, only the wall clock counts. */
void instant_learn_boot(void);

struct instant instant_now(void);

/*
 * Seconds from one to the other: by the boot's clock if both are of the same boot, else by the wall's. Negative: the clock of the wall
 * was set back in between.
 */
int64_t instant_since(const struct instant *from, const struct instant *to);

/* Seconds that are left of a wait. A clock that has been set back by more than a day was wrong before, and so is what it measured. */
int64_t instant_left(int64_t wait, const struct instant *since, const struct instant *now);

#endif
