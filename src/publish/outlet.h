/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * outlet.h - a file for others to read, outside the state directory: written beside its place and renamed, as beside.h does, by the owner of
 * its directory (base/owner.h). Each directory on the way must be root's, or of the one user from whom on all are, and no link; and nobody
 * else may write it, but for a directory on the way with the sticky bit.
 *
 *	outlet_open() -> write to beside->fd -> outlet_publish() -> outlet_close()
 */
#ifndef ACMEGATE_PUBLISH_OUTLET_H
#define ACMEGATE_PUBLISH_OUTLET_H

#include "base/config.h"
#include "publish/beside.h"

/* An empty file beside `path`, with this mode and group. The caller calls outlet_close() in any case. */
int outlet_open(struct beside *beside, const char *path, mode_t mode, gid_t group, struct fault *fault) MUST_CHECK;

/* The file is in its place when it returns 0. It need not be on the disk: the next run writes it anew. */
int outlet_publish(struct beside *beside, struct fault *fault) MUST_CHECK;

/* Removes what was not published. */
void outlet_close(struct beside *beside);

#endif
