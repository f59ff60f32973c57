/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * single.h - one acmegate at a time in one network namespace, whatever its state directory: each removes every rule with a tag of
 * acmegate when it begins.
 */
#ifndef ACMEGATE_FIREWALL_SINGLE_H
#define ACMEGATE_FIREWALL_SINGLE_H

#include "base/fault.h"

/*
 * Locks SINGLE_DIRECTORY/netns-INODE, which only root can open: any user could lock /proc/self/ns/net. Call it before the journal is
 * opened: the kernel closes lower descriptors first when a process ends, so that a free journal means a free namespace.
 *
 * 1: *fd (close-on-exec) holds the lock; it is -1, with a warning, where no such file can be made. 0: an acmegate with the same
 * state directory has it, and the lock of its journal. -1: one with another state directory has it; fault FAULT_LATER with EBUSY.
 */
int single_take(int *fd, int state_fd, const char *state, struct fault *fault) MUST_CHECK;

#define SINGLE_DIRECTORY "/run/acmegate"

#endif
