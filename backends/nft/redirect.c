// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/redirect.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#include "backends/nft/host.h"
#include "backends/nft/news.h"
#include "backends/nft/rule.h"
#include "backends/nft/nat.h"
#include "backends/nft/survey.h"
#include "backends/nft/sweep.h"
#include "base/seam.h"

#define MOST_DEVICES 64

struct ruleset {
	struct netlink netlink; /* that owns the table; first: netlink_attach() */
	struct nat_make make;	/* what this kernel can do: end the table with our socket, end the redirection in time, trace */
	struct host host;
	const char *device[MOST_DEVICES + 1];
	bool made, nothing; /* by the attempts of one call; found by its last reading, which was interrupted */
};

static int send_redirect(struct ruleset *ruleset, const struct opening *opening, bool rehearsal, struct fault *fault)
{
	struct batch batch;
	uint32_t generation;
	int rc = netlink_generation(&ruleset->netlink, &generation, fault);

	rc = rc < 0 ? rc : batch_begin(&batch, &ruleset->netlink, generation, fault);
	if (rc < 0)
		return rc;
	rc = nat_add(&batch, opening, &ruleset->make, fault);
	if (rc == 0)
		rc = rehearsal ? batch_rehearse(&batch, fault) : batch_commit(&batch, NULL, NULL, fault);
	batch_free(&batch);
	return rc;
}

static int attempt_make(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	const struct opening *opening = arg;
	const struct sweep sweep = { .netlink = &ruleset->netlink, .mark = MARK_TABLE, .tag = opening->tag };
	struct marks marks = { 0 };
	int rc = sweep_find(&sweep, &marks, fault);

	if (rc == -1 || marks.count)
		return rc == -1 ? -1 : 0;
	rc = netlink_nothing(rc, &ruleset->nothing);
	if (rc == 0)
		rc = send_redirect(ruleset, opening, false, fault);
	ruleset->made = ruleset->made || rc == 0;
	return rc < 0 ? rc : AGAIN; /* the next attempt reads back */
}

/* 1: it was made. 0: it stood. Others may commit all the time: what they change is not ours. */
static int make(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	ruleset->made = ruleset->nothing = false;
	return netlink_insist(attempt_make, ruleset, opening, fault) < 0 ? -1 : ruleset->made;
}

static int redirect_open(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	bool needed = opening->target != opening->port;

	news_expect(getpid()); /* no news for the other backends */
	if (ruleset->make.traced && (survey_follow(fault) < 0 || make(ruleset, opening, fault) < 0))
		ruleset->make.traced = false; /* no window fails for lack of evidence */
	return needed && make(ruleset, opening, fault) < 0 ? -1 : 0;
}

static void redirect_tell(const struct ruleset *ruleset, struct evidence *evidence)
{
	evidence->traced = ruleset->make.traced;
}

/* Of a table without owner only: who flushes the ruleset takes that along. */
static int redirect_mend(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	return ruleset->make.traced || opening->target != opening->port ? make(ruleset, opening, fault) : 0;
}

static int redirect_close(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	const struct sweep sweep = { .netlink = &ruleset->netlink, .mark = MARK_TABLE, .tag = tag };

	return sweep_close(&sweep, fault);
}

static int attempt_rehearsal(struct ruleset *ruleset, const void *opening, struct fault *fault)
{
	int rc = send_redirect(ruleset, opening, true, fault);

	return rc == AGAIN && fault->code != ERESTART ? -1 : rc; /* what is not there will not be */
}

/* Chains at ingress, and in a bridge, see packets before the hook prerouting. */
static int visit_chain(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const uint8_t family = ((const struct nfgenmsg *)mnl_nlmsg_get_payload(message))->nfgen_family;
	const struct nlattr *attrs[NFTA_CHAIN_HOOK + 1], *hook[NFTA_HOOK_HOOKNUM + 1];

	(void)fault;
	attrs_of_message(message, attrs, NFTA_CHAIN_HOOK);
	attrs_of_nest(attrs[NFTA_CHAIN_HOOK], hook, NFTA_HOOK_HOOKNUM);
	if (hook[NFTA_HOOK_HOOKNUM] && (family == NFPROTO_NETDEV || family == NFPROTO_BRIDGE ||
					(family == NFPROTO_INET && attr_u32(hook[NFTA_HOOK_HOOKNUM], 0) == NF_INET_INGRESS)))
		*(bool *)arg = true;
	return 0;
}

static void find_devices(struct ruleset *ruleset)
{
	struct mnl_socket *route;
	struct fault ignored;
	bool early = false;
	char buffer[512];
	size_t count = 0;

	if (netlink_dump(&ruleset->netlink, netlink_request(&ruleset->netlink, buffer, NFT_MSG_GETCHAIN), visit_chain, &early,
			 &ignored) == -1 ||
	    !early)
		return;
	host_free(&ruleset->host);
	route = host_connect(&ignored);
	if (route && host_read(&ruleset->host, route, &ignored) == 0)
		for (size_t i = 0; i < ruleset->host.links && count < MOST_DEVICES; i++)
			if (!ruleset->host.link[i].loopback)
				ruleset->device[count++] = ruleset->host.link[i].name;
	ruleset->device[count] = NULL;
	if (route)
		mnl_socket_close(route);
}

/* A kernel before 5.12 knows no owner, and goes with a net less. */
static int redirect_plan(struct ruleset *ruleset, const struct opening *opening, struct plan *plan, struct fault *fault)
{
	const bool needed = opening->target != opening->port;
	int rc = -1;

	if (opening->traced)
		find_devices(ruleset);
	for (int without = 0; without < 16 && rc < 0; without++) {
		ruleset->make.devices = ruleset->device[0] && !(without & 4) ? ruleset->device : NULL;
		ruleset->make.traced = opening->traced && !(without & 8);
		ruleset->make.owned = !(without & 1) && !seam("no-owner");
		ruleset->make.timed = !(without & 2);
		rc = netlink_insist(attempt_rehearsal, ruleset, opening, fault);
	}
	if (!needed)
		return 0;
	if (rc < 0) {
		fault->kind = FAULT_FAILED;
		return fault_at(fault, "this kernel cannot redirect the port (nft_redir, nft_fib_inet)");
	}
	plan->untimed = plan->untimed || !ruleset->make.timed;
	plan->unowned = !ruleset->make.owned;
	if (plan->lines < PLAN_LINES)
		nat_print(plan->line[plan->lines++], sizeof(plan->line[0]), opening, ruleset->make.owned, ruleset->make.timed);
	return 0;
}

static int redirect_attach(struct ruleset **out, const struct means *means, struct fault *fault)
{
	(void)means;
	return netlink_attach(out, sizeof(struct ruleset), fault);
}

static void redirect_detach(struct ruleset *ruleset)
{
	host_free(&ruleset->host);
	netlink_close(&ruleset->netlink);
	free(ruleset);
}

const struct backend redirect_backend = {
	.choice = BACKEND_CHOICES,
	.redirects = true,
	.attach = redirect_attach,
	.plan = redirect_plan,
	.open = redirect_open,
	.mend = redirect_mend,
	.close = redirect_close,
	.tell = redirect_tell,
	.detach = redirect_detach,
};
