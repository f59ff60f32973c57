// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/plan.h"

#include <stdio.h>

void plan_remark(void *arg, const char *text)
{
	struct plan *plan = arg;

	if (plan->remarks < PLAN_REMARKS)
		snprintf(plan->remark[plan->remarks++], sizeof(plan->remark[0]), "%s", text);
}
