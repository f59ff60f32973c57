/* SPDX-License-Identifier: GPL-3.0-or-later */
/* packet.h - an abstract packet, what is known where it meets a rule, and what becomes of it. */
#ifndef ACMEGATE_BACKENDS_SURVEY_PACKET_H
#define ACMEGATE_BACKENDS_SURVEY_PACKET_H

#include "backends/survey/registers.h"
#include "backends/survey/snapshot.h"

/* A kind of packet before it meets a rule. */
struct packet {
	unsigned int seen;	/* for walk.c */
	bool leaving;		/* the host */
	bool from;		/* our port is its source, not its destination */
	uint32_t state;		/* CT_*; 0: not known */
	uint8_t flags, known;	/* the byte of TCP's flags, and which bits of it */
	enum { PLAIN, TAGGED, ANY_FRAME } frame; /* with a VLAN tag or without; of interest below IP */
};

/* How conntrack calls a packet. */
#define CT_INVALID 1	/* NF_CT_STATE_INVALID_BIT */
#define CT_ESTABLISHED 2 /* NF_CT_STATE_BIT(IP_CT_ESTABLISHED) */
#define CT_NEW 8	/* NF_CT_STATE_BIT(IP_CT_NEW) */
#define CT_UNTRACKED 64	/* NF_CT_STATE_UNTRACKED_BIT */

/* What is known of the place where packet and rule meet. */
struct meeting {
	struct snapshot *snapshot;
	const struct facts *facts;
	const struct packet *packet;
	uint16_t port;			/* of our listener, or the CA's */
	uint32_t status;		/* bits of conntrack that are known to be set */
	bool answerable;		/* there is a way back to the sender, over where it came from */
	bool below;			/* IP: the chain sees frames */
	bool owned;			/* the process that the packet comes from is known: it runs as this user */
	uint32_t user;
	uint8_t family;			/* NFPROTO_IPV4, NFPROTO_IPV6 */
	const struct nft_chain *chain;	/* whose rule it is at */
	struct registers registers;
};

struct verdict {
	uint32_t code;			/* NF_*, NFT_*; NF_DROP for all that keeps it from our listener */
	const char *target;		/* chain of a jump or goto */
};

/* What a rule does to a packet besides its verdict, that is lost if the packet never meets the rule. Logs and counters do not count. */
enum effect { EFFECT_MARK = 1, EFFECT_CT_MARK = 2, EFFECT_ZONE = 4, EFFECT_NOTRACK = 8, EFFECT_HELPER = 16, EFFECT_SET = 32, EFFECT_COPY = 64,
	      EFFECT_NAT = 128, EFFECT_OTHER = 256 };
#define EFFECTS 9
extern const char *const effect_names[EFFECTS];

/* What one rule does with the packet when it matches: the verdict, or what a map of verdicts says. */
struct outcome {
	enum match match;
	struct verdict verdict;
	unsigned int effects;
	const struct nft_set *map;
	size_t at;			/* where in the registers is what is looked for */
};

bool packet_is_syn(const struct packet *packet);

/* Nothing is known of the registers any more. */
void packet_forget(struct meeting *meeting);

/* Loads a value of which nothing is known but this fact. */
void packet_load(struct meeting *meeting, uint32_t number, enum fact fact, size_t length);

#endif
