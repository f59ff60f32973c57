// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/schedule.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/own.h"

#define DAY (24 * 60 * 60)
#define SHORT_LIFETIME (10 * DAY)
#define CLOCK_TOLERANCE (60 * 60)

struct date {
	char text[32];
};

/* With the time of day where a day is a good part of the lifetime. */
static struct date date(int64_t when, int64_t lifetime)
{
	struct date date = { "an unknown date" };
	time_t seconds = (time_t)when;
	struct tm parts;

	if (gmtime_r(&seconds, &parts))
		strftime(date.text, sizeof(date.text), lifetime < SHORT_LIFETIME ? "%Y-%m-%d %H:%M UTC" : "%Y-%m-%d", &parts);
	return date;
}

static struct decision decide(bool due, int64_t from, const char *format, ...) PRINTF_LIKE(3, 4);
static struct decision decide(bool due, int64_t from, const char *format, ...)
{
	struct decision decision = { .due = due, .from = from };
	va_list args;

	va_start(args, format);
	vsnprintf(decision.reason, sizeof(decision.reason), format, args);
	va_end(args);
	return decision;
}

struct decision schedule_decide(const struct holding *holding, int64_t now)
{
	int64_t lifetime = holding->not_after - holding->not_before;
	int64_t renew = holding->not_after - (lifetime < SHORT_LIFETIME ? lifetime / 2 : lifetime / 3);
	struct date from = date(holding->not_before, lifetime);
	struct date until = date(holding->not_after, lifetime), renewed = date(renew, lifetime);

	if (!holding->present)
		return decide(true, now,
			      holding->broken ? "the stored certificate was broken and has been put aside" :
						"there is no certificate yet");
	if (holding->other_names)
		return decide(true, now, "valid until %s, but the configured names are others", until.text);
	if (holding->other_key)
		return decide(true, now, "valid until %s, but the configured type of key is another", until.text);
	if (lifetime <= 0)
		return decide(true, now, "its dates make no sense");
	if (holding->not_before > now + CLOCK_TOLERANCE)
		return decide(true, now, "valid only from %s: is the clock of this host right?", from.text);
	if (holding->not_after <= now)
		return decide(true, now, "expired on %s", until.text);
	return decide(now >= renew, renew, "valid until %s, renewed from %s", until.text, renewed.text);
}
