/* SPDX-License-Identifier: GPL-3.0-or-later */
/* expression.h - the expressions of a rule of nf_tables: does the packet match, and what becomes of it? */
#ifndef ACMEGATE_BACKENDS_SURVEY_EXPRESSION_H
#define ACMEGATE_BACKENDS_SURVEY_EXPRESSION_H

#include "backends/survey/packet.h"

/* See meet.h. */
struct outcome expression_meet(struct meeting *meeting, const struct nft_rule *rule);

struct outcome expression_jumps(struct snapshot *snapshot, const struct nft_chain *chain, const struct nft_rule *rule);

/* What is looked for in a set: a part of the registers as they are at that moment. */
struct search {
	struct registers registers;
	const struct nft_set *set;
	size_t at;
	bool ordered;			/* the intervals decide: */
	const struct nft_element *hit;	/* it is in this one, or in none */
	bool outside;			/* no interval holds any value that it can have */
	enum match others;		/* with any element but the one that catches all that no other does */
};

void search_begin(struct search *search, const struct registers *registers, const struct nft_set *set, size_t at);

/* Does the packet find this element? Then this is its verdict. */
enum match search_finds(const struct search *search, const struct nft_element *element);
struct verdict verdict_of(const struct nlattr *data);

#endif
