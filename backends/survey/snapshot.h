/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * snapshot.h - the whole ruleset of one generation: the kernel's messages, and an index of them.
 *
 * Rules stay raw netlink attributes until the walk meets them, so reading 10,000 rules costs little more than copying them. A set is
 * read when the walk needs it: most sets are long lists of addresses that do not matter.
 */
#ifndef ACMEGATE_BACKENDS_SURVEY_SNAPSHOT_H
#define ACMEGATE_BACKENDS_SURVEY_SNAPSHOT_H

#include "backends/nft/netlink.h"
#include "backends/survey/set.h"

struct nft_table {
	uint8_t family; /* NFPROTO_* */
	const char *name;
	uint32_t flags; /* NFT_TABLE_F_* */
};

struct nft_chain {
	uint8_t family;
	const char *table, *name;
	bool base;     /* attached to a hook */
	uint32_t hook; /* NF_INET_*, NF_NETDEV_* by family */
	int32_t priority;
	uint32_t policy;  /* NF_ACCEPT, NF_DROP */
	const char *type; /* "filter", "nat", "route" */
	size_t first_rule, rules;
};

#define JUMP_DEPTH 16 /* NFT_JUMP_STACK_SIZE: the kernel follows no more jumps into each other */

struct nft_rule {
	uint64_t handle;
	const struct nlattr *expressions; /* NFTA_RULE_EXPRESSIONS or NULL */
	const struct nlattr *userdata;	  /* NFTA_RULE_USERDATA or NULL */
	const char *line;		  /* of iptables-legacy, behind "-A CHAIN"; else NULL */
};

struct snapshot {
	uint32_t generation;
	bool notrack; /* a rule may hide packets from connection tracking */
	struct messages messages;
	struct nft_table *table;
	size_t tables;
	struct nft_chain *chain;
	size_t chains;
	struct nft_rule *rule;
	size_t rules;
	struct nft_set *set; /* those that were read */
	size_t sets, next_set;
	size_t next_chain;	 /* where find_chain() begins */
	struct netlink *netlink; /* NULL: the sets are among the messages */
};

/*
 * Reads tables, chains and rules of all families. hidden: another table may hide packets from connection tracking. If another program
 * committed meanwhile, rules may be missing: the generation has changed then. AGAIN: the parts do not fit together. Call snapshot_free()
 * also after an error.
 */
int snapshot_read(struct snapshot *snapshot, struct netlink *netlink, bool hidden, struct fault *fault) MUST_CHECK;
void snapshot_free(struct snapshot *snapshot);

/* Does any rule seem to name notrack, or the targets NOTRACK or CT of iptables? A false yes only makes the walk more careful. */
bool snapshot_may_notrack(const struct messages *messages);

/* Builds the index over the messages: the second half of snapshot_read(), and for the fuzzer. */
int snapshot_index(struct snapshot *snapshot, struct fault *fault) MUST_CHECK;

/* NULL when there is none. */
const struct nft_table *snapshot_table(const struct snapshot *snapshot, uint8_t family, const char *name);
const struct nft_chain *snapshot_chain(struct snapshot *snapshot, uint8_t family, const char *table, const char *name);

/*
 * The set that an expression of the chain looks into. NULL: it could not be read, or MOST_SETS were read before. It may belong to a
 * later generation than the rest.
 */
const struct nft_set *snapshot_set(struct snapshot *snapshot, const struct nft_chain *chain, const struct nlattr *name);

/*
 * Does this table belong to iptables-nft? iptables-save misreads or loses native expressions, so a rule of nftables must not be added
 * to it. Recognised by family, table name and built-in chains: nft's own warning is absent in a table without xt expressions.
 */
bool snapshot_is_iptables(const struct snapshot *snapshot, const struct nft_chain *chain);

/* Does it belong to ebtables-nft? ebtables-save stops at a native expression and leaves a file that loads as an empty ruleset. */
bool snapshot_is_ebtables(const struct snapshot *snapshot, const struct nft_chain *chain);

/* The hook's name as nft prints it. */
const char *nft_hook(const struct nft_chain *chain);

#endif
