// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/iptables/closer.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/iptables/probe.h"
#include "backends/iptables/sight.h"
#include "backends/iptables/twins.h"

/* The rules of this run are known without a listing. 1: removed. 0: there is no such rule. */
static int remove_known(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, struct fault *fault)
{
	int removed = 0;

	for (size_t i = 0; i < ruleset->places.count && ruleset->rule.tool[layer]; i++) {
		const struct place *place = &ruleset->places.place[i];
		struct ipt_words command;
		pid_t pid;

		if (place->layer != layer || strcmp(place->table, name) != 0 || !table_has(table, place->chain, ruleset->tag))
			continue;
		place_command(place, &ruleset->rule, DELETE, &command);
		if (ipt_run(&command, &pid, fault) == 0)
			removed++;
		else if (fault->kind == FAULT_LATER)
			return -1;
	}
	ruleset->done.removed += (unsigned int)removed;
	return removed > 0;
}

/* "-A INPUT ..." becomes "-D INPUT ...". Somebody else may have been faster: the next round sees. */
static int remove_listed(struct ruleset *ruleset, const char *tool, const char *name, const char *line, size_t length,
			 struct fault *fault)
{
	struct ipt_words rule = { 0 }, command;
	pid_t pid;

	ipt_split(&rule, line, length);
	if (rule.full || strcmp(rule.words ? rule.word[0] : "", "-A") != 0 || !ipt_tag(&rule, ruleset->tag))
		return 0;
	ipt_begin(&command, tool, name);
	ipt_add(&command, "-D");
	for (size_t i = 1; i < rule.words; i++)
		ipt_add(&command, rule.word[i]);
	if (ipt_run(&command, &pid, fault) == 0)
		ruleset->done.removed++;
	else if (fault->kind == FAULT_LATER)
		return -1;
	return 0;
}

static int remove_from(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, void *arg,
		       struct fault *fault)
{
	OWN_FREE char *listing = NULL;
	const char *tool, *next;
	uint64_t packets;
	int known;

	if (!table_has(table, NULL, ruleset->tag))
		return 0;
	(void)arg;
	ruleset->done.found = true;
	packets = table_packets(table, ruleset->tag);
	ruleset->done.packets = packets > ruleset->done.packets ? packets : ruleset->done.packets;
	known = remove_known(ruleset, layer, name, table, fault);
	if (known)
		return known < 0 ? -1 : 0;
	tool = probe_tool(ruleset, layer, fault);
	listing = tool ? ipt_list(tool, name, fault) : NULL;
	for (const char *line = listing; line; line = next) {
		size_t length = ipt_line(line, &next);

		if (remove_listed(ruleset, tool, name, line, length, fault) < 0)
			return -1;
	}
	return listing ? 0 : -1;
}

static int remove_rules(struct ruleset *ruleset, uint8_t family, struct fault *fault)
{
	return sight_each(ruleset, family, remove_from, NULL, fault);
}

/* The first attempt removes what is known at once; the next one reads back. */
static int attempt_close(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	const bool first = !ruleset->done.found;
	int rc;

	(void)arg;
	ruleset->done.found = false;
	rc = first ? twins_work(ruleset, remove_rules, fault) : remove_rules(ruleset, NFPROTO_UNSPEC, fault);
	return rc == 0 && ruleset->done.found ? AGAIN : rc;
}

int closer_close(struct ruleset *ruleset, struct fault *fault)
{
	if (netlink_insist(attempt_close, ruleset, NULL, fault) < 0)
		return -1;
	printf("%u %llu\n", ruleset->done.removed, (unsigned long long)ruleset->done.packets);
	return 0;
}
