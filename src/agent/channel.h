/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * channel.h - questions and replies between two roles, and the loop of a role that serves two channels.
 */
#ifndef ACMEGATE_AGENT_CHANNEL_H
#define ACMEGATE_AGENT_CHANNEL_H

#include "base/wire.h"

/* Asks the peer and waits for its VERB_REPLY, which is then in *reply; its VERB_FAULT becomes the fault. After a reply that did not come
 * in time, or made no sense, every other question to that peer fails at once. fd: less than 64. */
int channel_ask(int fd, const char *peer, enum verb verb, uint32_t index, const void *data, size_t length, struct record *reply,
		struct fault *fault) MUST_CHECK;

/* Replies to the peer with the data, or if result is -1 with VERB_FAULT and the reason. -1: the peer is gone. */
int channel_reply(int fd, int result, const struct fault *why, const void *data, size_t length, struct fault *fault) MUST_CHECK;

/* One end of a channel: serve() takes one record. 1: served. 0: the peer has gone. -1: the role must end. */
struct channel {
	int fd;
	int (*serve)(void *role, struct fault *fault);
};

/* Serves both channels until the first one ends; the end of the second only closes it. */
int channel_serve(void *role, const struct channel channels[2], struct fault *fault) MUST_CHECK;

#endif
