// SPDX-License-Identifier: GPL-3.0-or-later
#include "listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipt_rules.h"

/* "80", "80,443", "1:1023". What cannot be read may be the port. */
static bool may_be_port(const char *list, uint16_t port)
{
	while (*list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (end == list)
			return true;
		if (*end == ':')
			last = end[1] ? strtoul(end + 1, &end, 10) : UINT16_MAX;
		if (first <= port && port <= last)
			return true;
		if (*end != ',')
			return *end != '\0';
		list = end + 1;
	}
	return false;
}

static bool is_one_of(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

#define BUDGET 1000000	/* lines read on the way through all the chains that jump to each other */

/* What the packet meets in one rule, or in a chain. */
enum effect { PASSES, ACCEPTS, RETURNS, JUMPS, GOES, MAY_BLOCK };

/* The way of the packet through the chains of a table. */
struct way {
	const char *listing, *hook; /* the built-in chain */
	uint16_t port;
	unsigned int read;
};

/* Can the packet have none of these states? conntrack comes before INPUT and after a part of the others. */
static bool is_other_state(const char *chain, const char *option, const char *states)
{
	return !strcmp(chain, "INPUT") && (!strcmp(option, "--ctstate") || !strcmp(option, "--state")) &&
	       !strstr(states, "NEW") && !strstr(states, "UNTRACKED");
}

/* *target: where a jump goes. *sure: that the rule matches. */
static enum effect effect_of(const struct ipt_words *rule, const char *chain, uint16_t port, const char **target, bool *sure)
{
	static const char *const protocols[] = { "tcp", "6", "all", "0" };
	static const char *const harmless[] = { "ACCEPT", "LOG", "NFLOG", "MARK", "CONNMARK", "CT", "TCPMSS", "SET", "TRACE",
						"AUDIT", "CLASSIFY", "DSCP", "TOS", "NOTRACK" };
	static const char *const incoming[] = { "--dport", "--dports" }, *const outgoing[] = { "--sport", "--sports" };
	static const char *const known[] = { "-p", "-m", "--comment", "-j", "-g" };
	static const char *const absent[] = { "rt", "dst", "hbh", "frag", "ah", "esp" }; /* headers that such a packet has not */
	static const char *const plain[] = { "tcp", "multiport", "comment" }; /* match by their options only */
	enum effect effect = JUMPS;

	*target = NULL;
	*sure = true;
	for (size_t i = 2; i + 1 < rule->words && !*target; i++) {
		const char *option = rule->word[i], *value = rule->word[i + 1];
		bool about_ports = is_one_of(option, ipt_is_outgoing(chain) ? outgoing : incoming, LENGTH_OF(incoming));
		bool is_known = about_ports || is_one_of(option, known, LENGTH_OF(known));

		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): a word that was counted is there */
		effect = strcmp(option, "-g") ? JUMPS : GOES;
		if (effect == GOES || !strcmp(option, "-j"))
			*target = value;
		else if ((!strcmp(option, "-p") && !is_one_of(value, protocols, LENGTH_OF(protocols))) ||
			 (!strcmp(option, "-m") && is_one_of(value, absent, LENGTH_OF(absent))) ||
			 (about_ports && !may_be_port(value, port)) || is_other_state(chain, option, value) ||
			 ((!strcmp(option, "-i") || !strcmp(option, "-o")) && !strcmp(value, "lo")))
			return PASSES;
		*sure = *sure && is_known && (strcmp(option, "-m") || is_one_of(value, plain, LENGTH_OF(plain)));
		/* the value of an option is no option, whatever it looks like; nor is what is negated */
		i += is_known || !strcmp(option, "!");
	}
	if (!*target || is_one_of(*target, harmless, LENGTH_OF(harmless)))
		return *target && !strcmp(*target, "ACCEPT") && *sure ? ACCEPTS : PASSES;
	return strcmp(*target, "RETURN") ? effect : RETURNS;
}

/* Is this line "-OPTION CHAIN", with or without more? */
static bool is_about(const char *line, const char *option, const char *chain)
{
	char start[48] = "";
	size_t length = (size_t)snprintf(start, sizeof(start), "%s %s", option, chain);

	return !strncmp(line, start, length) && strchr(" \n", line[length]);
}

static bool ends_in(const char *line, size_t length, const char *end)
{
	return length >= strlen(end) && !strncmp(line + length - strlen(end), end, strlen(end));
}

static enum effect walk_chain(struct way *way, const char *chain, int depth);

/* A chain that is not there is a target that may drop. */
static enum effect follow(struct way *way, enum effect effect, const char *target, bool sure, int depth)
{
	enum effect inside = walk_chain(way, target, depth + 1);

	if (inside == MAY_BLOCK || (effect == GOES && inside != ACCEPTS))
		return MAY_BLOCK;
	return inside == ACCEPTS && sure ? ACCEPTS : PASSES;
}

/* ACCEPTS: on every way. PASSES: it may come out at the end, and is not blocked. */
static enum effect walk_chain(struct way *way, const char *chain, int depth)
{
	enum effect end = depth ? MAY_BLOCK : PASSES; /* if there is no such chain */
	const char *next, *target;
	bool sure, returns = false;

	for (const char *line = way->listing; line; line = next) {
		struct ipt_words rule = { 0 };
		size_t length = ipt_line(line, &next);
		enum effect effect;

		if (++way->read > BUDGET || depth > 16)
			return MAY_BLOCK;
		if (is_about(line, "-N", chain))
			end = PASSES;
		if (is_about(line, "-P", chain))
			end = ends_in(line, length, " ACCEPT") ? PASSES : MAY_BLOCK;
		if (!is_about(line, "-A", chain))
			continue;
		ipt_split(&rule, line, length);
		if (rule.full)
			return MAY_BLOCK;
		if (ipt_tag(&rule, NULL))
			continue;
		effect = effect_of(&rule, way->hook, way->port, &target, &sure);
		if (effect == JUMPS || effect == GOES)
			effect = follow(way, effect, target, sure, depth);
		if (effect == MAY_BLOCK || (effect == ACCEPTS && !returns))
			return effect;
		if ((effect == RETURNS && sure) || effect == ACCEPTS)
			return end;
		returns = returns || effect == RETURNS;
	}
	return end;
}

bool listing_can_block(const char *listing, const char *chain, uint16_t port)
{
	struct way way = { .listing = listing, .hook = chain, .port = port };

	return walk_chain(&way, chain, 0) == MAY_BLOCK;
}
