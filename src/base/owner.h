/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner.h - files in directories of other users: root acts there as the owner of the directory, and so can do to it what the owner could
 * do anyway, whatever links the owner may have put there. Needs CAP_SETUID for owners that are not root, and no other right.
 *
 *	owner_become(dir) -> openat(dir, ...), renameat(dir, ...) -> owner_leave()
 */
#ifndef ACMEGATE_BASE_OWNER_H
#define ACMEGATE_BASE_OWNER_H

#include "base/own.h"

/* -1, errno: it cannot; owner_leave() is called in any case. */
int owner_become(int dir) MUST_CHECK;

/* Keeps errno. */
void owner_leave(void);

/* Opens the directory `name` in the directory `at`, no link, as the owner of that; who cannot become the owner goes as who it is. -1: errno. */
int owner_step(int at, const char *name, int how) MUST_CHECK;

#endif
