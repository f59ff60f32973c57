/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sending.h - the rules of an opening on their way to the kernel. Only the backend itself includes this.
 */
#ifndef ACMEGATE_BACKENDS_NFT_SENDING_H
#define ACMEGATE_BACKENDS_NFT_SENDING_H

#include "backends/backend.h"
#include "backends/nft/news.h"
#include "backends/nft/rule.h"
#include "backends/nft/survey.h"

/*
 * The spots are the chains that need the rule, with the handle that the rule got there. Reading 10,000 rules takes the kernel
 * some 50 ms. So the spots are chosen before the window, and hold as long as the generation does. They are a short cut only:
 * closing never trusts a handle without looking at the tag behind it.
 */
struct ruleset {
	struct netlink netlink; /* first: netlink_attach() */
	struct news news;	/* of what is committed while the opening stands */
	bool planned;
	struct rule_make make; /* what this kernel can do for the rule */
	bool rehearsed;	       /* ... is known; else it is what is hoped */
	unsigned int lost;     /* commits that came too late for their generation */
	struct host host;      /* for make */
	struct plan *plan;     /* the caller's, who is told there */
	uint32_t generation;
	size_t spots;
	struct spot spot[SURVEY_MOST];
	uint64_t misplaced[SURVEY_MOST][2]; /* handles of rules that the spots have elsewhere */
	char left[FAULT_TEXT_SIZE], owned[FAULT_TEXT_SIZE], client[FAULT_TEXT_SIZE]; /* as in a plan */
	bool owner_is_deaf;
	struct evidence evidence;
};

/* The rules that a spot needs, and whether it has them all. */
size_t sending_count(const struct ruleset *ruleset, const struct spot *spot, const struct opening *opening);
bool sending_is_open(const struct ruleset *ruleset, const struct spot *spot, const struct opening *opening);

/* Is this the first of the spots without a rule in its table? Each table needs one set. */
bool sending_begins_table(const struct ruleset *ruleset, size_t i, const struct opening *opening);

/* Opens in the spots that have no rule yet; a rehearsal does all of it but the commit. 0, AGAIN or -1. */
int sending_commit(struct ruleset *ruleset, const struct opening *opening, bool rehearsal, struct fault *fault) MUST_CHECK;

/* The bound of the rules by the time of day. */
void sending_set_time(struct ruleset *ruleset, const struct opening *opening);

#endif
