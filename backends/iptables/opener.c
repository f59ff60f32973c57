// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/iptables/opener.h"

#include <stdio.h>
#include <string.h>

#include "backends/iptables/probe.h"
#include "backends/iptables/sight.h"
#include "backends/iptables/state.h"
#include "backends/iptables/twins.h"

static int run_rule(struct ruleset *ruleset, const struct place *place, enum action action, struct fault *fault)
{
	struct ipt_words command;
	struct fault ignored;
	struct sight now = { "", "" };
	pid_t pid;

	place_command(place, &ruleset->rule, action, &command);
	if (ipt_run(&command, &pid, fault) == 0) {
		if (ruleset->done.pids < MOST_PIDS)
			ruleset->done.pid[ruleset->done.pids++] = pid;
		return 0;
	}
	if (ipt_layers[place->layer].legacy &&
	    (sight_look(ruleset, &now, &ignored) < 0 || strcmp(now.others, ruleset->seen.others) != 0))
		return sight_stale(fault);
	return -1;
}

static int make_rules(struct ruleset *ruleset, uint8_t family, struct fault *fault)
{
	for (size_t i = 0; i < ruleset->places.count; i++) {
		const struct place *place = &ruleset->places.place[i];
		int rc;

		if ((ruleset->present[i] && !place->again) || !sight_is_of(place->layer, family))
			continue;
		rc = place->again ? run_rule(ruleset, place, DELETE, fault) : 0;
		if (rc == 0)
			rc = run_rule(ruleset, place, INSERT, fault);
		if (rc < 0)
			return rc;
		ruleset->done.made++;
		places_move(&ruleset->places, place);
	}
	return 0;
}

static bool is_to_do(const struct ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->places.count; i++)
		if (!ruleset->present[i] || ruleset->places.place[i].again)
			return true;
	return false;
}

static int make_missing(struct ruleset *ruleset, struct fault *fault)
{
	if (!is_to_do(ruleset))
		return 0;
	if (probe_matches(ruleset, fault) < 0)
		return -1;
	for (size_t i = 0; i < IPT_LAYERS; i++)
		if (places_need(&ruleset->places, i) && !probe_tool(ruleset, i, fault))
			return -1;
	if (!ruleset->rule.start)
		probe_time(&ruleset->rule, ruleset->seconds);
	return twins_work(ruleset, make_rules, fault);
}

/*
 * Have our rules come into the legacy tables everywhere, and has nobody else changed these meanwhile? What they look like is noted before
 * the reading: a rule that is swept away after it is seen at the next look.
 */
static int read_back(struct ruleset *ruleset, struct fault *fault)
{
	struct sight before = ruleset->seen;

	if (sight_look(ruleset, &ruleset->seen, fault) < 0 || sight_mark(ruleset, fault) < 0)
		return -1;
	if (strcmp(before.others, ruleset->seen.others) != 0)
		return sight_stale(fault);
	for (size_t i = 0; i < ruleset->places.count; i++)
		if (ipt_layers[ruleset->places.place[i].layer].legacy && !ruleset->present[i])
			return sight_stale(fault);
	return 0;
}

int opener_open(struct ruleset *ruleset, struct fault *fault)
{
	struct sight now = { "", "" };
	int rc = sight_look(ruleset, &now, fault);

	if (rc == 0 && strcmp(now.all, ruleset->seen.all) != 0)
		return sight_stale(fault);
	if (rc == 0)
		rc = sight_mark(ruleset, fault);
	if (rc == 0)
		rc = make_missing(ruleset, fault);
	if (rc == 0 && ruleset->done.made)
		rc = read_back(ruleset, fault);
	if (rc < 0)
		return rc;
	state_print(ruleset);
	printf("%u", ruleset->done.made);
	for (unsigned int i = 0; i < ruleset->done.pids; i++)
		printf(" %d", (int)ruleset->done.pid[i]);
	printf("\n");
	return 0;
}
