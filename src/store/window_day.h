/* SPDX-License-Identifier: GPL-3.0-or-later */
/* window_day.h - the sums of a day in the ledger of windows (windows.h). */
#ifndef ACMEGATE_STORE_WINDOW_DAY_H
#define ACMEGATE_STORE_WINDOW_DAY_H

#include <stdbool.h>

#include "store/slot.h"

/* The day that it began; and does it count as open? Not if the gate was not told, or refused. */
int64_t window_day_number(const struct window_entry *entry);
bool window_day_counts(const struct window_entry *entry);

/* The day of this entry, with the windows before it. */
struct window_day window_day_of(const struct window_entry *entry);

/* Adds the windows before the entry on its day; number: of the newest one, 0: there is none. false: it is the first of its day. */
bool window_day_go_on(struct window_entry *entry, const struct window_entry *newest, uint64_t number);

/*
 * The day of the newest entry has ended: its slot, which now is `there`. A day that came already, since the clock was set back, gets more; it is
 * told by the number of its last entry.
 */
struct slot window_day_end(const struct slot *there, const struct window_entry *newest, uint64_t number);

#endif
