// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

#include "base/log.h"
#include "host/tokens.h"
#include "warden/values.h"

int recover_run(struct host *host, const struct call *call)
{
	(void)call;
	log_idle("no rule of acmegate is left in the firewall");
	values_sweep(host->config, host->state_fd);
	return tokens_are_left(host->config, host->state_fd) || values_are_left(host->state_fd) ?
		       STATUS_FAILED :
		       STATUS_DONE; /* at boot, acmegate.service is started then: it may do more */
}
