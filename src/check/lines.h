/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lines.h - other programs' text files, line by line: up to some thousand lines, and no comments, which begin with '#'. */
#ifndef ACMEGATE_CHECK_LINES_H
#define ACMEGATE_CHECK_LINES_H

#include <stdbool.h>

#define LINES_PLACE 288 /* "FILE:NUMBER" */

/* Takes one line, without white space before it. false: no more of this file. */
typedef bool lines_take(void *context, const char *place, const char *line);

/* A file that is not there has none. */
void lines_read(const char *path, lines_take *take, void *context);

/* Of all files of this directory with this end of their names. */
void lines_read_all(const char *directory, const char *suffix, lines_take *take, void *context);

#endif
