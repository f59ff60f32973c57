/* SPDX-License-Identifier: GPL-3.0-or-later */
/* insertion.h - where rules have to go so that a base chain lets a validation through. */
#ifndef ACMEGATE_BACKENDS_SURVEY_INSERTION_H
#define ACMEGATE_BACKENDS_SURVEY_INSERTION_H

#include "backends/survey/walk.h"

#define INSERTIONS_MOST 16

struct insertions {
	struct culprit culprit; /* the first rule that blocks */
	size_t count;		/* 0: nothing blocks */
	struct insertion insertion[INSERTIONS_MOST];
	unsigned int lost; /* enum effect: what packets miss because they never meet the rules behind */
};

/*
 * Finds what has to be inserted so that all packets of a validation pass the base chain, and still meet every rule that marks
 * them, if that can be had: right before the first rule that may block; or in the chains that block a way back out of them.
 * -1: no memory.
 */
int insertion_find(struct snapshot *snapshot, const struct facts *facts, const struct nft_chain *chain, const struct way *way,
		   struct insertions *result) MUST_CHECK;

#endif
