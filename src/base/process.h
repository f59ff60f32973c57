/* SPDX-License-Identifier: GPL-3.0-or-later */
/* process.h - what /proc says of other processes. It may be out of date when it is read: nothing depends on it but whom we watch. */
#ifndef ACMEGATE_BASE_PROCESS_H
#define ACMEGATE_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MOST_KIN 6
#define KIN_NAME 20

struct kin {
	pid_t pid;
	char name[KIN_NAME];
};

/* "" for one that is not there. */
void process_name(pid_t pid, char name[KIN_NAME]);

/*
 * Finds the processes that may be the client of this hook, nearest first. Returns their number, 0: none. All but the last are shell
 * scripts. Such a script may be the hook itself, or a client written in shell: it is the hook if it ends with it.
 */
uint32_t process_kin(struct kin kin[MOST_KIN]);

/* Of a process that has ended: 1: by a signal. 0: by itself, or nobody can tell any more. */
bool process_was_killed(int pidfd, pid_t pid);

bool process_is_below(pid_t pid, pid_t ancestor);

/* Has it a socket with one of these n inodes? */
bool process_holds(pid_t pid, const uint32_t *inodes, int n);

#endif
