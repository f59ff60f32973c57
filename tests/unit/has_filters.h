/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * has_filters.h - has the kernel filters of system calls? qemu, where it runs the program of another processor, has none, and passes on
 * neither all flags of a message nor the start of a program.
 */
#ifndef ACMEGATE_TESTS_UNIT_HAS_FILTERS_H
#define ACMEGATE_TESTS_UNIT_HAS_FILTERS_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline bool has_filters(void)
{
	const uint32_t action = SECCOMP_RET_ERRNO;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

#endif
