/* SPDX-License-Identifier: GPL-3.0-or-later */
/* host.h - the host that a command works on: its configuration, its state directory, its journal, its firewall. */
#ifndef ACMEGATE_COMMAND_HOST_H
#define ACMEGATE_COMMAND_HOST_H

#include "base/config.h"
#include "firewall/journal.h"

struct host {
	struct config *config;
	struct journal journal;
	int state_fd;		/* the state directory; -1: there is none */
	int first_fd;		/* descriptors from here on are the caller's */
	bool serves;		/* the configuration is complete enough for this command; a command that closes runs without */
};

/*
 * Takes the locks of network namespace and journal, and closes what an earlier run left. FAULT_LATER: another acmegate is at work;
 * with EBUSY, one with another state directory.
 */
int host_claim(struct host *host, struct fault *fault) MUST_CHECK;

/* The state directory cannot be used: closes what an earlier run left, and returns -1 all the same. */
int host_sweep_without_state(const struct host *host, struct fault *fault) MUST_CHECK;

/* There is no state directory, so nothing is armed: closes what an earlier run left, without making one. */
int host_sweep_without_journal(const struct host *host, struct fault *fault) MUST_CHECK;

#endif
