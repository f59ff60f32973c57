/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * alarm.h - what has changed since the last alarm, and is somebody's to know: one change at a time, the same as long as nobody was told.
 *
 *	alarm_next() -> alarm_write() -> the program has succeeded: alarm_heard(); or it has failed: alarm_unheard()
 */
#ifndef ACMEGATE_VIEW_ALARM_H
#define ACMEGATE_VIEW_ALARM_H

#include "store/told.h"
#include "view/status.h"

enum alarm_kind {
	ALARM_NONE,
	ALARM_FAILING,
	ALARM_UNREADABLE,
	ALARM_SIXTH,
	ALARM_DAYS,
	ALARM_EXPIRED,
	ALARM_RECOVERED,
	ALARM_NOT_CLOSED,
	ALARM_LEFT_OPEN,
	ALARMS
};

#define ALARM_TRIES 3 /* of the program, each in another run, before an alarm is given up */

struct alarm {
	enum alarm_kind kind;
	const struct entry *entry;	   /* of a certificate, or NULL */
	const struct window_entry *window; /* or NULL */
	uint64_t number;		   /* of the window */
	uint8_t troubles;		   /* of the certificate, once this was told */
};

/* left: the run at hand could not see its own window closed. Notes changes that are nobody's to know. */
struct alarm alarm_next(struct told *told, const struct status *status, bool left);

void alarm_heard(struct told *told, const struct alarm *alarm);
void alarm_unheard(struct told *told, const struct alarm *alarm);

/* A line of JSON, and lines NAME=VALUE for the environment. Nothing with ALARM_NONE. -1: no memory. */
int alarm_write(const struct alarm *alarm, const struct status *status, FILE *out) MUST_CHECK;

const char *alarm_word(const struct alarm *alarm);

/* json.c */
int json_write_alarm(const struct alarm *alarm, const struct status *status, const char *text, FILE *out) MUST_CHECK;

#endif
