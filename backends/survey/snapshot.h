/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * snapshot.h - the whole ruleset of one generation, as the kernel told it: the messages, and an index of them.
 *
 * Rules stay raw netlink attributes until somebody walks them, so reading 10,000 rules costs little more than copying them.
 * Sets are read when somebody asks for one: most of them are addresses, many, and of no interest.
 */
#ifndef ACMEGATE_BACKENDS_SURVEY_SNAPSHOT_H
#define ACMEGATE_BACKENDS_SURVEY_SNAPSHOT_H

#include "backends/nft/netlink.h"
#include "backends/survey/set.h"

struct nft_table {
	uint8_t family;		/* NFPROTO_* */
	const char *name;
	uint32_t flags;		/* NFT_TABLE_F_* */
};

struct nft_chain {
	uint8_t family;
	const char *table, *name;
	bool base;		/* hangs on a hook */
	uint32_t hook;		/* NF_INET_*, NF_NETDEV_* by family */
	int32_t priority;
	uint32_t policy;	/* NF_ACCEPT, NF_DROP */
	const char *type;	/* "filter", "nat", "route" */
	size_t first_rule, rules;
};

#define JUMP_DEPTH 16	/* NFT_JUMP_STACK_SIZE: the kernel follows no more jumps into each other */

struct nft_rule {
	uint64_t handle;
	const struct nlattr *expressions;	/* NFTA_RULE_EXPRESSIONS or NULL */
	const struct nlattr *userdata;		/* NFTA_RULE_USERDATA or NULL */
	const char *line;			/* of iptables-legacy, behind "-A CHAIN"; else NULL */
};

struct snapshot {
	uint32_t generation;
	bool notrack;			/* a rule may hide packets from connection tracking */
	struct messages messages;
	struct nft_table *table;
	size_t tables;
	struct nft_chain *chain;
	size_t chains;
	struct nft_rule *rule;
	size_t rules;
	struct nft_set *set;		/* those that were asked for */
	size_t sets, next_set;
	size_t next_chain;		/* where the last one was found, and the next one is likely to be */
	struct netlink *netlink;	/* NULL: what can be had of sets is among the messages */
};

/*
 * Reads tables, chains and rules of all families. hidden: something else may hide packets from connection tracking. If somebody
 * committed meanwhile, something may be missing: the generation is another one afterwards. AGAIN: the parts do not fit together. Free
 * it in any case.
 */
int snapshot_read(struct snapshot *snapshot, struct netlink *netlink, bool hidden, struct fault *fault) MUST_CHECK;
void snapshot_free(struct snapshot *snapshot);

/* The name of the expression, or of the targets NOTRACK and CT of iptables, somewhere; elsewhere they only make us more careful. */
bool snapshot_may_notrack(const struct messages *messages);

/* Builds the index over the messages; a part of snapshot_read(), and what the fuzzer feeds. */
int snapshot_index(struct snapshot *snapshot, struct fault *fault) MUST_CHECK;

/* NULL when there is none. */
const struct nft_table *snapshot_table(const struct snapshot *snapshot, uint8_t family, const char *name);
const struct nft_chain *snapshot_chain(struct snapshot *snapshot, uint8_t family, const char *table, const char *name);

/*
 * The set that an expression of the chain looks into. NULL: it could not be read, or too many have been. It may be of a later
 * generation than the rest.
 */
const struct nft_set *snapshot_set(struct snapshot *snapshot, const struct nft_chain *chain, const struct nlattr *name);

/*
 * Does this table belong to iptables-nft? Then native expressions in it would be misread or lost by iptables-save, and must
 * never be put there. Told by family, table name and built-in chain names: nft's own warning is absent in a table without
 * xt expressions.
 */
bool snapshot_is_iptables(const struct snapshot *snapshot, const struct nft_chain *chain);

/* Likewise to ebtables-nft: ebtables-save stops at a native expression, and what it has written until then loads as a ruleset without rules. */
bool snapshot_is_ebtables(const struct snapshot *snapshot, const struct nft_chain *chain);

/* Is this the name of a chain that every table of iptables has? */
bool snapshot_is_builtin(const char *name);

/* The hook's name as nft prints it. */
const char *nft_hook(const struct nft_chain *chain);

#endif
