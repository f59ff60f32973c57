/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trace.h - the way of packets through nf_tables: what the kernel tells of those whose nftrace bit is set (NFNLGRP_NFTRACE), in words.
 *
 * Source of the rules kept here: net/netfilter/nf_tables_trace.c. Nothing of iptables-legacy is told.
 */
#ifndef ACMEGATE_BACKENDS_SURVEY_TRACE_H
#define ACMEGATE_BACKENDS_SURVEY_TRACE_H

#include "backends/nft/survey.h"
#include "backends/survey/snapshot.h"

#define TRACE_PACKETS 16 /* more than are traced, see nat.c */

/* The packets of a connection that are traced. */
enum part { PART_SYN, PART_ANSWER, PART_REQUEST, PARTS };

/* The end of a packet's way in a chain. */
enum ending { ENDING_NONE, ENDING_DROPPED, ENDING_QUEUED, ENDING_STOLEN, ENDINGS };

struct traced {
	uint32_t id; /* the kernel's */
	enum part part;
	uint8_t family;		/* NFPROTO_IPV4, NFPROTO_IPV6 */
	unsigned char peer[16]; /* address of the other host */
	bool sent_on;		/* to another host or a container */
	enum ending ending;
	/* where: */
	uint8_t chain_family;
	char table[SURVEY_NAME], chain[SURVEY_NAME];
	uint64_t handle; /* of the rule; 0: the chain's policy */
};

struct trace {
	size_t packets;
	struct traced packet[TRACE_PACKETS]; /* in the order in which they came */
};

/* Takes in one message of the group. */
void trace_take(struct trace *trace, const struct nlmsghdr *message, const struct opening *opening);

/* Says what became of them; nothing where each was answered and asked. snapshot: to name rules by their number in the chain, too; NULL: it could not be read. */
void trace_say(const struct trace *trace, struct snapshot *snapshot, bool legacy, char *text, size_t size);

#endif
