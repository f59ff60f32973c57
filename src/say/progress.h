/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * progress.h - how far a run is: one line at the bottom of a terminal, and the same words for systemd's STATUS= (notify.h).
 *
 * The line is never longer than the terminal is wide, and never waits for a reader: what has no room is left out. The log of every process
 * of a run erases it before each of its lines (log_live()); it is drawn again when something happens, and several times a second.
 */
#ifndef ACMEGATE_SAY_PROGRESS_H
#define ACMEGATE_SAY_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_SIZE 256

enum progress_step {
	PROGRESS_LOOKING, /* done, of: certificates */
	PROGRESS_ORDERING,
	PROGRESS_OPENING,
	PROGRESS_VALIDATING, /* names */
	PROGRESS_ISSUING,
	PROGRESS_DEPLOYING,
	PROGRESS_STEPS
};

struct progress {
	enum progress_step step;
	uint32_t done, of; /* 0: of is not known */
	double since;	   /* seconds of CLOCK_BOOTTIME: when the port was opened; 0: it is shut */
	double left;	   /* seconds that it might be open from then on */
	uint16_t port;
};

/* Before any other process is started: shows the line from now on, if standard error is a terminal that can. */
void progress_start(void);

/* The ms between two calls of progress_tick(); -1: nobody looks. */
int progress_interval(void);

void progress_step(enum progress_step step, uint32_t done, uint32_t of);
void progress_open(uint16_t port, uint32_t seconds); /* seconds: [gate] max_open, for all windows of a run together */
void progress_shut(void);
void progress_tick(void);

/* Erases the line, for good. */
void progress_end(void);

/* For systemd alone: the host is this command's; the command is done, with this exit status. */
void progress_ready(void);
void progress_done(int status);

/* The whole of it in words. now: seconds of CLOCK_BOOTTIME. Returns the number of characters, which are all ASCII. */
size_t progress_say(const struct progress *, double now, char text[PROGRESS_SIZE]);

/* The line for a terminal of so many columns; the last one stays empty, since a character there may begin another line. */
size_t progress_draw(const struct progress *, double now, size_t columns, char line[PROGRESS_SIZE]);

#endif
