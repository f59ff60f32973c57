/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rule.h - the messages that open: a set with a timeout in each table, and a rule in each chain that blocks. For example
 *
 *	nft add set inet filter acmegate_DIGITS { type inet_service; timeout ...; elements = { 80 timeout 60s } }
 *	nft insert rule inet filter input position H tcp dport @acmegate_DIGITS socket transparent 1
 *		meta time "FROM"-"UNTIL" counter accept comment "acmegate:DIGITS"
 *
 * One table of parts makes the rule and its text; see rule_print().
 */
#ifndef ACMEGATE_BACKENDS_NFT_RULE_H
#define ACMEGATE_BACKENDS_NFT_RULE_H

#include <libnftnl/rule.h>
#include <linux/netfilter/nf_tables.h>

#include "backends/nft/host.h"
#include "backends/nft/batch.h"
#include "backends/nft/survey.h"
#include "backends/nft/tag.h"

/* The form of a rule: what this kernel can do, and when. */
struct rule_make {
	bool bound;		 /* ends with our transparent socket */
	bool timed;		 /* the set's element ends by itself */
	bool routed;		 /* "fib" tells what is for this host; else its addresses are listed */
	bool dated;		 /* the rule ends at a time of day, which a saved copy of it keeps */
	uint64_t from, until;	 /* that time, in seconds since 1970 */
	const struct host *host; /* for its addresses */
};

/* The number of rules that the spot takes: two where addresses are listed, for IPv4 and IPv6, of those families that have some. */
size_t rule_count(const struct spot *spot, const struct opening *opening, const struct rule_make *make);

/*
 * Those of them whose handle is not known. The set must have been added to the same table before. The kernel echoes them in this
 * order, with their handles.
 */
int rule_add(struct batch *batch, const struct spot *spot, const struct opening *opening, const struct rule_make *make,
	     struct fault *fault) MUST_CHECK;

/* Prints one rule of rule_add() as a line for a shell. which: the first of its rules, or the second. */
void rule_print(char *line, size_t size, const struct spot *spot, const struct opening *opening, const struct rule_make *make,
		size_t which);

/* A rule of this chain, without expressions. NULL: no memory. */
struct nftnl_rule *rule_name(const char *table, const char *chain);

static inline void free_rule(struct nftnl_rule **rule)
{
	if (*rule)
		nftnl_rule_free(*rule);
}
#define OWN_RULE __attribute__((cleanup(free_rule)))

/* Adds it to the batch: before the rule with this handle; 0: behind the last rule. */
void rule_insert(struct batch *batch, uint8_t family, struct nftnl_rule *rule, uint64_t before);

#endif
