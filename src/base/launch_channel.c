// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/launch_channel.h"

#include "base/wire.h"

int launch_channel(enum role role, const struct config *config, struct descriptor *given, size_t n, int *channel, struct fault *fault)
{
	int ends[2], pidfd;

	*channel = -1;
	if (wire_pair(ends, fault) < 0)
		return -1;
	given[0].from = ends[1];
	pidfd = launch_role(role, config, given, n, fault);
	close_fd(&ends[1]);
	if (pidfd < 0)
		close_fd(&ends[0]);
	*channel = ends[0];
	return pidfd;
}
