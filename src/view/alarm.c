// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/moment.h"
#include "view/alarm.h"

#include <string.h>

#define DAY INT64_C(86400)
#define FEW_DAYS 3
#define OLD_NEWS DAY /* a window that ended before is nobody's to hear of any more */
#define GRACE 60     /* s: the end of a window may be noted so much later than it must be closed */

const char *alarm_word(const struct alarm *alarm)
{
	static const char *const words[ALARMS] = {
		[ALARM_NONE] = "none",		 [ALARM_FAILING] = "failing",	    [ALARM_UNREADABLE] = "unreadable",
		[ALARM_SIXTH] = "ending",	 [ALARM_DAYS] = "three_days",	    [ALARM_EXPIRED] = "expired",
		[ALARM_RECOVERED] = "recovered", [ALARM_NOT_CLOSED] = "not_closed", [ALARM_LEFT_OPEN] = "left_open",
	};

	return words[alarm->kind];
}

/* --- certificates ------------------------------------------------------------------------------------------------- */

/* Three days are half of a short life: only what is less than a sixth of it, too, is an alarm. */
static uint8_t life_of(const struct live *live, int64_t now)
{
	const int64_t left = live->not_after - now;

	if (!live->not_after || left >= (live->not_after - live->not_before) / 6)
		return 0;
	return left <= 0 ? TROUBLE_EXPIRED : left < FEW_DAYS * DAY ? TROUBLE_DAYS : TROUBLE_SIXTH;
}

/* A ledger that cannot be read says nothing about the rest. */
static uint8_t troubles_of(const struct entry *entry, uint8_t before, int64_t now)
{
	if (entry->condition == CONDITION_UNKNOWN)
		return before | TROUBLE_UNREADABLE;
	return (uint8_t)((entry->failures ? TROUBLE_FAILING : 0) | life_of(&entry->ledger.live, now));
}

static enum alarm_kind kind_of_life(uint8_t troubles)
{
	return troubles & TROUBLE_EXPIRED ? ALARM_EXPIRED : troubles & TROUBLE_DAYS ? ALARM_DAYS : ALARM_SIXTH;
}

static bool look_at_certificate(struct told *told, const struct status *status, const struct entry *entry, struct alarm *alarm)
{
	const char *name = status_name(entry);
	const uint8_t before = told_troubles(told, name), now = troubles_of(entry, before, status->now.wall);
	const uint8_t fresh = now & (uint8_t)~before;

	*alarm = (struct alarm){ .entry = entry, .troubles = now };
	if (fresh & TROUBLE_UNREADABLE) {
		alarm->kind = ALARM_UNREADABLE;
	} else if (fresh & TROUBLE_FAILING) {
		alarm->kind = ALARM_FAILING;
		alarm->troubles = before | TROUBLE_FAILING;
	} else if ((now & TROUBLE_LIFE) > (before & TROUBLE_LIFE)) {
		alarm->kind = kind_of_life(now);
	} else if (before && !now) {
		alarm->kind = ALARM_RECOVERED;
	} else {
		told_note(told, name, now);
	}
	return alarm->kind != ALARM_NONE;
}

/* --- windows ------------------------------------------------------------------------------------------------------ */

static bool was_left_open(const struct window_entry *entry)
{
	static const bool left[NETS] = {
		[NET_WATCHDOG] = true, [NET_KERNEL] = true, [NET_RECOVERY] = true, [NET_GONE] = true, [NET_BOOT] = true
	};

	return entry->net < NETS && left[entry->net];
}

static bool look_at_newest(const struct told *told, const struct status *status, bool left, struct alarm *alarm)
{
	const struct window_entry *newest = &status->window[0];
	const uint64_t number = status->exposure.windows;

	if (!status->windows || !status->exposure.open || number <= told->open ||
	    (!left && instant_since(&newest->begun, &status->now) <= (int64_t)newest->limit + GRACE))
		return false;
	*alarm = (struct alarm){ .kind = ALARM_NOT_CLOSED, .window = newest, .number = number };
	return true;
}

/* The oldest first. */
static bool look_at_windows(struct told *told, const struct status *status, struct alarm *alarm)
{
	const uint64_t newest = status->exposure.windows;

	for (uint32_t i = status->windows; i-- > status->exposure.open;) {
		const struct window_entry *entry = &status->window[i];
		const uint64_t number = newest - i;

		if (number <= told->window)
			continue;
		if (was_left_open(entry) && status->now.wall - entry->closed < OLD_NEWS) {
			*alarm = (struct alarm){ .kind = ALARM_LEFT_OPEN, .window = entry, .number = number };
			return true;
		}
		told->window = number;
	}
	return false;
}

