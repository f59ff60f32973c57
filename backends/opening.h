/* SPDX-License-Identifier: GPL-3.0-or-later */
/* opening.h - the one change that acmegate makes to a firewall: let TCP in to one port for a short while. */
#ifndef ACMEGATE_BACKENDS_OPENING_H
#define ACMEGATE_BACKENDS_OPENING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"

/*
 * A third way to end for what reads or changes a firewall, beside success and -1: somebody else changed it meanwhile, or what was done
 * has to be read back. The caller looks again, or returns it too; no backend does. It is not a fault; the fault may hold words for
 * whoever gives up.
 */
#define AGAIN (-2)

#define TAG_PREFIX "acmegate:"
#define TAG_DIGITS 16
#define TAG_SIZE (sizeof(TAG_PREFIX) + TAG_DIGITS)

#define OPENING_ADDRESSES 8

struct opening {
	char tag[TAG_SIZE]; /* "acmegate:" and 16 hex digits: how we know our own rules again, whoever "we" are by then */
	uint16_t port;	    /* what the world connects to; host byte order */
	uint16_t target;    /* where the listener is: the port itself, unless a rule of ours redirects it before any other nat */
	bool traced;	    /* packets for the port are followed through the chains, a few */
	uint32_t seconds;   /* the longest it may stand, whatever happens to us */
	bool own_listener;  /* bind the rule to our transparent socket, so that it ends with the process */
	bool public_ca;	    /* the CA is a public one, and asks from public addresses */
	uint16_t ca_port;   /* where our own client, as this user, reaches it; 0: there is none */
	uint32_t client;
	/* The addresses that the names resolve to, as far as they are this host's; none: any of its addresses. In network order. */
	uint32_t addresses4, addresses6;
	unsigned char address4[OPENING_ADDRESSES][4], address6[OPENING_ADDRESSES][16];
};

/* The packets that the rules of an opening have seen, for the message after a failed validation. */
#define EVIDENCE_TEXT 256
struct evidence {
	bool counted;		  /* a rule of ours was there to count */
	uint64_t packets;	  /* the most that one of them has let through */
	char shut[EVIDENCE_TEXT]; /* what keeps packets out ahead of our rules, or "" */
	bool traced;		  /* the surveyor was told the way of packets: survey_traced() */
};

/* A connection to the port: who is at its other end. In network order. */
#define PEERS_MOST 64
struct peer {
	uint8_t family; /* NFPROTO_* */
	unsigned char address[16], local[16];
};

/* A new opening with a random tag. */
int opening_make(struct opening *opening, uint16_t port, uint32_t seconds, struct fault *fault) MUST_CHECK;

/* Is this text, all of it, a tag of ours (wanted NULL), or this very one? */
bool opening_is_tag(const char *text, const char *wanted);

/*
 * A comment can be anybody's. A rule of ours in iptables has no matches but some of ours, and of them one that ends it: with our socket,
 * or in time. (Where a kernel knows neither, it is known by the tag that the journal has.) Feed it with the names of all matches.
 */
struct tag_shape {
	bool ends, foreign;
};
void tag_add_match(struct tag_shape *shape, const char *match);
bool tag_is_shape(const struct tag_shape *shape);

#endif
