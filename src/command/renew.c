// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

#include <string.h>
#include <time.h>

#include "base/log.h"
#include "command/due.h"
#include "command/errand.h"
#include "warden/values.h"

int renew_run(struct host *host, const struct call *call)
{
	struct errand errand = { .only_due = true };
	struct due due;
	int status;

	if (call->value[RENEW_DRY_RUN])
		return rehearse_run(host, call);
	values_sweep(host->config, host->state_fd);
	due_take_grounds(&due, host->config, host->state_fd);
	if (!log_is_verbose() && due_recall(&due, host->state_fd, time(NULL))) {
		log_idle("nothing is due, and nothing has changed since all certificates were looked at; acmegate -v renew does so "
			 "in any case");
		return STATUS_DONE;
	}
	memset(errand.named, true, sizeof(errand.named));
	status = errand_do(&errand, host->config, host->state_fd, host);
	due.until = errand.next;
	if (status == STATUS_DONE && due.until) /* who owes a hook that failed is not done, and one that succeeded changes the grounds */
		due_note(&due, host->state_fd, time(NULL));
	return status;
}

int renew_now_run(struct host *host, const struct call *call)
{
	struct errand errand = { .only_due = false };

	if (errand_choose(&errand, host->config, call) < 0)
		return STATUS_USAGE;
	values_sweep(host->config, host->state_fd);
	return errand_do(&errand, host->config, host->state_fd, host);
}
