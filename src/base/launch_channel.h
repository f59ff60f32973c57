/* SPDX-License-Identifier: GPL-3.0-or-later */
/* launch_channel.h - starts one of our programs with a channel to it. */
#ifndef ACMEGATE_BASE_LAUNCH_CHANNEL_H
#define ACMEGATE_BASE_LAUNCH_CHANNEL_H

#include "base/launch_role.h"

/*
 * As launch_role(). The first of the descriptors becomes the process's end of a new channel, and *channel ours: -1 if the process was not
 * started. But for the gate's, ours does not block: a word fails with EAGAIN where too many lie unread, and answers are waited for by poll().
 */
int launch_channel(enum role role, const struct config *config, struct descriptor *given, size_t n, int *channel,
		   struct fault *fault) MUST_CHECK;

/* As launch_reap(), for a process that ends with its channel: it is killed if it still runs after so many seconds. */
int launch_reap_in(int *pidfd, int seconds);

#endif
