/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spawn.h - the programs that belong to acmegate: where they are, and starting agent and surveyor with their rights dropped. */
#ifndef ACMEGATE_BASE_SPAWN_H
#define ACMEGATE_BASE_SPAWN_H

#include <limits.h>

#include "base/config.h"
#include "base/sandbox.h"

struct place {
	int from; /* a descriptor of the caller's, which keeps it; -1: none */
	int to;	  /* its number in the agent, see enum agent_fd */
};

/*
 * Starts the agent with these descriptors, a clean environment, and no others than stdin, stdout (both /dev/null) and
 * stderr. It dies with this process. Returns its pidfd (close-on-exec).
 */
int spawn_agent(enum role role, const struct config *config, const struct place *places, size_t n, struct fault *fault) MUST_CHECK;

/*
 * Starts acmegate-gate with all rights that this process has, and its end of the channel (FD_WARDEN). It sees the end of this process, and
 * outlives it. Returns its pidfd (close-on-exec).
 */
int spawn_gate(int channel, struct fault *fault) MUST_CHECK;

/* The same for the surveyor, see backends/nft/survey.h. */
int spawn_surveyor(const struct place *places, size_t n, struct fault *fault) MUST_CHECK;

/*
 * Makes the directory of this process's program its working directory, before rights are given up: a build tree may lie below a home
 * directory that root without rights cannot enter. spawn_find() finds programs from there.
 */
void spawn_settle(void);

/* Where the program acmegate-SUFFIX is ("-agent"). Installed: in libexecdir. In a build tree: beside acmegate. */
int spawn_find(const char *suffix, char path[PATH_MAX], struct fault *fault) MUST_CHECK;

/* Kills what still runs, waits, closes the pidfd. Returns the exit status, or 128 + the signal it died of. */
int spawn_reap(int *pidfd, bool kill_it);

#endif
