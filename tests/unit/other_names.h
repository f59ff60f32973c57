/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * other_names.h - what the linker calls a function whose arguments have a time or an offset. Where a long has 32 bits, glibc's headers have such
 * a function of 64 bits under another name, and the linker's --wrap goes by that (nth_wraps in Makefile.am). To be included behind the
 * headers, and before the functions that take their place.
 */
#ifndef ACMEGATE_TESTS_UNIT_OTHER_NAMES_H
#define ACMEGATE_TESTS_UNIT_OTHER_NAMES_H

#if defined(__GLIBC__) && __SIZEOF_POINTER__ == 4
#define OTHER_NAME(name, other) \
	__typeof__(name) __wrap_##name __asm__("__wrap_" other); \
	__typeof__(name) __real_##name __asm__("__real_" other)

#ifdef _TIME_H
OTHER_NAME(clock_gettime, "__clock_gettime64");
OTHER_NAME(nanosleep, "__nanosleep64");
#endif
#ifdef _UNISTD_H
OTHER_NAME(pread, "pread64");
OTHER_NAME(pwrite, "pwrite64");
#endif
#ifdef _FCNTL_H
OTHER_NAME(posix_fallocate, "posix_fallocate64");
#endif
#ifdef _SYS_STAT_H
OTHER_NAME(fstat, "__fstat64_time64");
OTHER_NAME(fstatat, "__fstatat64_time64");
#endif
#ifdef _STDIO_H
OTHER_NAME(fopen, "fopen64");
#endif
#ifdef _SYS_SOCKET_H
OTHER_NAME(setsockopt, "__setsockopt64");
#endif
#ifdef _SYS_TIMERFD_H
OTHER_NAME(timerfd_settime, "__timerfd_settime64");
#endif
#endif

#endif
