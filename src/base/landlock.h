/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * landlock.h - the files that a role reaches, and the ports, processes and signals, where the kernel has Landlock.
 */
#ifndef ACMEGATE_BASE_LANDLOCK_H
#define ACMEGATE_BASE_LANDLOCK_H

#include "base/config.h"
#include "base/sandbox.h"

/* For good. tokens: as in confine(). -1 with errno; 0 also where there is no Landlock. */
int landlock_confine(enum role role, const struct config *config, int tokens) MUST_CHECK;

#endif