/* --- the next one ------------------------------------------------------------------------------------------------- */

/* Certificates that are gone from the configuration, and files of other clients. */
static void forget_removed(struct told *told, const struct status *status)
{
	static bool kept[TOLD_MOST];

	memset(kept, false, sizeof(kept));
	for (size_t i = 0; i < status->count; i++) {
		int place = told_find(told, status_name(&status->entry[i]));

		if (place >= 0)
			kept[place] = true;
	}
	for (uint32_t i = told->certificates; i-- > 0;)
		if (!kept[i])
			told_note(told, told->certificate[i].name, 0);
}

struct alarm alarm_next(struct told *told, const struct status *status, bool left)
{
	struct alarm alarm = { .kind = ALARM_NONE };

	if (status->windows_known && told->window > status->exposure.windows) /* another ledger has begun */
		told->window = told->open = 0;
	if (status->windows_known && (look_at_newest(told, status, left, &alarm) || look_at_windows(told, status, &alarm)))
		return alarm;
	for (size_t i = 0; i < status->count; i++)
		if (look_at_certificate(told, status, &status->entry[i], &alarm))
			return alarm;
	if (status->complete && !status->mistaken)
		forget_removed(told, status);
	return (struct alarm){ .kind = ALARM_NONE };
}

void alarm_heard(struct told *told, const struct alarm *alarm)
{
	told->tries = 0;
	if (alarm->kind == ALARM_NOT_CLOSED)
		told->open = alarm->number;
	else if (alarm->kind == ALARM_LEFT_OPEN)
		told->window = alarm->number;
	else if (alarm->kind != ALARM_NONE)
		told_note(told, status_name(alarm->entry), alarm->troubles);
}

void alarm_unheard(struct told *told, const struct alarm *alarm)
{
	if (alarm->kind != ALARM_NONE && ++told->tries >= ALARM_TRIES)
		alarm_heard(told, alarm);
}

/* --- for people --------------------------------------------------------------------------------------------------- */

#define TEXT_SIZE 2048

static void describe_certificate(const struct alarm *alarm, char text[TEXT_SIZE])
{
	static const char *const words[ALARMS] = {
		[ALARM_FAILING] = "could not be obtained",
		[ALARM_UNREADABLE] = "has a state that cannot be read",
		[ALARM_SIXTH] = "has less than a sixth of its life left",
		[ALARM_DAYS] = "has less than three days left",
		[ALARM_EXPIRED] = "has expired",
		[ALARM_RECOVERED] = "is well again",
	};
	const struct entry *entry = alarm->entry;
	const bool told = alarm->kind == ALARM_FAILING && entry->last && entry->last->outcome.detail[0];

	snprintf(text, TEXT_SIZE, "certificate %s %s: %s", status_name(entry),
		 entry->watched && alarm->kind == ALARM_UNREADABLE ? "cannot be judged" : words[alarm->kind],
		 alarm->kind == ALARM_UNREADABLE ? entry->why.text :
		 told				 ? entry->last->outcome.detail :
						   entry->decision.reason);
}

static void describe_window(const struct alarm *alarm, char text[TEXT_SIZE])
{
	const struct window_entry *entry = alarm->window;
	const struct moment begun = moment_minute(entry->begun.wall);

	if (alarm->kind == ALARM_NOT_CLOSED)
		snprintf(text, TEXT_SIZE, "port %u, opened on %s UTC for %s (%s), may still be open: run acmegate recover",
			 entry->port, begun.text, windows_asker(entry), entry->client);
	else
		snprintf(text, TEXT_SIZE, "port %u, opened on %s UTC for %s (%s), was left open; what closed it: %s", entry->port,
			 begun.text, windows_asker(entry), entry->client, status_net(entry));
}

/* No value has a line break in it: each would be another variable. */
static void write_variable(FILE *out, const char *name, const char *value)
{
	fprintf(out, "ACMEGATE_%s=", name);
	for (; *value; value++)
		fputc((unsigned char)*value < ' ' ? '?' : *value, out);
	fputc('\n', out);
}

int alarm_write(const struct alarm *alarm, const struct status *status, FILE *out)
{
	char text[TEXT_SIZE];

	if (alarm->kind == ALARM_NONE)
		return 0;
	(alarm->entry ? describe_certificate : describe_window)(alarm, text);
	if (json_write_alarm(alarm, status, text, out) < 0)
		return -1;
	write_variable(out, "EVENT", alarm_word(alarm));
	write_variable(out, "HOST", status->host);
	write_variable(out, "TEXT", text);
	if (alarm->entry)
		write_variable(out, "NAME", status_name(alarm->entry));
	return 0;
}
