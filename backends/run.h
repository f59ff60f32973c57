/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run.h - running another program: execve, never a shell; a clean environment; bounded in time; its output is logged. */
#ifndef ACMEGATE_RUN_H
#define ACMEGATE_RUN_H

#include "fault.h"

/*
 * Runs argv[0] (absolute) and waits at most that many seconds, then kills its process group. Each line it prints is logged
 * behind "WHO: ". 0: it ended with status 0. -1: anything else, the fault says what.
 */
int run_program(const char *who, char *const argv[], char *const environment[], unsigned int seconds,
		struct fault *fault) MUST_CHECK;

#endif
