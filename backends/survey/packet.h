/* SPDX-License-Identifier: GPL-3.0-or-later */
/* packet.h - an abstract packet, what is known when it meets a rule, and the outcome. */
#ifndef ACMEGATE_BACKENDS_SURVEY_PACKET_H
#define ACMEGATE_BACKENDS_SURVEY_PACKET_H

#include "backends/survey/registers.h"
#include "backends/survey/snapshot.h"

/* A kind of packet before it meets a rule. */
struct packet {
	unsigned int seen;			 /* when it is seen so; see way.c */
	bool leaving;				 /* the host */
	bool from;				 /* our port is its source, not its destination */
	uint32_t state;				 /* CT_*; 0: not known */
	uint8_t flags, known;			 /* TCP flags, and which of these bits are known */
	enum { PLAIN, TAGGED, ANY_FRAME } frame; /* with a VLAN tag or without; matters below IP */
};

/* conntrack's words for a packet. */
#define CT_INVALID 1	 /* NF_CT_STATE_INVALID_BIT */
#define CT_ESTABLISHED 2 /* NF_CT_STATE_BIT(IP_CT_ESTABLISHED) */
#define CT_NEW 8	 /* NF_CT_STATE_BIT(IP_CT_NEW) */
#define CT_UNTRACKED 64	 /* NF_CT_STATE_UNTRACKED_BIT */

/* All that is known when a packet meets a rule. */
struct meeting {
	struct snapshot *snapshot;
	const struct facts *facts;
	const struct packet *packet;
	uint16_t port;	 /* of our listener, or the CA's */
	uint32_t status; /* bits of conntrack that are known to be set */
	bool answerable; /* a reverse-path filter lets it pass */
	bool below;	 /* IP: the chain sees frames */
	bool owned;	 /* the process that the packet comes from is known: it runs as this user */
	uint32_t user;
	uint8_t family;		       /* NFPROTO_IPV4, NFPROTO_IPV6 */
	const struct nft_chain *chain; /* of the rule */
	struct registers registers;
};

struct verdict {
	uint32_t code;	    /* NF_*, NFT_*; NF_DROP for all that keeps it from our listener */
	const char *target; /* chain of a jump or goto */
};

/* The effects of a rule that a packet loses if it never meets it, besides the verdict. Logs and counters are left out. */
enum effect {
	EFFECT_MARK = 1,
	EFFECT_CT_MARK = 2,
	EFFECT_ZONE = 4,
	EFFECT_NOTRACK = 8,
	EFFECT_HELPER = 16,
	EFFECT_SET = 32,
	EFFECT_COPY = 64,
	EFFECT_NAT = 128,
	EFFECT_OTHER = 256
};
#define EFFECTS 9
extern const char *const effect_names[EFFECTS];

/* The result of one rule for a packet that matches: its verdict, or a map that gives one. */
struct outcome {
	enum match match;
	struct verdict verdict;
	unsigned int effects;
	const struct nft_set *map;
	size_t at; /* where in the registers is what is looked for */
};

bool packet_is_syn(const struct packet *packet);

/* Nothing is known of the registers any more. */
void packet_forget(struct meeting *meeting);

/* Loads a value of which nothing is known but this fact. */
void packet_load(struct meeting *meeting, uint32_t number, enum fact fact, size_t length);

#endif
