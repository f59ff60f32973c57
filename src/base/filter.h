/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * filter.h - filters of system calls (seccomp), rule by rule. permission.h has the lists of those that may make a few calls; client_filter.h
 * and refusal.h of those that may make all but some.
 *
 * Calls that an architecture does not have are left out of its filter. i386 and s390x have calls whose arguments lie in memory, where
 * no filter can look: all of sockets in one (socketcall; libseccomp adds it for each call that it stands for), and mmap.
 */
#ifndef ACMEGATE_BASE_FILTER_H
#define ACMEGATE_BASE_FILTER_H

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/fault.h"

/* A build with sanitizers needs more than any role. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif

/* libseccomp's own macros leave the last field out, which clang warns of. */
#define IF(argument, comparison, value) ((struct scmp_arg_cmp){ argument, comparison, value, 0 })

/* The flags of open() that change files: O_TMPFILE without O_DIRECTORY, of which it contains the bit. */
#define CHANGES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))

/*
 * A scmp_filter_ctx that does this with each call that it has no rule for, not loaded: the caller releases it. For an architecture
 * (SCMP_ARCH_*). NULL: out of memory.
 */
void *filter_make(uint32_t unlisted, uint32_t architecture) MUST_CHECK;

/* Loads it into this process, for good, and releases it. 0, or a negative number of errno; NULL is out of memory. */
int filter_load(scmp_filter_ctx filter) MUST_CHECK;

/* Has it the oldest mmap, beside mmap2; the oldest mmap only; sockets by socketcall? */
bool filter_has_old_mmap(scmp_filter_ctx filter);
bool filter_has_blind_mmap(scmp_filter_ctx filter);
bool filter_has_socketcall(scmp_filter_ctx filter);

/* The same action for a call, for calls, for a call with this argument. 0, or a negative number of errno. */
int filter_rule(scmp_filter_ctx filter, uint32_t action, int call) MUST_CHECK;
int filter_rules(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n) MUST_CHECK;
int filter_rule_if(scmp_filter_ctx filter, uint32_t action, int call, struct scmp_arg_cmp condition) MUST_CHECK;

/* For sockets of all families but UNIX, IPv4, IPv6 and netlink; not where they are made by socketcall. */
int filter_limit_families(scmp_filter_ctx filter, uint32_t action) MUST_CHECK;

/* The kernel looks at 32 bits only of a command, of flags and of a descriptor. */
struct scmp_arg_cmp filter_command(unsigned int argument, unsigned int command);
struct scmp_arg_cmp filter_bits(unsigned int argument, unsigned int mask, unsigned int bits);

#endif
