/* SPDX-License-Identifier: GPL-3.0-or-later */
/* host.h - the host that a command works on: its configuration, its state directory, and the gate, which has the firewall. */
#ifndef ACMEGATE_HOST_HOST_H
#define ACMEGATE_HOST_HOST_H

#include "host/gate_client.h"

struct host {
	struct config *config;
	struct gate gate;
	int tokens[MAX_CAS][2]; /* for each part of a renewal: the client's and the responder's end of their channel; 0: none */
	int state_fd;		/* the state directory; -1: there is none */
	int first_fd;		/* descriptors from here on are the caller's */
	int store_fd;		/* holds the lock of the store; -1: not taken */
	unsigned long wait;	/* seconds that another acmegate may take to end */
	unsigned int mistakes;	/* in the configuration */
	bool settled;		/* the claim has found, and noted, how an earlier window ended */
	bool serves;		/* the configuration is complete enough for this command; a command that closes runs without */
};

/*
 * Has the gate lock this host and close what an earlier run left, and removes the tokens of that run. FAULT_LATER: another acmegate is at
 * work; with EBUSY, one with another state directory.
 */
int host_claim(struct host *host, struct fault *fault) MUST_CHECK;

/*
 * Locks the store for this process: renewals, and commands that write there without a gate, keep each other out. It is not the lock that the
 * gate takes, so that nothing that only opens and closes ever waits for a CA. FAULT_LATER: another acmegate has it.
 */
int host_lock_store(struct host *host, struct fault *fault) MUST_CHECK;

/* Takes one of these two; one that another acmegate has is tried as long as --wait says. */
int host_wait(struct host *host, int (*take)(struct host *, struct fault *), struct fault *fault) MUST_CHECK;

#endif
