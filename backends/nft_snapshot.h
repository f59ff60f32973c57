/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nft_snapshot.h - the whole ruleset of one generation, as the kernel told it: the messages, and an index of them.
 *
 * Rules stay raw netlink attributes until somebody walks them, so reading 10,000 rules costs little more than copying them.
 */
#ifndef ACMEGATE_NFT_SNAPSHOT_H
#define ACMEGATE_NFT_SNAPSHOT_H

#include "nft_netlink.h"

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

struct nft_rule {
	uint64_t handle;
	const struct nlattr *expressions;	/* NFTA_RULE_EXPRESSIONS or NULL */
	const struct nlattr *userdata;		/* NFTA_RULE_USERDATA or NULL */
};

struct snapshot {
	uint32_t generation;
	char *bytes;
	size_t used, size;
	struct nft_table *table;
	size_t tables;
	struct nft_chain *chain;
	size_t chains;
	struct nft_rule *rule;
	size_t rules;
};

/* Reads tables, chains and rules of all families. FAULT_RACED: somebody committed meanwhile. Free it in any case. */
int snapshot_read(struct snapshot *snapshot, struct netlink *netlink, struct fault *fault) MUST_CHECK;
void snapshot_free(struct snapshot *snapshot);

/* Builds the index over messages in bytes[0 .. used]; a part of snapshot_read(), and what the fuzzer feeds. */
int snapshot_index(struct snapshot *snapshot, struct fault *fault) MUST_CHECK;

/* Appends one message to bytes. */
int snapshot_append(struct snapshot *snapshot, const void *message, size_t length, struct fault *fault) MUST_CHECK;

/* NULL when there is none. */
const struct nft_table *snapshot_table(const struct snapshot *snapshot, uint8_t family, const char *name);
const struct nft_chain *snapshot_chain(const struct snapshot *snapshot, uint8_t family, const char *table,
				       const char *name);

/*
 * Does this table belong to iptables-nft? Then native expressions in it would be misread or lost by iptables-save, and must
 * never be put there. Told by family, table name and built-in chain names: nft's own warning is absent in a table without
 * xt expressions.
 */
bool snapshot_is_iptables(const struct snapshot *snapshot, const struct nft_chain *chain);

/* "ip", "inet", ...; and the hook's name as nft prints it. */
const char *nft_family(uint8_t family);
const char *nft_hook(const struct nft_chain *chain);

#endif
