/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * journal.h - one fact that survives everything: may something of ours stand in the firewall?
 *
 * Undo goes by tag and not by memory, so the journal knows two states. Armed: made durable before the first packet to the
 * kernel. Clear: after a fresh reading has shown that nothing is left. Recovery is: if armed, close.
 *
 * The file STATE/journal holds two slots of 512 bytes, written in turn, each with a sequence number and a SHA-256; the valid
 * one with the higher number counts, so a write that is torn leaves the other. Both are allocated when the file is made: a
 * full disk cannot stop a clear. An exclusive flock(2) on it is held by the one gate there may be.
 */
#ifndef ACMEGATE_FIREWALL_JOURNAL_H
#define ACMEGATE_FIREWALL_JOURNAL_H

#include "backends/opening.h"
#include "base/wire.h"

#define JOURNAL_SLOTS 2
#define JOURNAL_SLOT_SIZE 512

struct journal {
	int fd;	    /* its flock is shared by a forked watchdog */
	int single; /* the lock of the network namespace, see single.h, likewise; -1: none */
	uint64_t sequence;
	bool armed;	   /* or not readable: then opening.tag is "" and any tag of ours may stand */
	bool quarantined;  /* no slot could be read; the file was kept as journal.corrupt */
	uint32_t backends; /* bit mask of the table backends[] */
	struct opening opening;
	int64_t cleared; /* when it was cleared last */
	uint32_t net;	 /* enum net: what had closed the port. Whoever clears it says so before */
};

/*
 * Opens, locks and reads STATE/journal, and makes it if there is none. FAULT_LATER: another acmegate holds it.
 * FAULT_FAILED: it was written by a newer version, or cannot be read or written.
 */
int journal_open(struct journal *journal, int state_fd, struct fault *fault) MUST_CHECK;

/* Reads again what another process with the same descriptor may have written since. */
int journal_reread(struct journal *journal, struct fault *fault) MUST_CHECK;

/* Both return after the new state is on the disk. */
int journal_arm(struct journal *journal, const struct opening *opening, uint32_t mask, struct fault *fault) MUST_CHECK;
int journal_clear(struct journal *journal, struct fault *fault) MUST_CHECK;

void journal_close(struct journal *journal);

/*
 * Reads the two slots in image (JOURNAL_SLOTS * JOURNAL_SLOT_SIZE bytes) into *journal. 1: a valid one was found. 0: none.
 * -1: a valid one of a newer version. A part of journal_open(), and what the fuzzer feeds.
 */
int journal_parse(struct journal *journal, const unsigned char *image, struct fault *fault) MUST_CHECK;

#endif
