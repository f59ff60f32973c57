/* SPDX-License-Identifier: GPL-3.0-or-later */
/* packet.h - one rule and an abstract packet: does it match, and what becomes of the packet? */
#ifndef ACMEGATE_PACKET_H
#define ACMEGATE_PACKET_H

#include "snapshot.h"

/* What is known of a packet before it meets a rule. */
struct packet {
	unsigned int seen;	/* for walk.c */
	bool reply;		/* from our port, not to it */
	uint32_t state;		/* CT_* */
	uint8_t flags, known;	/* the byte of TCP's flags, and which bits of it */
};

/* How conntrack calls a packet. */
#define CT_INVALID 1	/* NF_CT_STATE_INVALID_BIT */
#define CT_ESTABLISHED 2 /* NF_CT_STATE_BIT(IP_CT_ESTABLISHED) */
#define CT_NEW 8	/* NF_CT_STATE_BIT(IP_CT_NEW) */
#define CT_UNTRACKED 64	/* NF_CT_STATE_UNTRACKED_BIT */

/* The registers of nf_tables, of which some bits are known. */
#define REGISTER_BYTES 64

struct registers {
	unsigned char value[REGISTER_BYTES], known[REGISTER_BYTES];
};

struct meeting {
	struct snapshot *snapshot;
	const struct packet *packet;
	uint16_t port;			/* where it goes to, or a reply comes from */
	uint32_t status;		/* bits of conntrack that are known to be set */
	bool answerable;		/* there is a way back to the sender, over where it came from */
	uint8_t family;			/* NFPROTO_IPV4, NFPROTO_IPV6 */
	const struct nft_chain *chain;	/* whose rule it is at */
	struct registers registers;
};

enum match { NO, MAYBE, YES };

struct verdict {
	uint32_t code;			/* NF_*, NFT_*; NF_DROP for all that keeps it from our listener */
	const char *target;		/* chain of a jump or goto */
};

/* What one rule does with the packet when it matches: the verdict, or what a map of verdicts says. */
struct outcome {
	enum match match;
	struct verdict verdict;
	const struct nft_set *map;
	size_t at;			/* where in the registers is what is looked for */
};

struct outcome packet_meet(struct meeting *meeting, const struct nft_rule *rule);

/* What is looked for in a set: a part of the registers as they are at that moment. */
struct search {
	struct registers registers;
	const struct nft_set *set;
	size_t at;
	bool ordered;			/* the intervals decide: */
	const struct nft_element *hit;	/* it is in this one, or in none */
	enum match others;		/* with any element but the one that catches all that no other does */
};

void search_begin(struct search *search, const struct registers *registers, const struct nft_set *set, size_t at);

/* Does the packet find this element? Then this is its verdict. */
enum match search_finds(const struct search *search, const struct nft_element *element);
struct verdict verdict_of(const struct nlattr *data);

#endif
