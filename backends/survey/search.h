/* SPDX-License-Identifier: GPL-3.0-or-later */
/* search.h - what the registers hold, looked for in a set or map of nf_tables. */
#ifndef ACMEGATE_BACKENDS_SURVEY_SEARCH_H
#define ACMEGATE_BACKENDS_SURVEY_SEARCH_H

#include "backends/survey/registers.h"
#include "backends/survey/snapshot.h"

/* A part of the registers as they are at that moment. */
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
/* Is it in the set? MAYBE also for sets whose elements come and go. */
enum match search_set(const struct registers *registers, const struct nft_set *set, size_t at);

#endif
