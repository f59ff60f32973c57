/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * seam.h - switches one net off, so that the others can be tested alone: ACMEGATE_SEAMS names what goes, with spaces between.
 *
 *	no-timeout	the kernel refuses sets with a timeout
 *	no-socket	the kernel refuses the expression that binds the rule to our socket
 *	no-nftables	the kernel has no nf_tables
 *	no-owner	the kernel has no tables with an owner
 *	no-landlock	the kernel has no Landlock
 *	landlock-1, landlock-2	it knows as much as Linux 5.13, 5.19
 *	no-watchdog	the watchdog ends with the gate and does nothing
 *	hasty		the API of a section [dns NAME] has one second for an answer
 *
 * Only with --enable-seams: a release does not contain them.
 */
#ifndef ACMEGATE_BASE_SEAM_H
#define ACMEGATE_BASE_SEAM_H

#ifdef ACMEGATE_SEAMS
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static inline bool seam(const char *name)
{
	const char *off = getenv("ACMEGATE_SEAMS");

	return off && strstr(off, name);
}

/* For the environment of a child. */
static inline char *seam_variable(void)
{
	char *off = getenv("ACMEGATE_SEAMS");

	return off ? off - strlen("ACMEGATE_SEAMS=") : NULL;
}
#else
#define seam(name) false
#define seam_variable() NULL
#endif

#endif
