/* SPDX-License-Identifier: GPL-3.0-or-later */
/* process.h - what /proc says of another process. It may be out of date when it is read. */
#ifndef ACMEGATE_BASE_PROCESS_H
#define ACMEGATE_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_NAME 20

struct process {
	pid_t pid, parent, session;
	char name[PROCESS_NAME];
};

/* false: there is none. */
bool process_know(pid_t pid, struct process *p);

/* A file of /proc/PID as a text. Its length; 0: there is none. */
size_t process_read(pid_t pid, const char *file, char *text, size_t size);

/* "" for one that is not there. */
void process_name(pid_t pid, char name[PROCESS_NAME]);

/* Has it a socket with one of these n inodes? */
bool process_holds(pid_t pid, const uint32_t *inodes, int n);

/* A process that has. 0: none that can be looked at from here. */
pid_t process_find_holder(const uint32_t *inodes, int n);

#endif
