// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * exposure.c - how long the port was open in a time: the one place that counts it. The newest windows are known one by one, those before
 * them by days.
 */
#include "view/status.h"

#include "store/window_day.h"

#define DAY INT64_C(86400)

static void add(struct stretch *span, uint64_t windows, uint64_t open_ms, uint64_t longest_ms)
{
	span->windows += windows;
	span->open_ms += open_ms;
	if (longest_ms > span->longest_ms)
		span->longest_ms = longest_ms;
}

/* The clock may have been set back: the oldest is not always the last. */
static int64_t oldest_listed(const struct status *status)
{
	int64_t oldest = INT64_MAX;

	for (uint32_t i = 0; i < status->windows; i++)
		if (status->window[i].begun.wall < oldest)
			oldest = status->window[i].begun.wall;
	return oldest;
}

static int64_t oldest_day(const struct status *status)
{
	int64_t oldest = INT64_MAX / DAY;

	for (uint32_t i = 0; i < status->days; i++)
		if (status->day[i].day < oldest)
			oldest = status->day[i].day;
	return oldest * DAY;
}

static void add_listed(struct stretch *span, const struct status *status)
{
	for (uint32_t i = 0; i < status->windows; i++) {
		const struct window_entry *entry = &status->window[i];

		if (entry->begun.wall >= span->from)
			add(span, window_day_counts(entry), entry->open_ms, entry->open_ms);
	}
}

static void add_days(struct stretch *span, const struct status *status)
{
	for (uint32_t i = 0; i < status->days; i++)
		if (status->day[i].day >= span->from / DAY)
			add(span, status->day[i].windows, status->day[i].open_ms, status->day[i].longest_ms);
}

struct stretch exposure_since(const struct status *status, int64_t from)
{
	const bool all = status->exposure.windows <= status->windows;
	const int64_t listed = oldest_listed(status), by_day = oldest_day(status), oldest = by_day <= listed - DAY ? by_day : listed;
	struct stretch span = { .from = from };

	if (all || listed <= from) {
		add_listed(&span, status);
	} else {
		span.from = from / DAY * DAY;
		add_days(&span, status);
	}
	if (!status->windows)
		span.known = status->now.wall;
	else if (all ? listed > from : oldest > span.from)
		span.known = all ? listed : oldest;
	return span;
}
