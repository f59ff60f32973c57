// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/command/command.h"

#include <unistd.h>

#include "backends/helper.h"

#define LAST_REQUEST 1 /* second: for what a killed program has sent to be carried out before we undo it */

/* A request that a killed program has sent is carried out before we undo it. */
static int end_stragglers(const char *tag, struct fault *fault)
{
	int ended = helper_end(tag, fault);

	if (ended > 0)
		sleep(LAST_REQUEST);
	return ended < 0 ? -1 : 0;
}

static const struct helper command = { .seconds = COMMAND_SECONDS, .outside = true, .before_close = end_stragglers };

static int command_attach(struct ruleset **out, const struct means *means, struct fault *fault)
{
	return helper_attach(out, &command, means, fault);
}

const struct backend command_backend = {
	.choice = BACKEND_COMMAND,
	.on_demand = true,
	.attach = command_attach,
	.plan = helper_plan,
	.open = helper_open,
	.close = helper_close,
	.detach = helper_detach,
};
