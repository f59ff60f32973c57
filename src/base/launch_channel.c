// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/launch_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/wire.h"

/* The gate is waited for. Another child may have been overcome by what it has read, and read no more. */
static int make_channel(enum role role, int ends[2], struct fault *fault)
{
	if (wire_pair(ends, fault) < 0)
		return -1;
	if (role == ROLE_GATE || fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	fault_errno(fault, FAULT_LATER, "making a channel");
	close(ends[0]);
	close(ends[1]);
	return -1;
}

int launch_channel(enum role role, const struct config *config, struct descriptor *given, size_t n, int *channel, struct fault *fault)
{
	int ends[2], pidfd;

	*channel = -1;
	if (make_channel(role, ends, fault) < 0)
		return -1;
	given[0].from = ends[1];
	pidfd = launch_role(role, config, given, n, fault);
	close_fd(&ends[1]);
	if (pidfd < 0)
		close_fd(&ends[0]);
	*channel = ends[0];
	return pidfd;
}

int launch_reap_in(int *pidfd, int seconds)
{
	struct pollfd ended = { .fd = *pidfd, .events = POLLIN };

	return launch_reap(pidfd, *pidfd >= 0 && poll(&ended, 1, seconds * 1000) <= 0);
}
