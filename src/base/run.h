/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run.h - running another program: execve, never a shell; a clean environment; bounded in time and output. */
#ifndef ACMEGATE_BASE_RUN_H
#define ACMEGATE_BASE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/fault.h"

/* A program of the administrator's that opens or closes, and is killed when this process dies; or a hook, which lives on. */
enum run_rights { RUN_FOR_THE_FIREWALL, RUN_WITHOUT_FIREWALL };

/*
 * Runs argv[0] (absolute) and waits at most that many seconds, then kills its process group. Each line it prints is logged
 * behind "WHO: ". 0: it ended with status 0.
 * -1: anything else, the fault says what; status 75 is FAULT_LATER.
 */
int run_program(const char *who, char *const argv[], char *const environment[], unsigned int seconds, enum run_rights rights,
		struct fault *fault) MUST_CHECK;

/* The words of command (split in place at white space) and NULL behind them; what does not fit is left out. The number. */
size_t run_split(char *command, char *words[], size_t size);

/*
 * The same, but what it prints becomes *output, a text that is the caller's to free in any case; more than most bytes are a
 * fault. *pid is its process id. The program is killed when this process dies. Its exit status, or -1.
 */
int run_capture(char *const argv[], char *const environment[], unsigned int seconds, size_t most, char **output, pid_t *pid,
		struct fault *fault) MUST_CHECK;

/*
 * The same for a program of ours, which gets no capability. It runs in its own directory: a build tree
 * may lie below one that only its owner can enter, as home directories are, and that is not root without capabilities.
 */
int run_disarmed(char *const argv[], char *const environment[], unsigned int seconds, size_t most, char **output,
		 struct fault *fault) MUST_CHECK;

/* From now on a program that runs is killed, too, when the other end of this channel has gone. -1: no more. */
void run_while(int channel);

#endif
