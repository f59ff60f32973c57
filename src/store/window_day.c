// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/window_day.h"

#include "base/wire.h"

#define DAY_SECONDS INT64_C(86400)

int64_t window_day_number(const struct window_entry *entry)
{
	return entry->begun.wall / DAY_SECONDS;
}

bool window_day_counts(const struct window_entry *entry)
{
	return entry->net != NET_NEVER;
}

static void add(struct window_day *day, const struct window_entry *entry)
{
	day->open_ms += entry->open_ms;
	day->windows += window_day_counts(entry);
	if (entry->open_ms > day->longest_ms)
		day->longest_ms = entry->open_ms;
}

struct window_day window_day_of(const struct window_entry *entry)
{
	struct window_day day = { window_day_number(entry), entry->day_ms, entry->day_windows, entry->day_longest_ms };

	add(&day, entry);
	return day;
}

bool window_day_go_on(struct window_entry *entry, const struct window_entry *newest, uint64_t number)
{
	const struct window_day day = window_day_of(newest);

	entry->before_ms = newest->before_ms + newest->open_ms;
	entry->day_ms = entry->day_windows = entry->day_longest_ms = 0;
	if (!number || window_day_number(entry) != day.day)
		return false;
	entry->day_ms = day.open_ms;
	entry->day_windows = day.windows;
	entry->day_longest_ms = day.longest_ms;
	return true;
}

struct slot window_day_end(const struct slot *there, const struct window_entry *newest, uint64_t number)
{
	struct window_day day = window_day_of(newest);

	if (!slot_is_valid(there, SLOT_DAY) || there->u.day.day != day.day)
		return slot_seal_day(number, &day);
	if (there->sequence >= number)
		return *there;
	day.open_ms += there->u.day.open_ms;
	day.windows += there->u.day.windows;
	if (there->u.day.longest_ms > day.longest_ms)
		day.longest_ms = there->u.day.longest_ms;
	return slot_seal_day(number, &day);
}
