/* SPDX-License-Identifier: GPL-3.0-or-later */
/* launch_program.h - runs the programs of others: execve, never a shell; a clean environment; bounded in time and output. */
#ifndef ACMEGATE_BASE_LAUNCH_PROGRAM_H
#define ACMEGATE_BASE_LAUNCH_PROGRAM_H

#include <sys/types.h>

#include "base/fault.h"

/*
 * A program that opens or closes; one that only asks and gets no capability, which is ours; a hook. The hook lives on when this process dies,
 * the others are killed.
 */
enum rights { LAUNCH_FOR_THE_FIREWALL, LAUNCH_DISARMED, LAUNCH_WITHOUT_FIREWALL };

/*
 * Runs argv[0] (absolute) and waits at most that many seconds, then kills its process group. Each line it prints is logged
 * behind "WHO: ". 0: it ended with status 0.
 * -1: anything else, the fault says what; status 75 is FAULT_LATER.
 */
int launch_program(const char *who, char *const argv[], char *const environment[], unsigned int seconds, enum rights rights,
		   struct fault *fault) MUST_CHECK;

/*
 * The same, but what it prints becomes *output, a text that is the caller's to free in any case; more than most bytes are a
 * fault. *pid is its process id. Its exit status, or -1.
 */
int launch_capture(char *const argv[], char *const environment[], unsigned int seconds, enum rights rights, size_t most,
		   char **output, pid_t *pid, struct fault *fault) MUST_CHECK;

/* From now on a program that runs is killed, too, when the other end of this channel has gone. -1: no more. */
void launch_while(int channel);

/* The words of command (split in place at white space) and NULL behind them; what does not fit is left out. The number. */
size_t launch_split(char *command, char *words[], size_t size);

#endif
