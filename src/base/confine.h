/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * confine.h - what a role may still ask of the kernel once it runs: memory, files (Landlock) and system calls (seccomp).
 *
 * sandbox.h takes rights away; this takes away what everybody may do. Agent, surveyor, acmegate-firewalld and acmegate-iptables do it to
 * themselves, before they read a byte of anybody else's.
 */
#ifndef ACMEGATE_BASE_CONFINE_H
#define ACMEGATE_BASE_CONFINE_H

#include "base/config.h"
#include "base/sandbox.h"

/*
 * For good. tokens: the directory for them, see webroot_open(); -1: none. Needs no_new_privs. A kernel without Landlock goes
 * without it. A build with sanitizers is not confined: they need more than any role.
 */
int confine(enum role role, const struct config *config, int tokens, struct fault *fault) MUST_CHECK;

/*
 * The filter of system calls for this role and an architecture (SCMP_ARCH_*), not loaded: a scmp_filter_ctx, which the caller
 * releases. NULL: out of memory, or not confined.
 */
void *confine_filter(enum role role, uint32_t architecture) MUST_CHECK;

#endif
