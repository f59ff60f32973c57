// SPDX-License-Identifier: GPL-3.0-or-later
/* sweeper.c - the agent's role that takes away what a storer that was killed has left in the web server's directory. */
#include "agent/agent.h"

#include "base/log.h"
#include "agent/webroot.h"

/* Files that others cannot use are no reason to keep from anything else: no error. */
int sweeper_main(const struct config *config)
{
	struct fault fault;
	int swept = webroot_sweep(FD_STATE, &fault);

	(void)config;
	if (swept < 0)
		log_warning("%s", fault.text);
	else if (swept > 0)
		log_warning("an earlier run had left tokens in the web server's directory; they are removed now");
	return swept < 0 ? STATUS_FAILED : STATUS_DONE;
}
