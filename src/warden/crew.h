/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crew.h - the agent's roles that a renewal starts, each with the descriptors that it needs. */
#ifndef ACMEGATE_WARDEN_CREW_H
#define ACMEGATE_WARDEN_CREW_H

#include "base/config.h"
#include "base/fault.h"
#include "base/sandbox.h"

struct crew {
	const struct config *config;
	int state_fd;
	/* Ends of channels that were made before those run who get them; -1: not yet, or no more. tokens: client and responder. */
	int client_ends[2]; /* to signer and responder */
	int signer_end, responder_end;
};

#define CREW(config, state_fd, tokens) \
	{ \
		(config), (state_fd), { -1, (tokens)[0] }, -1, (tokens)[1] \
	}

/*
 * Each starts a role, the first one two, or with signer NULL only the storer. *pid becomes its pidfd, *channel our end of its channel, which never waits: not for a child that
 * does not read, and not for one that does not write.
 */
int crew_start_store(struct crew *, int *storer, int *signer, int *channel, struct fault *fault) MUST_CHECK;
int crew_start_client(struct crew *, int *pid, int *channel, struct fault *fault) MUST_CHECK;
int crew_start_responder(const struct crew *, enum role role, const int listeners[2], int *pid, int *channel,
			 struct fault *fault) MUST_CHECK;

/* Closes these ends. */
void crew_leave(struct crew *);

#endif
