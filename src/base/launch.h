/* SPDX-License-Identifier: GPL-3.0-or-later */
/* launch.h - starts the programs that belong to acmegate, with their rights dropped: execve, never a shell, and a clean environment. */
#ifndef ACMEGATE_BASE_LAUNCH_H
#define ACMEGATE_BASE_LAUNCH_H

#include <limits.h>

#include "base/fault.h"
#include "base/sandbox.h"

struct config;

struct descriptor {
	int from; /* a descriptor of the caller's, which keeps it; -1: none */
	int to;	  /* its number in the agent, see enum agent_fd */
};

struct launch {
	enum role role;
	uid_t uid; /* of a role that is not root */
	gid_t gid;
	/* Before rights are dropped; or NULL. */
	int (*seclude)(enum role role, const struct config *config, int state_fd, struct fault *fault);
	const struct config *config;
};

/*
 * Starts one of our programs with these descriptors, a clean environment, and no others than stdin, stdout (both /dev/null) and stderr. It dies
 * with this process, but for the gate, which has all rights that this process has, and sees its end by its channel. Returns its pidfd
 * (close-on-exec). A role that needs something of the configuration: launch_role.h.
 */
int launch_start(const struct launch *launch, const struct descriptor *given, size_t n, struct fault *fault) MUST_CHECK;

/*
 * Makes the directory of this process's program its working directory, before rights are given up: a build tree may lie below a home
 * directory that root without rights cannot enter. launch_find() finds programs from there.
 */
void launch_settle(void);

/* The path of the program acmegate-SUFFIX ("-agent"). Installed: in libexecdir. In a build tree: beside acmegate. */
int launch_find(const char *suffix, char path[PATH_MAX], struct fault *fault) MUST_CHECK;

/* Kills what still runs, waits, closes the pidfd. Returns the exit status, or 128 + the signal it died of. */
int launch_reap(int *pidfd, bool kill_it);

/*
 * For a child before it becomes a program. One of others gets all signals. For ours: Ctrl-C, a terminal that goes, and systemctl stop reach all
 * processes, and the warden ends its children in their turn.
 */
void launch_reset_signals(bool ours);

/*
 * The directory of a program. A build tree may lie below a directory that only its owner can enter, as home directories are: opened before
 * rights are dropped, the last part of the way is all that the agent's user needs.
 */
int launch_open_directory(const char *path);

#endif
