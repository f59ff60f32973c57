/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lines.h - a file of lines of one fixed length, so that nothing moves and a write that was cut off harms no other. A line whose first byte is
 * a space is struck, and its place is free.
 */
#ifndef ACMEGATE_DNS_LINES_H
#define ACMEGATE_DNS_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/own.h"

#define LINES_LONGEST 1024
#define LINES_STRUCK ' '

/* The line at this place, which counts from 0, with a NUL behind it; length: of each. false: there is none, it is struck, or was cut off. */
bool lines_read(int fd, size_t length, long place, char line[LINES_LONGEST + 1]);

/* Places from `place` on: is there a line, struck or not? */
bool lines_have(int fd, size_t length, long place);

/* The first place that is free, or the end. */
long lines_find_free(int fd, size_t length);

/* Writes the text, filled up with spaces, and syncs. -1: errno; the text is too long: EMSGSIZE. */
int lines_write(int fd, size_t length, long place, const char *text) MUST_CHECK;

/* The first byte of a line, and syncs. When the last line is struck the file becomes empty. -1: errno. */
int lines_mark(int fd, size_t length, long place, char mark) MUST_CHECK;

#endif
