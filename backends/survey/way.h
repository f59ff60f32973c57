/* SPDX-License-Identifier: GPL-3.0-or-later */
/* way.h - the packets of a validation, and which of them traverse a base chain. */
#ifndef ACMEGATE_BACKENDS_SURVEY_WAY_H
#define ACMEGATE_BACKENDS_SURVEY_WAY_H

#include "backends/opening.h"
#include "backends/survey/packet.h"

/* The way of our packets through a base chain. */
struct way {
	bool leaving;	   /* on their way out of the host */
	bool bindable;	   /* an incoming packet is known there as one for our listener: "socket transparent" matches */
	bool below;	   /* IP: the chain sees frames */
	uint16_t port[2];  /* ours, as the chain sees it; 0: none. Two where that depends on who came first */
	unsigned int seen; /* which packets; see way.c */
	bool translated;   /* conntrack knows that the port was another one */
	bool answerable;   /* set by the caller: the sender passes a filter of reverse paths */
	uint8_t family;	   /* set by the caller: only packets of NFPROTO_IPV4 or NFPROTO_IPV6; 0: both */
};

/* false: they do not traverse this chain, or nothing can happen to them. */
bool way_find(const struct nft_chain *chain, const struct opening *opening, struct way *way);

#define FAMILIES 2 /* IPv4, IPv6 */
#define MOST_VARIANTS 64

/* Kinds of packets, with the port that the chain sees and NFPROTO_IPV4 or NFPROTO_IPV6. */
struct variants {
	size_t count;
	struct {
		const struct packet *packet;
		uint16_t port;
		uint8_t family;
	} variant[MOST_VARIANTS];
};

/* The packets that take this way. */
void way_variants(struct variants *variants, const struct snapshot *snapshot, const struct nft_chain *chain, const struct way *way);

/* The first packet of acmegate's own client. false: it does not traverse this chain. */
bool way_of_client(struct variants *variants, const struct nft_chain *chain, uint16_t port);

/* Does the chain see packets of this family? */
bool way_sees(const struct nft_chain *chain, uint8_t family);

#endif
