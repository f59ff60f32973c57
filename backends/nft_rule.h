/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nft_rule.h - the messages that open: a set with a timeout in each table, and a rule at the head of each chain.
 *
 *	nft add set FAMILY TABLE acmegate_DIGITS { type inet_service; timeout ...; elements = { 80 timeout 60s } }
 *	nft insert rule FAMILY TABLE CHAIN tcp dport @acmegate_DIGITS socket transparent 1 accept comment "acmegate:DIGITS"
 *	nft insert rule FAMILY TABLE CHAIN tcp sport @acmegate_DIGITS tcp flags & (fin|syn|rst|ack) != syn accept comment ...
 */
#ifndef ACMEGATE_NFT_RULE_H
#define ACMEGATE_NFT_RULE_H

#include <linux/netfilter/nf_tables.h>

#include "nft_batch.h"
#include "nft_tag.h"

/* Which packets a rule is for: those to the port, those of them that are for our transparent socket, or what answers them. */
enum rule_form { RULE_PORT, RULE_BOUND, RULE_REPLY };

/*
 * The set and its elements, the ports, with opening->seconds to live if timed. A set that stands already stays, with its
 * time: a chain that was flushed has lost the rule only.
 */
int rule_add_set(struct batch *batch, uint8_t family, const char *table, const struct opening *opening, bool timed,
		 struct fault *fault) MUST_CHECK;

/* The rule. The set must have been added to the same table before it. The kernel echoes it, with its handle. */
int rule_add(struct batch *batch, uint8_t family, const char *table, const char *chain, const struct opening *opening,
	     enum rule_form form, struct fault *fault) MUST_CHECK;

/*
 * A table of our own that sends the port's new connections to opening->target before any other nat sees them. Owned: nobody
 * else can change it, and the kernel removes it when the netlink socket of this batch is closed.
 *
 *	nft add table inet acmegate_DIGITS { flags owner; set acmegate_DIGITS { ... }
 *		chain prerouting { type nat hook prerouting priority -199;
 *			fib daddr type local tcp dport @acmegate_DIGITS redirect to :TARGET; } }
 */
int rule_add_redirect(struct batch *batch, const struct opening *opening, bool owned, bool timed,
		      struct fault *fault) MUST_CHECK;

#endif
