/* SPDX-License-Identifier: GPL-3.0-or-later */
/* host.h - the host that a command works on: its configuration, its state directory, and the gate, which has the firewall. */
#ifndef ACMEGATE_COMMAND_HOST_H
#define ACMEGATE_COMMAND_HOST_H

#include "command/gate_client.h"

struct host {
	struct config *config;
	struct gate gate;
	int tokens[MAX_CAS][2]; /* for each part of a renewal: the client's and the responder's end of their channel; 0: none */
	int state_fd;		/* the state directory; -1: there is none */
	int first_fd;		/* descriptors from here on are the caller's */
	bool serves;		/* the configuration is complete enough for this command; a command that closes runs without */
};

/*
 * Has the gate lock this host and close what an earlier run left, and removes the tokens of that run. FAULT_LATER: another acmegate is at
 * work; with EBUSY, one with another state directory.
 */
int host_claim(struct host *host, struct fault *fault) MUST_CHECK;

#endif
