// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/launch_channel.h"
#include "base/wire.h"
#include "host/stage.h"

#define SWEEPER_SECONDS 10

/* The directory of the notes outlives them: who writes them has no right to remove it. */
static bool has_notes(int state_fd)
{
	return unlinkat(state_fd, TOKEN_NOTES, AT_REMOVEDIR) < 0 && errno != ENOENT;
}

/* Removes the tokens that a killed storer has left in the web server's directory. The sweeper logs its work. */
static void sweep(const struct config *config, int state_fd)
{
	const struct descriptor state = { state_fd, FD_STATE };
	struct fault fault;
	int sweeper;

	if (!has_notes(state_fd))
		return;
	sweeper = launch_role(ROLE_SWEEPER, config, &state, 1, &fault);
	if (sweeper < 0)
		log_warning("%s", fault.text);
	else if (launch_reap_in(&sweeper, SWEEPER_SECONDS) > 128)
		log_warning("tokens of an earlier run may be left in the web server's directory: the sweeper was killed");
	(void)has_notes(state_fd);
}

void tokens_sweep(const struct config *config, int state_fd)
{
	static struct config staged;
	OWN_FD int stage = stage_open(config, state_fd, &staged);

	sweep(config, state_fd);
	if (stage >= 0)
		sweep(&staged, stage);
}

bool tokens_are_left(const struct config *config, int state_fd)
{
	static struct config staged;
	OWN_FD int stage = stage_open(config, state_fd, &staged);

	return has_notes(state_fd) || (stage >= 0 && has_notes(stage));
}
