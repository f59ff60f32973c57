/* SPDX-License-Identifier: GPL-3.0-or-later */
/* moment.h - moments as texts, always UTC. */
#ifndef ACMEGATE_BASE_MOMENT_H
#define ACMEGATE_BASE_MOMENT_H

#include <stdint.h>

struct moment {
	char text[32];
};

/* "2026-11-26", "2026-11-26 03:10", "2026-11-26 03:10 UTC", "2026-11-26 03:10:00" and, by RFC 3339, "2026-11-26T03:10:00Z". */
struct moment moment_day(int64_t seconds);
struct moment moment_minute(int64_t seconds);
struct moment moment_utc(int64_t seconds);
struct moment moment_second(int64_t seconds);
struct moment moment_exact(int64_t seconds);

#endif
