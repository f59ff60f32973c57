// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/listing.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <stdlib.h>
#include <string.h>

#include "backends/iptables/rules.h"
#include "backends/nft/builtin.h"
#include "backends/survey/option.h"
#include "backends/survey/xt_match.h"

static enum match invert(enum match match, bool inverted)
{
	return !inverted || match == MAYBE ? match : match_if(match == NO);
}

/* *target: the word behind -j or -g, or NULL. */
static enum match judge_rule(const struct meeting *meeting, const struct ipt_words *rule, const char **target, bool *go)
{
	enum match match = YES;
	bool inverted = false;

	*target = NULL;
	for (size_t i = 0; i < rule->words && match != NO; i++) {
		enum match one;

		*go = !strcmp(rule->word[i], "-g");
		if (*go || !strcmp(rule->word[i], "-j")) {
			*target = i + 1 < rule->words ? rule->word[i + 1] : NULL;
			break;
		}
		if (!strcmp(rule->word[i], "!")) {
			inverted = true;
			continue;
		}
		one = invert(option_judge(meeting, rule, &i), inverted);
		inverted = false;
		match = one < match ? one : match;
	}
	return match;
}

/* A target is a chain of the table, one of the four verdicts, or a module. */
static void set_verdict(struct outcome *outcome, struct snapshot *snapshot, const struct nft_chain *chain, const char *target, bool go)
{
	const struct nft_chain *to = snapshot_chain(snapshot, chain->family, chain->table, target);

	if (to)
		outcome->verdict = (struct verdict){ (uint32_t)(go ? NFT_GOTO : NFT_JUMP), to->name };
	else if (!strcmp(target, "RETURN"))
		outcome->verdict.code = (uint32_t)NFT_RETURN;
	else
		xt_target(target, outcome);
}

struct outcome listing_meet(struct meeting *meeting, const struct nft_rule *rule)
{
	struct outcome outcome = { .match = MAYBE, .verdict = { NF_DROP, "" } };
	struct ipt_words words = { 0 };
	const char *target;
	bool go = false;

	ipt_split(&words, rule->line, strlen(rule->line));
	if (words.full) /* too long to be read: it may drop */
		return outcome;
	outcome.verdict.code = (uint32_t)NFT_CONTINUE;
	outcome.match = judge_rule(meeting, &words, &target, &go);
	if (target && outcome.match != NO)
		set_verdict(&outcome, meeting->snapshot, meeting->chain, target, go);
	return outcome;
}

struct outcome listing_jumps(struct snapshot *snapshot, const struct nft_chain *chain, const struct nft_rule *rule)
{
	struct outcome outcome = { .verdict = { (uint32_t)NFT_CONTINUE, "" } };
	struct ipt_words words = { 0 };

	ipt_split(&words, rule->line, strlen(rule->line));
	for (size_t i = 0; i + 1 < words.words; i++)
		if (!strcmp(words.word[i], "-j") || !strcmp(words.word[i], "-g"))
			set_verdict(&outcome, snapshot, chain, words.word[i + 1], false);
	return outcome;
}

bool listing_is_ours(const struct nft_rule *rule, const char *tag)
{
	struct ipt_words words = { 0 };

	if (!strstr(rule->line, TAG_PREFIX))
		return false;
	ipt_split(&words, rule->line, strlen(rule->line));
	return ipt_tag(&words, tag);
}

/* --- the index ------------------------------------------------------------------------------------------------------ */

/* The priorities that the kernel modules give the built-in chains. */
static int32_t priority_of(const char *table, const char *chain)
{
	static const struct {
		const char *table;
		int32_t priority;
	} tables[] = { { "raw", NF_IP_PRI_RAW },
		       { "mangle", NF_IP_PRI_MANGLE },
		       { "nat", NF_IP_PRI_NAT_DST },
		       { "filter", NF_IP_PRI_FILTER },
		       { "security", NF_IP_PRI_SECURITY } };

	if (!strcmp(table, "nat") && (!strcmp(chain, "POSTROUTING") || !strcmp(chain, "INPUT")))
		return NF_IP_PRI_NAT_SRC;
	for (size_t i = 0; i < LENGTH_OF(tables); i++)
		if (!strcmp(table, tables[i].table))
			return tables[i].priority;
	return NF_IP_PRI_FILTER;
}

/* Cuts the next word off; *rest is behind it. */
static char *cut_word(char **rest)
{
	char *word = *rest, *end = word + strcspn(word, " ");

	*rest = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

static void index_chain(struct snapshot *snapshot, uint8_t family, const char *table, const char *name, const char *policy)
{
	struct nft_chain *chain = &snapshot->chain[snapshot->chains++];

	*chain = (struct nft_chain){ .family = family, .table = table, .name = name, .base = policy, .type = table };
	chain->policy = policy && strcmp(policy, "ACCEPT") ? NF_DROP : NF_ACCEPT;
	chain->hook = (uint32_t)ipt_hook(name);
	chain->priority = priority_of(table, name);
}

/* A listing has the rules of a chain one after the other. */
static int index_rule(struct snapshot *snapshot, uint8_t family, const char *table, const char *name, const char *line,
		      struct fault *fault)
{
	const struct nft_chain *found = snapshot_chain(snapshot, family, table, name);
	struct nft_chain *chain = found ? &snapshot->chain[found - snapshot->chain] : NULL;

	if (!chain || (chain->rules && chain->first_rule + chain->rules != snapshot->rules))
		return fault_set(fault, FAULT_FAILED,
				 "the listing of the table %s has a rule of the chain %s in an unexpected place", table, name);
	if (!chain->rules)
		chain->first_rule = snapshot->rules;
	chain->rules++;
	snapshot->rule[snapshot->rules++].line = line;
	return 0;
}

static int index_line(struct snapshot *snapshot, char *line, uint8_t family, const char *table, struct fault *fault)
{
	const char *option = cut_word(&line), *name = cut_word(&line);

	if (!strcmp(option, "-P"))
		index_chain(snapshot, family, table, name, cut_word(&line));
	else if (!strcmp(option, "-N"))
		index_chain(snapshot, family, table, name, NULL);
	else if (!strcmp(option, "-A"))
		return index_rule(snapshot, family, table, name, line, fault);
	return 0;
}

int listing_read(struct snapshot *snapshot, char *listing, uint8_t family, const char *table, bool hidden, struct fault *fault)
{
	size_t lines = 1;
	char *line = listing, *next;
	int rc = 0;

	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->messages.bytes = listing;
	snapshot->notrack = hidden || strstr(listing, "NOTRACK") || strstr(listing, "--notrack");
	for (const char *at = listing; *at; at++)
		lines += *at == '\n';
	snapshot->table = calloc(1, sizeof(*snapshot->table));
	snapshot->chain = calloc(lines, sizeof(*snapshot->chain));
	snapshot->rule = calloc(lines, sizeof(*snapshot->rule));
	if (!snapshot->table || !snapshot->chain || !snapshot->rule)
		return fault_errno(fault, FAULT_LATER, "reading a listing");
	snapshot->table[snapshot->tables++] = (struct nft_table){ .family = family, .name = table };
	for (; line && rc == 0; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		rc = index_line(snapshot, line, family, table, fault);
	}
	return rc;
}
