// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/moment.h"

#include <time.h>

/* A year that does not fit into a number of C's is none that anybody can use. */
#define MOMENT(name, format) \
	struct moment moment_##name(int64_t seconds) \
	{ \
		struct moment moment = { "?" }; \
		const time_t when = (time_t)seconds; \
		struct tm parts; \
\
		if (gmtime_r(&when, &parts)) \
			(void)strftime(moment.text, sizeof(moment.text), format, &parts); \
		return moment; \
	}

MOMENT(day, "%Y-%m-%d")
MOMENT(minute, "%Y-%m-%d %H:%M")
MOMENT(utc, "%Y-%m-%d %H:%M UTC")
MOMENT(second, "%Y-%m-%d %H:%M:%S")
MOMENT(exact, "%Y-%m-%dT%H:%M:%SZ")
