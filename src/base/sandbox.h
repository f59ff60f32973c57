/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sandbox.h - giving rights up: before the agent is executed, with the agent's proof that they are gone; and in the watchdog
 * itself.
 *
 * The privileged image drops (between fork and exec), the agent proves (first thing in main): no role starts its work on
 * the word of another process.
 */
#ifndef ACMEGATE_BASE_SANDBOX_H
#define ACMEGATE_BASE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fault.h"

enum role {
	ROLE_CLIENT,
	ROLE_STORER,
	ROLE_RESPONDER,
	ROLE_SWEEPER,
	ROLE_SIGNER,
	ROLE_TRANSLATOR,
	ROLE_IMPORTER,
	ROLE_EXAMINER,
	ROLE_PLACER,
	ROLE_WATCHER,
	ROLE_PROVIDER,
	ROLES, /* of the agent */
	ROLE_SURVEYOR = ROLES,
	ROLE_BUS,
	ROLE_VIEWER,
	ROLE_DNS,
	ROLE_TLS, /* images of their own: acmegate-surveyor, acmegate-firewalld, acmegate-view, acmegate-dns, acmegate-tls */
	ALL_ROLES,
	ROLE_GATE = ALL_ROLES, /* these take rights from themselves: acmegate-gate, */
	ROLE_TOOLS	       /* and acmegate-iptables, which runs the host's tools */
};

const char *sandbox_role_name(enum role role);
bool sandbox_find_role(const char *name, enum role *role);

/* The version of Landlock that the kernel has; 0: it has none, or it is switched off. */
long sandbox_landlock(void);

/* Roles of root's that keep files have at most so many descriptors; confine.c tells their own by the number. */
#define STORING_DESCRIPTORS 64

/* In the child, after fork: becomes uid and gid (some stay root), keeps only the role's capabilities and limits. */
int sandbox_drop(enum role role, uid_t uid, gid_t gid, struct fault *fault) MUST_CHECK;

/*
 * In a child, before it executes a program that needs nothing of root's but the number: no capability, and none by exec. The watchdog
 * has no right to change its bounding set; no_new_privs does without.
 */
int sandbox_disarm(struct fault *fault) MUST_CHECK;

/* In the agent, and in acmegate-firewalld: fails unless every right that the role must not have is gone, and cannot be had back. */
int sandbox_prove(enum role role, struct fault *fault) MUST_CHECK;

/*
 * In acmegate, as soon as it has started its gate, and in a hook: neither CAP_NET_ADMIN nor CAP_NET_RAW, and none by exec. Proved before it
 * returns.
 */
int sandbox_give_up_firewall(struct fault *fault) MUST_CHECK;

/*
 * In the gate, for good, with all that it executes: the firewall, the port, and what it starts surveyor and watchdog with. Its filter of system
 * calls names what is refused (refusal.h), since the tools of iptables, which inherit it, are not ours.
 */
int sandbox_gate(struct fault *fault) MUST_CHECK;

/* The same where it runs a program of the administrator, which may need anything: a filter that refuses some thirty calls, if it may have one. */
void sandbox_gate_with_command(void);

/*
 * In the warden, for good, when it will execute no hook of the administrator's: it keeps what it starts the agent with, and cannot get
 * more. mounts: where there is no Landlock, this includes the right to mount, which a process that starts no agent needs not.
 */
int sandbox_warden(bool mounts, struct fault *fault) MUST_CHECK;

/*
 * In the watchdog, for good, with all that it executes: what talks to the kernel's firewall, and no way to more. Proved before it
 * returns. A system call filter lets through what it does not know: the tools that recovery runs are not ours.
 */
int sandbox_watchdog(struct fault *fault) MUST_CHECK;

/* In acmegate-iptables, with all that it executes: the same capabilities. The filter is confine()'s. */
int sandbox_tools(struct fault *fault) MUST_CHECK;

#endif
