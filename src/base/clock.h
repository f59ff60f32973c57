/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clock.h - the time that nobody can set, for waits and durations; base/instant.h has moments that outlive a boot. */
#ifndef ACMEGATE_BASE_CLOCK_H
#define ACMEGATE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_nanoseconds(void)
{
	struct timespec moment;

	clock_gettime(CLOCK_MONOTONIC, &moment);
	return moment.tv_sec * INT64_C(1000000000) + moment.tv_nsec;
}

static inline int64_t clock_milliseconds(void)
{
	return clock_nanoseconds() / 1000000;
}

static inline double clock_seconds(void)
{
	return (double)clock_nanoseconds() / 1e9;
}

/* It goes on while the machine sleeps. */
static inline double clock_boot_seconds(void)
{
	struct timespec moment;

	clock_gettime(CLOCK_BOOTTIME, &moment);
	return (double)moment.tv_sec + (double)moment.tv_nsec / 1e9;
}

#endif
