/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lease.h - a window for somebody else's ACME client: it ends when the client does, when it says so, or in time.
 *
 * Behind the port is then a listener that is not ours, so nothing binds the rule to it: the opening is bound by time only,
 * and when it ends the connections that came through it are ended, too.
 */
#ifndef ACMEGATE_COMMAND_LEASE_H
#define ACMEGATE_COMMAND_LEASE_H

#include <sys/types.h>

#include "base/config.h"
#include "command/gate_client.h"
#include "base/process.h"

enum hook { HOOK_PRE, HOOK_POST };

/* Who may be the client, nearest first, see process_kin(); the nearest that outlives the hook is. */
struct client {
	uint32_t number;
	struct kin kin[MOST_KIN];
	int fd[MOST_KIN]; /* their pidfds; -1: it has ended */
};
#define NO_CLIENT \
	{ \
		.fd = { -1, -1, -1, -1, -1, -1 } \
	}
_Static_assert(MOST_KIN == 6, "as many descriptors");

void client_close(struct client *);

/*
 * Speaks to the process that holds a window already: pre adds a client to it, post takes one away and returns when the port
 * is closed, if it was the last. *status: the exit status. 1: done. 0: nobody holds a window. -1: fault.
 */
int lease_ask(int state_fd, enum hook hook, const struct client *client, int *status, struct fault *fault) MUST_CHECK;

/*
 * pre, when nobody holds a window: starts a process that opens, holds and closes it, and returns when it is open. That
 * process takes the gate over. Returns the exit status; what there is to say has been logged.
 */
int lease_hold(struct gate *gate, int state_fd, const struct client *client);

/*
 * The process that becomes guard's command. It is made first of all, so that it has from the caller what it is meant to have
 * (descriptors, limits, signals, mask, standard error), and this process can give all that up. Its channel is COMMAND_CHANNEL; when that is
 * closed, the process ends.
 */
#define COMMAND_CHANNEL 3
struct command_process {
	pid_t pid;
	int channel;
};
int lease_fork_command(struct command_process *, struct fault *fault) MUST_CHECK;

/*
 * Has it execute these words, with the port open as long as it lives; with on_listen only while it, or a process that it has
 * started, listens on the port. Returns the command's exit status, 128 + N when signal N ended it. Another process,
 * which takes the gate over, holds the window.
 */
int lease_guard(const struct config *config, struct gate *gate, struct command_process *command, char **words, bool on_listen);

#endif
