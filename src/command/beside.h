/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * beside.h - a file that somebody asked for on the command line, with the rights of the caller: written beside its place and renamed, so that a
 * reader finds the old one or the new one. A link in its place is replaced, and not followed.
 *
 *	beside_open() -> write to beside->fd -> beside_rename() -> beside_close()
 */
#ifndef ACMEGATE_COMMAND_BESIDE_H
#define ACMEGATE_COMMAND_BESIDE_H

#include <limits.h>

#include "base/fault.h"

struct beside {
	int dir, fd;
	const char *path;
	char name[NAME_MAX + 1]; /* beside the path; "": it is renamed */
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

#endif
