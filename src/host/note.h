/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * note.h - the entry in the ledger of windows (store/windows.h) that the holder of a window writes. A window never depends on it: the
 * beginning is written before the gate is told to open, the end when the port is closed, and a failure is a warning, once.
 *
 *	note_begin() -> note_opened(), note_closed(), as often as the port opens and closes -> note_end()
 */
#ifndef ACMEGATE_HOST_NOTE_H
#define ACMEGATE_HOST_NOTE_H

#include "host/gate_client.h"
#include "store/windows.h"

struct note {
	struct windows windows;
	struct window_entry entry; /* asker, pid and client are the caller's, until note_end() */
	bool tried, begun, open;
	double since; /* seconds on a clock that only goes forward: when the port was opened; 0: that time is added up */
};

/* Adds a name to the clients of the entry, behind a comma. */
void note_client(struct note *note, const char *name);

void note_begin(struct note *note, const struct gate *gate);
void note_opened(struct note *note);
void note_closed(struct note *note, const struct closed *closed);
void note_refused(struct note *note, const char *why);

void note_overtime(struct note *note);
void note_end(struct note *note);

/* The gate has died, or could not close: the next acmegate that claims the host finds out how the window ended. */
void note_leave(struct note *note);
bool note_was_left(void); /* by this process */

void note_free(struct note *note);

/* After a claim: ends the entry of an acmegate that was killed. false: there was none. */
bool note_settle(const struct gate *gate);

#endif
