/* SPDX-License-Identifier: GPL-3.0-or-later */
/* process.h - what /proc says of other processes. It may be out of date when it is read: nothing depends on it but whom we watch. */
#ifndef ACMEGATE_PROCESS_H
#define ACMEGATE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The program that runs this hook, seen through the shells and scripts between it and us. 0: there is none. */
pid_t process_client(void);

bool process_is_below(pid_t pid, pid_t ancestor);

/* Has it a socket with one of these n inodes? */
bool process_holds(pid_t pid, const uint32_t *inodes, int n);

#endif
