// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/iptables/state.h"

#include <stdio.h>
#include <string.h>

#include "backends/iptables/sight.h"

/* The path of a tool is one of two: 1 and 2, or 3 and 4 for a prompt one. */
static unsigned int number_of_tool(const struct rule *rule, size_t layer)
{
	for (unsigned int i = 0; rule->tool[layer] && i < LENGTH_OF(ipt_layers[layer].paths); i++)
		if (!strcmp(rule->tool[layer], ipt_layers[layer].paths[i]))
			return i + (rule->prompt[layer] ? 3 : 1);
	return 0;
}

void state_print(const struct ruleset *ruleset)
{
	const struct rule *rule = &ruleset->rule;

	printf("%s %s %d %d %d %lld %lld", ruleset->seen.all, ruleset->seen.others, ruleset->probed, rule->bound, rule->timed,
	       (long long)rule->start, (long long)rule->stop);
	for (size_t i = 0; i < IPT_LAYERS; i++)
		printf(" %u", number_of_tool(rule, i));
	printf("\n");
}

int state_read(struct ruleset *ruleset, const char *text, struct fault *fault)
{
	struct rule *rule = &ruleset->rule;
	int probed, bound, timed;
	unsigned int tool[IPT_LAYERS];
	long long start, stop;
	struct sha256_ctx nothing;

	sha256_init(&nothing);
	sight_write(&nothing, ruleset->seen.all);
	sha256_init(&nothing);
	sight_write(&nothing, ruleset->seen.others);
	if (!text[0])
		return 0;
	/* NOLINTNEXTLINE(cert-err34-c): the numbers are our own */
	if (sscanf(text, "%64s %64s %d %d %d %lld %lld %u %u %u %u", ruleset->seen.all, ruleset->seen.others, &probed, &bound,
		   &timed, &start, &stop, &tool[0], &tool[1], &tool[2], &tool[3]) != 7 + IPT_LAYERS)
		return fault_set(fault, FAULT_FAILED, "ACMEGATE_STATE makes no sense: %.200s", text);
	ruleset->probed = probed != 0;
	rule->bound = bound != 0;
	rule->timed = timed != 0;
	rule->start = start;
	rule->stop = stop;
	for (size_t i = 0; i < IPT_LAYERS; i++) {
		rule->prompt[i] = tool[i] > 2;
		rule->tool[i] = tool[i] && tool[i] <= 4 ? ipt_layers[i].paths[(tool[i] - 1) % 2] : NULL;
	}
	return 0;
}
