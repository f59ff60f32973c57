// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend.h"

#include "command.h"
#include "firewalld.h"
#include "iptables.h"
#include "nftables.h"
#include "redirect.h"

#include <stdio.h>

/* In the order in which they are closed; see backend.h. */
const struct backend *const backends[] = { &nftables_backend, &iptables_backend, &redirect_backend,
					   &firewalld_backend, &command_backend, NULL };

void plan_remark(void *arg, const char *text)
{
	struct plan *plan = arg;

	if (plan->remarks < PLAN_REMARKS)
		snprintf(plan->remark[plan->remarks++], sizeof(plan->remark[0]), "%s", text);
}
