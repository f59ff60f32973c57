/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * beside.h - a file that somebody asked for on the command line, with the rights of the caller: written beside its place and renamed, so that a
 * reader finds the old one or the new one. A link in its place is replaced, and not followed.
 *
 *	beside_open() -> write to beside->fd -> beside_rename() -> beside_close()
 */
#ifndef ACMEGATE_PUBLISH_BESIDE_H
#define ACMEGATE_PUBLISH_BESIDE_H

#include <limits.h>

#include "base/fault.h"

#define BESIDE_MOST (NAME_MAX - 5) /* bytes of a name, for there is .NAME.new beside it */

struct beside {
	int dir, fd;
	const char *path;	 /* the caller's, for messages */
	char last[NAME_MAX + 1]; /* its last part */
	char name[NAME_MAX + 1]; /* of the file beside it; "": it is renamed, or not made */
};
#define NO_BESIDE \
	{ \
		.dir = -1, .fd = -1 \
	}

/* An empty file for all to read (0644), whatever the umask. path: lives as long. The caller calls beside_close() in any case. */
int beside_open(struct beside *beside, const char *path, struct fault *fault) MUST_CHECK;

/* It is in its place, and on the disk, when it returns 0. */
int beside_rename(struct beside *beside, struct fault *fault) MUST_CHECK;

/* Removes what was not renamed. */
void beside_close(struct beside *beside);

/* --- for outlet.c, which opens the directory in its own way; -1: errno says why ------------------------------------- */

/* An empty file (0600) beside `last` in beside->dir. */
int beside_make(struct beside *beside, const char *last) MUST_CHECK;

/* Puts it into its place; it need not be on the disk. */
int beside_put(struct beside *beside) MUST_CHECK;

#endif
