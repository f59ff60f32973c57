// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * acmegate-iptables: runs the host's own iptables tools, and reads the tables of iptables-legacy. The gate starts it for one verb, as
 * helper.h says, and hands over the places that it has found (place.h). It keeps CAP_NET_ADMIN and CAP_NET_RAW, which the tools need, and
 * nothing else. It understands no ruleset: "list" prints the legacy tables for the surveyor.
 *
 * It prints for plan, open and list a line of state first, which comes back in ACMEGATE_STATE: digests of the legacy tables, what tools and
 * kernel can do, the rules' time, the tools. Then for
 *
 *	plan	"UNBOUND UNTIMED", each 0 or 1, and the commands
 *	open	how many rules it has made, and the process ids of the tools that did
 *	list	for each legacy table "ip filter 1234", and so many bytes of rules; an empty line
 *	close	how many rules it has removed, and the most packets that one of them has counted; no state
 *	digest	the digest of the legacy tables without our rules; no state
 *
 * Of iptables-nft it neither reads nor removes rules: there the gate does, by netlink.
 */
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/helper.h"
#include "backends/iptables/closer.h"
#include "backends/iptables/opener.h"
#include "backends/iptables/probe.h"
#include "backends/iptables/sight.h"
#include "backends/iptables/state.h"
#include "backends/nft/builtin.h"
#include "base/confine.h"
#include "base/log.h"

#define LINE_SIZE sizeof(((struct plan *)0)->line[0])

/* --- list and digest ---------------------------------------------------------------------------------------------- */

static int list_table(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, void *out,
		      struct fault *fault)
{
	const char *tool = probe_tool(ruleset, layer, fault);
	OWN_FREE char *listing = NULL;

	(void)table;
	if (!tool)
		return fault->code == ENOENT ? fault_at(fault,
							"tables of %s are loaded, which only that tool can read; if they do not "
							"block the port, set backend = nftables",
							ipt_layers[layer].name) :
					       -1;
	listing = ipt_list(tool, name, fault);
	if (!listing)
		return -1;
	fprintf(out, "%s %s %zu\n%s", ipt_layers[layer].family == NFPROTO_IPV4 ? "ip" : "ip6", name, strlen(listing), listing);
	return 0;
}

/* A change while the tools print is seen before the next rule is made. */
static int attempt_list(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	char **text = (void *)(uintptr_t)arg;
	size_t size;
	FILE *out;
	int rc;

	free(*text);
	*text = NULL;
	rc = sight_attempt(ruleset, &ruleset->seen, fault);
	out = rc == 0 ? open_memstream(text, &size) : NULL;
	if (!out)
		return rc < 0 ? rc : fault_errno(fault, FAULT_LATER, "listing the tables of iptables-legacy");
	rc = sight_each(ruleset, NFPROTO_UNSPEC, list_table, out, fault);
	return fclose(out) == 0 ? rc : fault_errno(fault, FAULT_LATER, "listing the tables of iptables-legacy");
}

static int list(struct ruleset *ruleset, struct fault *fault)
{
	OWN_FREE char *text = NULL;

	if (netlink_insist(attempt_list, ruleset, &text, fault) < 0)
		return -1;
	state_print(ruleset);
	printf("%s\n", text ? text : "");
	return 0;
}

static int digest(struct ruleset *ruleset, struct fault *fault)
{
	struct sight now = { "", "" };

	if (sight_look(ruleset, &now, fault) < 0)
		return -1;
	printf("%s\n", now.others);
	return 0;
}

/* --- plan ------------------------------------------------------------------------------------------------ */

/* As a person would type it. */
static void print_command(const struct ipt_words *command)
{
	char line[LINE_SIZE] = "";
	size_t used = 0;

	for (size_t i = 0; i < command->words && used < sizeof(line); i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s", i ? " " : "", command->word[i]);
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	printf("%s\n", line);
}

static int plan(struct ruleset *ruleset, struct fault *fault)
{
	struct rule now;

	if (probe_matches(ruleset, fault) < 0)
		return -1;
	state_print(ruleset);
	now = ruleset->rule;
	printf("%d %d\n", probe_is_bindable(&ruleset->places) && !now.bound, !now.timed);
	probe_time(&now, ruleset->seconds);
	for (size_t i = 0; i < ruleset->places.count; i++) {
		struct ipt_words command;

		place_command(&ruleset->places.place[i], &now, INSERT, &command);
		print_command(&command);
	}
	return 0;
}

/* --- what it is asked --------------------------------------------------------------------------------------------- */

static const struct verb {
	const char *name;
	bool tagged; /* for one tag only */
	int (*act)(struct ruleset *ruleset, struct fault *fault);
} verbs[] = {
	{ "plan", true, plan },	     { "open", true, opener_open }, { "close", false, closer_close },
	{ "digest", false, digest }, { "list", false, list },
};

static char *variable(const char *name)
{
	static char nothing[1];
	char *value = getenv(name);

	return value ? value : nothing;
}

static const struct verb *find_verb(int argc, char **argv, const char *tag)
{
	if (argc == 2 && (!tag[0] || opening_is_tag(tag, NULL)))
		for (size_t i = 0; i < LENGTH_OF(verbs); i++)
			if (!strcmp(argv[1], verbs[i].name) && (tag[0] || !verbs[i].tagged))
				return &verbs[i];
	return NULL;
}

/* The exit status. */
static int run(const struct verb *verb, struct ruleset *ruleset, struct fault *fault)
{
	int rc = sandbox_tools(fault) < 0 || confine(ROLE_TOOLS, NULL, -1, fault) < 0 ? -1 : 0;

	if (rc == 0)
		rc = places_read(&ruleset->places, variable("ACMEGATE_PLACES"), fault);
	if (rc == 0)
		rc = state_read(ruleset, variable("ACMEGATE_STATE"), fault);
	if (rc == 0)
		rc = verb->act(ruleset, fault);
	netlink_close(&ruleset->netlink);
	if (rc == AGAIN)
		return ruleset->done.made ? HELPER_MADE : HELPER_LOOK;
	return rc == 0 ? STATUS_DONE : fault->kind == FAULT_LATER ? STATUS_LATER : STATUS_FAILED;
}

int main(int argc, char **argv)
{
	static struct ruleset ruleset;
	const char *tag = variable("ACMEGATE_TAG");
	const struct verb *verb;
	struct fault fault;
	int status;

	if (fill_standard() < 0)
		return STATUS_FAILED;
	log_start("iptables", getenv(HELPER_DEBUG) ? LOG_EVERYTHING : LOG_PLAIN);
	verb = find_verb(argc, argv, tag);
	if (!verb) {
		fprintf(stderr, "acmegate-iptables is started by acmegate, see acmegate(8)\n");
		return STATUS_USAGE;
	}
	ruleset.tag = ruleset.rule.tag = tag[0] ? tag : NULL;
	ruleset.seconds = (uint32_t)strtoul(variable("ACMEGATE_SECONDS"), NULL, 10);
	status = run(verb, &ruleset, &fault);
	if (status != STATUS_DONE)
		printf("%s\n", fault.text);
	return status;
}
