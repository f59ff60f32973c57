/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kernel.h - system calls that are younger than some C libraries: musl has no functions for them. */
#ifndef ACMEGATE_BASE_KERNEL_H
#define ACMEGATE_BASE_KERNEL_H

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <sys/pidfd.h>
#else
#include <linux/mount.h> /* struct mount_attr */

static inline int pidfd_open(pid_t pid, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static inline int pidfd_send_signal(int pidfd, int signal, void *info, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, info, flags);
}

static inline int close_range(unsigned int first, unsigned int last, int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

static inline int execveat(int directory, const char *path, char *const arguments[], char *const environment[], int flags)
{
	return (int)syscall(SYS_execveat, directory, path, arguments, environment, flags);
}
typedef int __rlimit_resource_t;
#endif

#endif
