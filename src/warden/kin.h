/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kin.h - the processes around a hook: whom we watch depends on it, and nothing else. */
#ifndef ACMEGATE_WARDEN_KIN_H
#define ACMEGATE_WARDEN_KIN_H

#include "base/process.h"

#define MOST_KIN 6

struct kin {
	pid_t pid;
	char name[PROCESS_NAME];
};

/*
 * Finds the processes that may be the client of this hook, nearest first. Returns their number, 0: none. All but the last are shell
 * scripts. Such a script may be the hook itself, or a client written in shell: it is the hook if it ends with it.
 */
uint32_t kin_find(struct kin kin[MOST_KIN]);

/* Of a process that has ended: 1: by a signal. 0: by itself, or nobody can tell any more. */
bool kin_was_killed(int pidfd, pid_t pid);

bool kin_is_below(pid_t pid, pid_t ancestor);

#endif
