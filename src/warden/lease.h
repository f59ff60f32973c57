/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lease.h - a window for somebody else's ACME client: it ends when the client does, when it says so, or in time. Behind hooks and guard
 * a process of its own holds it, which takes the gate over.
 *
 * Behind the port is then a listener that is not ours, so nothing binds the rule to it: the opening is bound by time only,
 * and when it ends the connections that came through it are ended, too.
 */
#ifndef ACMEGATE_WARDEN_LEASE_H
#define ACMEGATE_WARDEN_LEASE_H

#include "base/config.h"
#include "warden/clients.h"
#include "host/host.h"
#include "warden/supervise.h"

/*
 * hook pre, when nobody holds a window: starts the process that opens, holds and closes it, and returns when it is open. Returns the exit
 * status; what there is to say has been logged.
 */
int lease_hold(struct host *host, const struct client *client);

/*
 * The holder of guard's window: the port is open as long as its command lives; with on_listen only while the command, or a process that it
 * has started, listens on the port. command: its pidfd. guard: a channel to guard, the parent of this process, which gets one byte, the exit
 * status so far, when the command may start.
 */
struct ward {
	int command, guard;
	bool on_listen;
	pid_t pid; /* of the command, and its first word, for the ledger of windows */
	const char *name;
};
_Noreturn void lease_guard(struct host *host, const struct ward *ward);

#endif
