/* SPDX-License-Identifier: GPL-3.0-or-later */
/* talk.h - what a program prints, on two pipes: the last lines of it, for the log. */
#ifndef ACMEGATE_HOST_TALK_H
#define ACMEGATE_HOST_TALK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

#define TALK_LINES 50
#define TALK_LINE 512 /* with a NUL; the rest of a longer line goes to the next one */

enum talk_stream { TALK_OUTPUT, TALK_ERRORS, TALK_STREAMS };

struct talk {
	char line[TALK_LINES][TALK_LINE]; /* a ring */
	unsigned long long lines;	  /* that were printed; only the last ones are kept */
	char begun[TALK_STREAMS][TALK_LINE];
	size_t used[TALK_STREAMS];
	char error[TALK_LINE]; /* the last line on standard error with something in it, or "" */
};

/* One read from a pipe. false: its end, or there is nothing at the moment. */
bool talk_take(struct talk *talk, enum talk_stream stream, int fd);

/* Both pipes have ended: a line that was only begun is one. */
void talk_end(struct talk *talk);

/* Why it has failed: its last line on standard error, or on standard output if there is none. */
const char *talk_reason(const struct talk *talk);

void talk_log(const struct talk *talk, enum log_level level, const char *who);

#endif
