// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/iptables/rules.h"

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
	struct tag_shape shape = { 0 };
	const char *tag = NULL;

	for (size_t i = 0; i + 1 < rule->words; i++) {
		if (!strcmp(rule->word[i], "--comment") && opening_is_tag(rule->word[i + 1], wanted))
			tag = rule->word[i + 1];
		if (!strcmp(rule->word[i], "-m"))
			tag_add_match(&shape, rule->word[i + 1]);
	}
	return wanted || tag_is_shape(&shape) ? tag : NULL;
}

bool ipt_is_listing(const char *listing)
{
	return !strncmp(listing, "-P ", 3) || strstr(listing, "\n-P ");
}
