// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/firewalld/firewalld.h"

#include "backends/helper.h"
#include "backends/nft/survey.h"
#include "backends/nft/sweep.h"

#define SECONDS 10 /* a call that firewalld does not answer takes three */

/* Removes from the kernel the rules that firewalld cannot remove. */
static int sweep(const char *tag, struct fault *fault)
{
	struct netlink netlink = { 0 };
	const struct sweep ours = { .netlink = &netlink, .mark = MARK_PREFIX, .tag = tag };
	int rc = netlink_open(&netlink, fault);

	if (rc > 0)
		rc = sweep_close(&ours, fault);
	netlink_close(&netlink);
	return rc;
}

static const struct helper firewalld = {
	.program = "-firewalld", .plan_line = "firewall-cmd --zone=", .seconds = SECONDS, .sweep = sweep
};

static int firewalld_attach(struct ruleset **out, const struct means *means, struct fault *fault)
{
	return helper_attach(out, &firewalld, means, fault);
}

static int firewalld_plan(struct ruleset *ruleset, const struct opening *opening, struct plan *plan, struct fault *fault)
{
	if (plan->owned[0] && plan->owner_is_deaf)
		return fault_set(fault, FAULT_FAILED, "%s", plan->owned);
	if (helper_plan(ruleset, opening, plan, fault) < 0)
		return plan->owned[0] ? fault_at(fault, "%s", plan->owned) : -1;
	plan->owned[0] = '\0';
	plan->unbound = plan->unbound || opening->own_listener;
	return 0;
}

/* Its chains are in nf_tables. */
static int firewalld_admit(struct ruleset *ruleset, const struct opening *opening, const struct peer *peer, size_t n,
			   uint64_t *admitted, struct fault *fault)
{
	(void)ruleset;
	return survey_peers(opening, peer, n, admitted, fault);
}

const struct backend firewalld_backend = {
	.choice = BACKEND_FIREWALLD,
	.on_demand = true,
	.last = true,
	.attach = firewalld_attach,
	.plan = firewalld_plan,
	.open = helper_open,
	.mend = helper_mend,
	.close = helper_close,
	.admit = firewalld_admit,
	.detach = helper_detach,
};
