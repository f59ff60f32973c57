/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * launch.h - starting processes: the programs that belong to acmegate, with their rights dropped, and those of others. execve, never a
 * shell; a clean environment; those of others bounded in time and output.
 */
#ifndef ACMEGATE_BASE_LAUNCH_H
#define ACMEGATE_BASE_LAUNCH_H

#include <limits.h>

#include "base/config.h"
#include "base/sandbox.h"

/* --- our own ------------------------------------------------------------------------------------------------------ */

struct descriptor {
	int from; /* a descriptor of the caller's, which keeps it; -1: none */
	int to;	  /* its number in the agent, see enum agent_fd */
};

/*
 * Starts agent, surveyor or gate with these descriptors, a clean environment, and no others than stdin, stdout (both /dev/null) and
 * stderr. It dies with this process, but for the gate, which has all rights that this process has, and sees its end by its channel. config:
 * NULL for a role that needs neither it nor a user: root without capabilities and without files is nobody. Returns its pidfd
 * (close-on-exec).
 */
int launch_role(enum role role, const struct config *config, const struct descriptor *given, size_t n, struct fault *fault) MUST_CHECK;

/*
 * Makes the directory of this process's program its working directory, before rights are given up: a build tree may lie below a home
 * directory that root without rights cannot enter. launch_find() finds programs from there.
 */
void launch_settle(void);

/* The path of the program acmegate-SUFFIX ("-agent"). Installed: in libexecdir. In a build tree: beside acmegate. */
int launch_find(const char *suffix, char path[PATH_MAX], struct fault *fault) MUST_CHECK;

/* Kills what still runs, waits, closes the pidfd. Returns the exit status, or 128 + the signal it died of. */
int launch_reap(int *pidfd, bool kill_it);

/* --- those of others ---------------------------------------------------------------------------------------------- */

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
