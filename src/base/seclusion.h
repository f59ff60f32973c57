/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seclusion.h - keeps a role of root's to its directories where the kernel has no Landlock. */
#ifndef ACMEGATE_BASE_SECLUSION_H
#define ACMEGATE_BASE_SECLUSION_H

#include "base/config.h"
#include "base/sandbox.h"

/*
 * Makes this directory in the state directory, for it can be allowed only if it exists, and brings its name to the disk: also if it
 * was there, for the process that made it may have been killed before that. Where that fails the store says why it cannot work.
 */
void seclusion_make_top(int state_fd, const char *name);

/*
 * In the child, after fork and before sandbox_drop(), for a role of root's that keeps files, where there is no Landlock: a mount
 * namespace of its own in which all file systems but its trees are read-only. state_fd becomes the state directory in there. Where
 * that is not permitted (acmegate.service: there ProtectSystem= does the most of it) or the kernel cannot do it (before 5.12)
 * nothing changes.
 */
int seclusion_enter(enum role role, const struct config *config, int state_fd, struct fault *fault) MUST_CHECK;

#endif
