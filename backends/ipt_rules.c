// SPDX-License-Identifier: GPL-3.0-or-later
#include "ipt_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void begin_word(struct ipt_words *words)
{
	words->word[words->words] = words->text + words->used;
}

static void add_char(struct ipt_words *words, char c)
{
	words->full = words->full || words->used + 1 >= sizeof(words->text) || words->words == IPT_WORDS;
	if (!words->full)
		words->text[words->used++] = c;
}

static void end_word(struct ipt_words *words)
{
	add_char(words, '\0');
	if (!words->full)
		words->words++;
	words->word[words->words] = NULL;
}

void ipt_add(struct ipt_words *words, const char *word)
{
	begin_word(words);
	while (*word)
		add_char(words, *word++);
	end_word(words);
}

/* xtables_save_string() of libxtables writes this: double quotes, and a backslash before quotes and backslashes. */
void ipt_split(struct ipt_words *words, const char *line, size_t length)
{
	bool quoted = false, inside = false;

	for (const char *at = line; at < line + length; at++) {
		if (*at == ' ' && !quoted) {
			if (inside)
				end_word(words);
			inside = false;
			continue;
		}
		if (!inside)
			begin_word(words);
		inside = true;
		if (*at == '"') {
			quoted = !quoted;
			continue;
		}
		if (*at == '\\' && at + 1 < line + length)
			at++;
		add_char(words, *at);
	}
	if (inside)
		end_word(words);
}

void ipt_add_all(struct ipt_words *words, const char *several)
{
	ipt_split(words, several, strlen(several));
}

size_t ipt_line(const char *line, const char **next)
{
	const char *end = strchr(line, '\n');

	*next = end && end[1] ? end + 1 : NULL;
	return end ? (size_t)(end - line) : strlen(line);
}

const char *ipt_tag(const struct ipt_words *rule, const char *wanted)
{
	for (size_t i = 0; i + 1 < rule->words; i++)
		if (!strcmp(rule->word[i], "--comment") && opening_is_tag(rule->word[i + 1], wanted))
			return rule->word[i + 1];
	return NULL;
}

bool ipt_is_listing(const char *listing)
{
	return !strncmp(listing, "-P ", 3) || strstr(listing, "\n-P ");
}

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

/* What the packet meets in one rule. */
enum effect { PASSES, ACCEPTS, MAY_BLOCK };

/* Can the packet have none of these states? conntrack comes before INPUT and after a part of the others. */
static bool is_other_state(const char *chain, const char *option, const char *states)
{
	return !strcmp(chain, "INPUT") && (!strcmp(option, "--ctstate") || !strcmp(option, "--state")) &&
	       !strstr(states, "NEW") && !strstr(states, "UNTRACKED");
}

static enum effect effect_of(const struct ipt_words *rule, const char *chain, uint16_t port)
{
	static const char *const protocols[] = { "tcp", "6", "all", "0" };
	static const char *const harmless[] = { "ACCEPT", "LOG", "NFLOG", "MARK", "CONNMARK", "CT", "TCPMSS", "SET", "TRACE",
						"AUDIT", "CLASSIFY", "DSCP", "TOS", "NOTRACK" };
	static const char *const incoming[] = { "--dport", "--dports" }, *const outgoing[] = { "--sport", "--sports" };
	static const char *const known[] = { "-p", "-m", "--comment", "-j", "-g" };
	static const char *const plain[] = { "tcp", "multiport", "comment" }; /* match by their options only */
	const char *target = NULL;
	bool sure = true; /* that it matches */

	for (size_t i = 2; i + 1 < rule->words && !target; i++) {
		const char *option = rule->word[i], *value = rule->word[i + 1];
		bool about_ports = is_one_of(option, strcmp(chain, "OUTPUT") ? incoming : outgoing, LENGTH_OF(incoming));
		bool is_known = about_ports || is_one_of(option, known, LENGTH_OF(known));

		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): a word that was counted is there */
		if (!strcmp(option, "-j") || !strcmp(option, "-g"))
			target = value;
		else if ((!strcmp(option, "-p") && !is_one_of(value, protocols, LENGTH_OF(protocols))) ||
			 (about_ports && !may_be_port(value, port)) || is_other_state(chain, option, value) ||
			 ((!strcmp(option, "-i") || !strcmp(option, "-o")) && !strcmp(value, "lo")))
			return PASSES;
		sure = sure && is_known && (strcmp(option, "-m") || is_one_of(value, plain, LENGTH_OF(plain)));
		/* the value of an option is no option, whatever it looks like; nor is what is negated */
		i += is_known || !strcmp(option, "!");
	}
	if (target && !strcmp(target, "ACCEPT") && sure)
		return ACCEPTS;
	return !target || is_one_of(target, harmless, LENGTH_OF(harmless)) ? PASSES : MAY_BLOCK;
}

/* Is this line "-OPTION CHAIN ..."? */
static bool is_about(const char *line, const char *option, const char *chain)
{
	char start[48] = "";

	snprintf(start, sizeof(start), "%s %s ", option, chain);
	return !strncmp(line, start, strlen(start));
}

bool ipt_can_block(const char *listing, const char *chain, uint16_t port)
{
	const char *next;
	bool drops = false;

	for (const char *line = listing; line; line = next) {
		struct ipt_words rule = { 0 };
		size_t length = ipt_line(line, &next);

		if (is_about(line, "-P", chain))
			drops = strncmp(line + length - strlen(" ACCEPT"), " ACCEPT", strlen(" ACCEPT")) != 0;
		if (!is_about(line, "-A", chain))
			continue;
		ipt_split(&rule, line, length);
		if (rule.full)
			return true;
		if (ipt_tag(&rule, NULL))
			continue;
		switch (effect_of(&rule, chain, port)) {
		case ACCEPTS:
			return false;
		case MAY_BLOCK:
			return true;
		case PASSES:
			break;
		}
	}
	return drops;
}
