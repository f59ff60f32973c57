// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/iptables/probe.h"

#include <time.h>

#include "backends/iptables/kernel.h"
#include "base/seam.h"

const char *probe_tool(struct ruleset *ruleset, size_t layer, struct fault *fault)
{
	if (!ruleset->rule.tool[layer])
		ruleset->rule.tool[layer] = ipt_find(&ipt_layers[layer], &ruleset->rule.prompt[layer], fault);
	return ruleset->rule.tool[layer];
}

/*
 * The tool has a library for each match, whatever the kernel has. Without two of them the window has a net less, without the others
 * there is no rule: such a kernel has no module for them, today or tomorrow.
 */
static int ask_kernel(struct ruleset *ruleset, size_t layer, bool *bound, bool *timed, struct fault *fault)
{
	struct {
		const char *match;
		uint8_t revision;
		bool wanted, *net;
	} asked[] = {
		{ "comment", 0, true, NULL },
		{ "addrtype", 1, places_need_addrtype(&ruleset->places, layer), NULL },
		{ "socket", 2, *bound, bound },
		{ "time", 0, *timed, timed },
	};

	if (!ipt_layers[layer].legacy && !ruleset->netlink.socket && netlink_open(&ruleset->netlink, fault) < 0)
		return -1;
	for (size_t i = 0; i < LENGTH_OF(asked); i++) {
		int has = asked[i].wanted ? ipt_kernel_has(ipt_layers[layer].legacy ? NULL : &ruleset->netlink,
							   ipt_layers[layer].family, asked[i].match, asked[i].revision, fault) :
					    1;

		if (has < 0)
			return -1;
		if (!has && !asked[i].net)
			return fault_set(fault, FAULT_FAILED, "this kernel has no -m %s for %s: it needs the module xt_%s%s",
					 asked[i].match, ipt_layers[layer].name, asked[i].match,
					 ipt_layers[layer].legacy ? "" : " and nft_compat");
		if (!has)
			*asked[i].net = false;
	}
	return 0;
}

bool probe_is_bindable(const struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		if (places->place[i].bindable)
			return true;
	return false;
}

static int probe_layer(struct ruleset *ruleset, size_t layer, bool *bound, bool *timed, struct fault *fault)
{
	struct rule *rule = &ruleset->rule;
	int knows = 0;

	if (!probe_tool(ruleset, layer, fault))
		return fault_at(fault, "chains of %s block the port, and opening them takes that tool", ipt_layers[layer].name);
	if (ask_kernel(ruleset, layer, bound, timed, fault) < 0)
		return -1;
	for (int without = 0; without < 4 && !knows; without++) {
		rule->bound = *bound && !(without & 1);
		rule->timed = *timed && !(without & 2);
		knows = ipt_knows(rule->tool[layer], rule->bound, rule->timed, fault);
	}
	if (knows == 0)
		fault_set(fault, FAULT_FAILED, "%s does not know -m comment (module xt_comment)", rule->tool[layer]);
	*bound = rule->bound;
	*timed = rule->timed;
	return knows > 0 ? 0 : -1;
}

int probe_matches(struct ruleset *ruleset, struct fault *fault)
{
	bool bound = probe_is_bindable(&ruleset->places) && !seam("no-socket"), timed = !seam("no-timeout");

	for (size_t i = 0; i < IPT_LAYERS && !ruleset->probed; i++)
		if (places_need(&ruleset->places, i) && probe_layer(ruleset, i, &bound, &timed, fault) < 0)
			return -1;
	ruleset->probed = true;
	return 0;
}

void probe_time(struct rule *rule, uint32_t seconds)
{
	rule->start = time(NULL);
	rule->stop = rule->start + seconds - 1;
}
