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

#include "nft_netlink.h"
#include "opening.h"

#ifndef NFT_TABLE_F_OWNER
#define NFT_TABLE_F_OWNER 0x2 /* since Linux 5.12 */
#endif

#define SET_PREFIX "acmegate_"
#define SET_NAME_SIZE (sizeof(SET_PREFIX) + TAG_DIGITS)

/* The name of the set that belongs to a tag. */
void rule_set_name(const char *tag, char name[SET_NAME_SIZE]);

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

int rule_delete(struct batch *batch, uint8_t family, const char *table, const char *chain, uint64_t handle,
		struct fault *fault) MUST_CHECK;
/* A request for one rule, or with handle 0 for all of the chain, in a buffer of 1024 bytes. NULL: no memory. */
struct nlmsghdr *rule_request(struct netlink *netlink, void *buffer, uint8_t family, const char *table, const char *chain,
			      uint64_t handle);
int rule_delete_set(struct batch *batch, uint8_t family, const char *table, const char *name,
		    struct fault *fault) MUST_CHECK;

/* The tag in the user data of a rule, if it has one of ours: copied to tag. */
bool rule_tag(const struct nlattr *userdata, char tag[TAG_SIZE]);

/* The same for a rule of iptables-nft, whose comment is a match of x_tables among the expressions. */
bool rule_match_tag(const struct nlattr *expressions, char tag[TAG_SIZE]);

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
int rule_delete_table(struct batch *batch, uint8_t family, const char *name, struct fault *fault) MUST_CHECK;

/* Is that the name of such a table: of any tag (wanted NULL), or this one? */
bool rule_is_our_name(const char *name, const char *wanted);

#endif
