/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * due.h - STATE/due: until when nothing is due, so that the timer's runs need not read and verify every certificate.
 *
 * It is believed for a day at most, and only as long as nothing that it was concluded from has changed: the configuration, the
 * certificates' directories, files and ledgers (replaced, removed, a deploy hook owed), this program, the direction of the clock. A
 * file that is missing, damaged or out of date costs nothing but the long way.
 */
#ifndef ACMEGATE_COMMAND_DUE_H
#define ACMEGATE_COMMAND_DUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"

struct due {
	unsigned char grounds[32]; /* SHA-256 of what a conclusion is drawn from */
	int64_t until;		   /* the first certificate is due then, in seconds since the epoch */
};

/* Takes the grounds as they are now: before anything is concluded, so that what changes meanwhile counts as changed. */
void due_take_grounds(struct due *due, const struct config *config, int state_fd);

/* true: due->until is known, and lies ahead. */
bool due_recall(struct due *due, int state_fd, int64_t now);

/* Writes it down for the next run. A failure does no harm. */
void due_note(const struct due *due, int state_fd, int64_t now);

#endif
