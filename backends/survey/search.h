/* SPDX-License-Identifier: GPL-3.0-or-later */
/* search.h - what the registers hold, looked for in a set or map of nf_tables. */
#ifndef ACMEGATE_BACKENDS_SURVEY_SEARCH_H
#define ACMEGATE_BACKENDS_SURVEY_SEARCH_H

#include "backends/survey/registers.h"
#include "backends/survey/snapshot.h"

/* A look-up of registers as they are at that moment. */
struct search {
	struct registers registers;
	const struct nft_set *set;
	size_t at;
	bool ordered;		       /* the key is known, and intervals decide: */
	const struct nft_element *hit; /* the interval that holds it; NULL: none */
	bool outside;		       /* no interval holds any value that the key can have */
	enum match others;	       /* does the key match any element except the catch-all? */
};

void search_begin(struct search *search, const struct registers *registers, const struct nft_set *set, size_t at);

/* Does the look-up find this element? */
enum match search_finds(const struct search *search, const struct nft_element *element);
/* Is it in the set? MAYBE also for sets whose elements come and go. */
enum match search_set(const struct registers *registers, const struct nft_set *set, size_t at);

#endif
