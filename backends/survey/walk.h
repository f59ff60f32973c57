/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * walk.h - can this base chain keep the world from our listener? The rules are walked with abstract packets: the SYN and
 * what follows it, or in chains on the way out the replies. What is known of them (TCP, the port, flags, the state of their
 * connection, IPv4 or IPv6) decides, in sets and verdict maps too; everything else is taken to go either way.
 *
 * The answer errs on one side only: a chain that can block is never said to be harmless.
 */
#ifndef ACMEGATE_WALK_H
#define ACMEGATE_WALK_H

#include "snapshot.h"
#include "opening.h"

/* How our packets come by a base chain. */
struct way {
	bool reply;		/* on their way out */
	bool bindable;		/* an incoming packet is known there as one for our listener: "socket transparent" matches */
	uint16_t port[2];	/* ours, as the chain sees it; 0: none. Two where that depends on who came first */
	unsigned int seen;	/* which packets; see walk.c */
	bool translated;	/* conntrack knows that the port was another one */
	bool answerable;	/* set by who asks: the sender passes a filter of reverse paths */
};

/* false: they do not come by there, or nothing can happen to them. */
bool walk_way(const struct nft_chain *chain, const struct opening *opening, struct way *way);

/* Where a packet was stopped. */
struct culprit {
	const struct nft_chain *chain;
	uint64_t handle;	/* of the rule; 0: the policy */
};

/* A base chain that has a way. The culprit is set if it can block, and may be unknown (chain NULL). */
bool walk_can_block(struct snapshot *snapshot, const struct nft_chain *chain, const struct way *way, struct culprit *culprit);

#endif
