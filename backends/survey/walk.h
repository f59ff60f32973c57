/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * walk.h - can this base chain keep a validation away from our listener, and where does a rule have to go so that it cannot? The
 * rules are walked with abstract packets: the SYN and what follows it, or in chains on the way out the replies. What is known of
 * them (facts.h, the port, flags, the state of their connection, IPv4 or IPv6) decides, in sets and verdict maps too; everything
 * else is taken to go either way.
 *
 * The answer errs on one side only: a chain that can block is never taken for harmless.
 */
#ifndef ACMEGATE_BACKENDS_SURVEY_WALK_H
#define ACMEGATE_BACKENDS_SURVEY_WALK_H

#include "backends/survey/way.h"

/* A packet was stopped by this rule, or by the policy of the chain. */
struct culprit {
	const struct nft_chain *chain;
	const struct nft_rule *rule;	/* NULL: the policy */
};

/* Where a rule of ours goes: before the rule with this number, counted from 0, or behind the last. */
struct insertion {
	const struct nft_chain *chain;
	size_t before;
	bool returns;	/* to the chain that has jumped there; else it accepts */
};

#define WALK_INSERTIONS 16

struct walk_result {
	struct culprit culprit;		/* the first one that was met */
	size_t insertions;		/* 0: nothing blocks */
	struct insertion insertion[WALK_INSERTIONS];
	unsigned int lost;		/* enum effect: what packets miss because they never meet the rules behind */
};

/*
 * Finds what has to be inserted so that all packets of a validation pass the base chain, and still meet every rule that marks
 * them, if that can be had: right before the first rule that may block; or in the chains that block a way back out of them.
 * -1: no memory.
 */
int walk_open(struct snapshot *snapshot, const struct facts *facts, const struct nft_chain *chain, const struct way *way,
	      struct walk_result *result) MUST_CHECK;

/* With the rules of ours that are there: does anything ahead of them block? An error counts as a yes, without a culprit. */
bool walk_is_shut(struct snapshot *snapshot, const struct facts *facts, const struct nft_chain *chain, const struct way *way,
		  struct culprit *culprit);

/*
 * The way of our own client: can this base chain stop a connection that this user begins to this port? Only of chains on the
 * way out.
 */
bool walk_stops_client(struct snapshot *snapshot, const struct facts *facts, const struct nft_chain *chain, uint32_t user,
		       uint16_t port, struct culprit *culprit);

#endif
