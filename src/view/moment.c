// SPDX-License-Identifier: GPL-3.0-or-later
#include "view/moment.h"

#include <stdbool.h>
#include <time.h>

/* A year that does not fit into a number of C's is none that anybody can use. */
static bool take_apart(int64_t seconds, struct moment *moment, struct tm *parts)
{
	const time_t when = (time_t)seconds;

	*moment = (struct moment){ "?" };
	return gmtime_r(&when, parts) != NULL;
}

struct moment moment_day(int64_t seconds)
{
	struct moment moment;
	struct tm parts;

	if (take_apart(seconds, &moment, &parts))
		(void)strftime(moment.text, sizeof(moment.text), "%Y-%m-%d", &parts);
	return moment;
}

struct moment moment_minute(int64_t seconds)
{
	struct moment moment;
	struct tm parts;

	if (take_apart(seconds, &moment, &parts))
		(void)strftime(moment.text, sizeof(moment.text), "%Y-%m-%d %H:%M", &parts);
	return moment;
}

struct moment moment_second(int64_t seconds)
{
	struct moment moment;
	struct tm parts;

	if (take_apart(seconds, &moment, &parts))
		(void)strftime(moment.text, sizeof(moment.text), "%Y-%m-%d %H:%M:%S", &parts);
	return moment;
}

struct moment moment_exact(int64_t seconds)
{
	struct moment moment;
	struct tm parts;

	if (take_apart(seconds, &moment, &parts))
		(void)strftime(moment.text, sizeof(moment.text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	return moment;
}
