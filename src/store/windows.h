/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * windows.h - when the port was open, for whom, and what closed it: STATE/windows, the memory of the host across runs.
 *
 * acmegate writes it, which holds the window and has no right over the firewall; no process that reads what the network sent can. An entry is
 * written before the gate is told to open, and once more when the port is closed. If acmegate was killed in between, the next one that claims
 * the host adds the end: windows_settle().
 *
 * The file has room for the newest WINDOWS_KEPT entries, and for each two slots of 512 bytes, a sector, with a sequence number and a SHA-256:
 * one for its beginning and one for its end. A write that is torn leaves the beginning. Behind them a slot for each of the last WINDOWS_DAYS
 * days has what its windows come to, so that a year is known also where there were more windows. All is allocated when the file is made, so
 * that a full disk stops no entry. Fields are only ever added at the end of an entry: what an older acmegate wrote reads as 0 there. A file of
 * 64 entries without days, which an earlier acmegate made, is read as it is, and written as a new one before the next entry.
 */
#ifndef ACMEGATE_STORE_WINDOWS_H
#define ACMEGATE_STORE_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/wire.h"
#include "store/window_entry.h"

#define WINDOWS_FILE "windows"
enum windows_state {
	WINDOWS_READ,
	WINDOWS_NONE,	 /* there is no file */
	WINDOWS_CORRUPT, /* no slot can be read, or the size is another */
	WINDOWS_NEWER,	 /* of a newer acmegate, and left alone */
};

struct windows {
	int fd;		 /* -1: there is none */
	uint32_t kept;	 /* room for so many entries: WINDOWS_KEPT, or what an older acmegate has made */
	uint64_t number; /* of the newest entry; 0: none */
	bool ended;	 /* its end is noted */
	struct window_entry newest;
};

/*
 * Opens the ledger in the state directory, for writing, and makes it if there is none; what an older acmegate has made becomes a new one with
 * all that it says. It is for the group to read that may read the ledgers of certificates (ledger_share()). One that is corrupt is renamed to windows.corrupt, and
 * beside a newer acmegate's this one has its own, windows~. *state: what was there. The caller closes windows->fd.
 */
int windows_open(struct windows *windows, int state_fd, enum windows_state *state, struct fault *fault) MUST_CHECK;

/* The same without making, renaming or changing anything; fd is -1 where there is none that can be read. */
int windows_look(struct windows *windows, int state_fd, enum windows_state *state, struct fault *fault) MUST_CHECK;

/* A new entry; the end of the newest, as often as there is something to add. On the disk when they return 0. */
int windows_begin(struct windows *windows, const struct window_entry *entry, struct fault *fault) MUST_CHECK;
int windows_end(struct windows *windows, const struct window_entry *entry, struct fault *fault) MUST_CHECK;

/*
 * Ends the newest entry, whose acmegate was killed: with what the gate said at the claim that came after it. false: it has its end already,
 * or there is none.
 */
bool windows_settle(const struct windows *windows, const struct past *past, const struct instant *now, struct window_entry *entry);

/* "renew", "hook" ...: for whom the port was open. */
const char *windows_asker(const struct window_entry *entry);

/* Entries of an open ledger, the newest first. Returns their number. */
uint32_t windows_read(const struct windows *windows, struct window_entry entry[WINDOWS_KEPT]);

/* The days before that of the newest entry that have windows, in no order; and that day. Returns their number. */
uint32_t windows_read_days(const struct windows *windows, struct window_day day[WINDOWS_DAYS + 1]);

#endif
