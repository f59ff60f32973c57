/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trail.h - what setup has changed, so that setup --undo takes it back. STATE/setup has a file "trail" with one line for each
 * change, on the disk before the change is made, and N.before and N.after: the file of line N.
 */
#ifndef ACMEGATE_SETUP_TRAIL_H
#define ACMEGATE_SETUP_TRAIL_H

#include "base/config.h"
#include "setup/paper.h"

struct trail {
	int list; /* "trail", locked; -1: there is none */
	unsigned int lines;
	char folder[PATH_SIZE + 16];
};

/* Makes the directory, if it is missing. FAULT_LATER: another setup is at work. trail_close() closes it. */
int trail_open(struct trail *trail, const char *state, struct fault *fault) MUST_CHECK;
void trail_close(struct trail *trail);

/* Writes this file, or removes it, unless it is so already. 1: it is another one now. */
int trail_put(struct trail *trail, const char *path, const struct paper *next, struct fault *fault) MUST_CHECK;

/* Makes a directory, if it is missing. */
int trail_make_directory(struct trail *trail, const char *path, struct fault *fault) MUST_CHECK;

/* Notes a change that the caller is about to make: the unit is enabled; the service has to be reloaded after its files are restored. */
int trail_note(struct trail *trail, const char *kind, const char *what, struct fault *fault) MUST_CHECK;
#define TRAIL_UNIT "unit"
#define TRAIL_RELOAD "reload"

/* Takes all back, the last first. What setup has not made stays as it is. The exit status; has logged what happened. */
int trail_undo(struct trail *trail);

#endif
