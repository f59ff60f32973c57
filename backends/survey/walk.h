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
	const struct nft_rule *rule; /* NULL: the policy */
};

/* The place for a rule of ours: before the rule with this number, counted from 0, or behind the last. */
struct insertion {
	const struct nft_chain *chain;
	size_t before;
	bool returns; /* to the chain that has jumped there; else it accepts */
};

/* One base chain, walked with one kind of packet after the other. */
struct walk {
	struct meeting meeting;
	const struct nft_chain *base;
	const struct insertion *inserted; /* rules that are not there yet, as if they were */
	size_t insertions;
	bool ours; /* the rules of ours that are really there count too */
	struct culprit culprit;
	size_t top, left;      /* rules of the base chain: where the packet is, and where it may have left the chain first */
	unsigned char *memory; /* enum passage of each chain, by its place in the snapshot */
	unsigned char *relevance[FAMILIES]; /* of each rule: may it concern any of the packets? */
	struct packet any;		    /* what all packets have in common; NULL relevance: nothing */
};

/* -1: no memory. End it in any case. */
int walk_begin(struct walk *walk, struct snapshot *snapshot, const struct facts *facts, const struct nft_chain *chain,
	       const struct way *way);
void walk_end(struct walk *walk);

/* The packet that is walked with from now on. */
void walk_take(struct walk *walk, const struct variants *variants, size_t i);

/*
 * Finds a packet that is blocked: of several the one that comes least far in the base chain. *at: the rule there that it comes to, or
 * before which it may leave the chain for the policy. false: none is.
 */
bool walk_finds_block(struct walk *walk, const struct variants *variants, struct culprit *culprit, size_t *at);

/* May the rule concern any of the packets? Is it ours? */
bool walk_concerns(struct walk *walk, const struct nft_rule *rule);
bool walk_is_ours(const struct nft_rule *rule);

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
