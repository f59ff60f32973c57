/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * entry.h - entries of systemd's journal: a line of the log with fields, and for an event with the MESSAGE_ID by which the catalog
 * (units/acmegate.catalog, journalctl -x) explains it.
 *
 * Where standard error is the journal, all lines of acmegate itself go there in its native protocol
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL), a datagram each. None waits: what the journal does not take goes to standard error, as
 * everything does elsewhere, and as the lines of all other processes do.
 */
#ifndef ACMEGATE_SAY_ENTRY_H
#define ACMEGATE_SAY_ENTRY_H

#include "base/log.h"

#define ENTRY_SIZE 4096 /* of a datagram; longer values are cut */

enum occasion {
	OCCASION_NONE, /* a line like any other */
	OCCASION_WINDOW_OPENED,
	OCCASION_WINDOW_CLOSED,
	OCCASION_WINDOW_OVERTIME,
	OCCASION_WINDOW_REFUSED,
	OCCASION_WINDOW_LEFT,	 /* acmegate could not close it */
	OCCASION_WINDOW_SETTLED, /* that of an earlier run, which was killed */
	OCCASION_CERTIFICATE_DUE,
	OCCASION_CERTIFICATE_WAITS,
	OCCASION_CERTIFICATE_STORED,
	OCCASION_CERTIFICATE_FAILED,
	OCCASION_HOOK_DONE,
	OCCASION_HOOK_FAILED,
	OCCASION_GAVE_UP,
	OCCASION_STOPPED,
	OCCASION_MISTAKE,
	OCCASIONS
};

struct entry {
	enum occasion occasion;
	const char *certificate;   /* one, or several with ", " between; NULL: none */
	const char *client;	   /* of a hook, or the command of guard; NULL: none */
	unsigned long long window; /* its number in the ledger of windows; 0: none, or not known */
	double seconds;		   /* that the port was open; 0: the event has none */
	int code;		   /* an errno value; 0: none */
};

/* In this process from now on; also in one that was forked from it. */
void entry_start(void);

void entry_log(enum log_level, const struct entry *, const char *format, ...) PRINTF_LIKE(3, 4);

/* The same for the journal alone: to people another process says it. */
void entry_note(enum log_level, const struct entry *, const char *format, ...) PRINTF_LIKE(3, 4);

/* The datagram; its length. */
size_t entry_format(const struct entry *, enum log_level, const char *text, char datagram[ENTRY_SIZE]);

#endif
