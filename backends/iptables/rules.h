/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rules.h - the words of an iptables command, and what "iptables -S" prints. */
#ifndef ACMEGATE_BACKENDS_IPTABLES_RULES_H
#define ACMEGATE_BACKENDS_IPTABLES_RULES_H

#include "backends/opening.h"

#define IPT_WORDS 64
#define IPT_TEXT 1024

/* Words with a NULL behind the last, as execve takes them. They point into text: not to be copied. */
struct ipt_words {
	size_t words, used;
	bool full; /* something did not fit and was left out */
	char *word[IPT_WORDS + 1];
	char text[IPT_TEXT];
};

void ipt_add(struct ipt_words *words, const char *word);
void ipt_add_all(struct ipt_words *words, const char *several); /* with spaces between */

/* Adds the words of one line; quotes are removed as a shell would. The length is without the end of the line. */
void ipt_split(struct ipt_words *words, const char *line, size_t length);

/* The length of the line that begins here; *next is the one behind it, or NULL. */
size_t ipt_line(const char *line, const char **next);

/* The comment of a rule if it is this tag, or any of ours (wanted NULL) in a rule that has the shape of ours; otherwise NULL. */
const char *ipt_tag(const struct ipt_words *rule, const char *wanted);

/* Is there a built-in chain in what -S printed? Everything else is no listing. */
bool ipt_is_listing(const char *listing);

#endif
