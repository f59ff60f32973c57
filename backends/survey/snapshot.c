// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/snapshot.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/builtin.h"
#include "backends/survey/message.h"
#include "backends/survey/set.h"

#define MOST_SETS 512 /* read for one snapshot at most: the kernel finds each by a search through the table */

static void index_table(struct snapshot *snapshot, const struct nlmsghdr *message)
{
	const struct nlattr *attrs[NFTA_TABLE_MAX + 1];
	struct nft_table *table = &snapshot->table[snapshot->tables++];

	attrs_of_message(message, attrs, NFTA_TABLE_MAX);
	table->family = message_family(message);
	table->name = attr_text(attrs[NFTA_TABLE_NAME]);
	table->flags = attr_u32(attrs[NFTA_TABLE_FLAGS], 0);
}

static void index_chain(struct snapshot *snapshot, const struct nlmsghdr *message)
{
	const struct nlattr *attrs[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	struct nft_chain *chain = &snapshot->chain[snapshot->chains++];

	attrs_of_message(message, attrs, NFTA_CHAIN_MAX);
	attrs_of_nest(attrs[NFTA_CHAIN_HOOK], hook, NFTA_HOOK_MAX);
	chain->family = message_family(message);
	chain->table = attr_text(attrs[NFTA_CHAIN_TABLE]);
	chain->name = attr_text(attrs[NFTA_CHAIN_NAME]);
	chain->type = attr_text(attrs[NFTA_CHAIN_TYPE]);
	chain->policy = attr_u32(attrs[NFTA_CHAIN_POLICY], NF_ACCEPT);
	chain->base = attrs[NFTA_CHAIN_HOOK] != NULL;
	chain->hook = attr_u32(hook[NFTA_HOOK_HOOKNUM], UINT32_MAX);
	chain->priority = (int32_t)attr_u32(hook[NFTA_HOOK_PRIORITY], 0);
}

/* Begins behind the chain found last: dumps and jumps name chains mostly in that order. */
static struct nft_chain *find_chain(struct snapshot *snapshot, uint8_t family, const char *table, const char *name)
{
	for (size_t i = 0; i < snapshot->chains; i++) {
		size_t at = snapshot->next_chain + i;
		struct nft_chain *chain = &snapshot->chain[at < snapshot->chains ? at : at - snapshot->chains];

		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): a chain that was counted has its texts */
		if (chain->family != family || strcmp(chain->name, name) || strcmp(chain->table, table))
			continue;
		snapshot->next_chain = (size_t)(chain - snapshot->chain);
		return chain;
	}
	return NULL;
}

/* A dump lists the rules of a chain one after the other, so the chain found last is nearly always the right one. */
static int index_rule(struct snapshot *snapshot, const struct nlmsghdr *message, struct nft_chain **last, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_RULE_MAX + 1];
	struct nft_rule *rule = &snapshot->rule[snapshot->rules];
	const char *table, *name;
	struct nft_chain *chain = *last;

	attrs_of_message(message, attrs, NFTA_RULE_MAX);
	table = attr_text(attrs[NFTA_RULE_TABLE]);
	name = attr_text(attrs[NFTA_RULE_CHAIN]);
	if (!chain || strcmp(chain->name, name) || strcmp(chain->table, table) || chain->family != message_family(message)) {
		chain = find_chain(snapshot, message_family(message), table, name);
		if (!chain || chain->rules) {
			fault_set(fault, FAULT_LATER, "a rule of the chain %s that was not there before", name);
			return AGAIN;
		}
		chain->first_rule = snapshot->rules;
		*last = chain;
	}
	rule->handle = attr_u64(attrs[NFTA_RULE_HANDLE], 0);
	rule->expressions = attrs[NFTA_RULE_EXPRESSIONS];
	rule->userdata = attrs[NFTA_RULE_USERDATA];
	chain->rules++;
	snapshot->rules++;
	return 0;
}

/* The number of messages of each type, so that the index needs three allocations. */
static void count(const struct snapshot *snapshot, size_t *tables, size_t *chains, size_t *rules)
{
	const struct nlmsghdr *message = (const void *)snapshot->messages.bytes;
	int left = (int)snapshot->messages.used;

	*tables = *chains = *rules = 0;
	for (; message_is_whole(message, left); message = mnl_nlmsg_next(message, &left)) {
		*tables += NFNL_MSG_TYPE(message->nlmsg_type) == NFT_MSG_NEWTABLE;
		*chains += NFNL_MSG_TYPE(message->nlmsg_type) == NFT_MSG_NEWCHAIN;
		*rules += NFNL_MSG_TYPE(message->nlmsg_type) == NFT_MSG_NEWRULE;
	}
}

static bool has_bytes(const struct messages *messages, const void *bytes, size_t length)
{
	return messages->used && memmem(messages->bytes, messages->used, bytes, length);
}

bool snapshot_may_notrack(const struct messages *messages)
{
	static const struct {
		struct nlattr head;
		char name[sizeof("CT")];
	} ct = { { sizeof(struct nlattr) + sizeof("CT"), NFTA_TARGET_NAME }, "CT" };

	return has_bytes(messages, "notrack", sizeof("notrack")) || has_bytes(messages, "NOTRACK", sizeof("NOTRACK")) ||
	       has_bytes(messages, &ct, ct.head.nla_len);
}

int snapshot_index(struct snapshot *snapshot, struct fault *fault)
{
	const struct nlmsghdr *message = (const void *)snapshot->messages.bytes;
	struct nft_chain *last = NULL;
	size_t tables, chains, rules;
	int left = (int)snapshot->messages.used, rc = 0;

	if (snapshot->messages.used > INT32_MAX)
		return fault_set(fault, FAULT_FAILED, "a ruleset of %zu bytes is too large", snapshot->messages.used);
	count(snapshot, &tables, &chains, &rules);
	snapshot->table = calloc(tables + 1, sizeof(*snapshot->table));
	snapshot->chain = calloc(chains + 1, sizeof(*snapshot->chain));
	snapshot->rule = calloc(rules + 1, sizeof(*snapshot->rule));
	if (!snapshot->table || !snapshot->chain || !snapshot->rule)
		return fault_errno(fault, FAULT_LATER, "reading a ruleset of %zu rules", rules);
	for (; rc == 0 && message_is_whole(message, left); message = mnl_nlmsg_next(message, &left)) {
		switch (NFNL_MSG_TYPE(message->nlmsg_type)) {
		case NFT_MSG_NEWTABLE:
			index_table(snapshot, message);
			break;
		case NFT_MSG_NEWCHAIN:
			index_chain(snapshot, message);
			break;
		case NFT_MSG_NEWRULE:
			rc = index_rule(snapshot, message, &last, fault);
			break;
		default:
			break;
		}
	}
	return rc;
}

/*
 * Reads the rules table by table, so that a commit to one table does not interrupt the dump of another. Whether the snapshot is whole
 * is judged by the generation afterwards, not by an interrupted dump.
 */
static int read_rules(struct snapshot *snapshot, struct netlink *netlink, size_t tables, struct fault *fault)
{
	char buffer[1024];

	for (size_t at = 0; at < tables;) {
		const struct nlmsghdr *message = (const void *)(snapshot->messages.bytes + at);
		const struct nlattr *attrs[NFTA_TABLE_NAME + 1];
		struct nlmsghdr *request;

		attrs_of_message(message, attrs, NFTA_TABLE_NAME);
		request = netlink_about(netlink, buffer, NFT_MSG_GETRULE, NLM_F_DUMP, message_family(message),
					attr_text(attrs[NFTA_TABLE_NAME]), NULL, 0);
		at += (message->nlmsg_len + 3U) & ~3U;
		if (netlink_dump(netlink, request, messages_take, &snapshot->messages, fault) == -1)
			return -1;
	}
	return 0;
}

int snapshot_read(struct snapshot *snapshot, struct netlink *netlink, bool hidden, struct fault *fault)
{
	static const uint16_t types[] = { NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN };
	size_t tables = 0;
	char buffer[512];
	int rc;

	memset(snapshot, 0, sizeof(*snapshot));
	rc = netlink_generation(netlink, &snapshot->generation, fault);
	for (size_t i = 0; i < LENGTH_OF(types) && rc != -1; i++) {
		rc = netlink_dump(netlink, netlink_request(netlink, buffer, types[i]), messages_take, &snapshot->messages, fault);
		tables = i ? tables : snapshot->messages.used;
	}
	if (rc == -1 || read_rules(snapshot, netlink, tables, fault) < 0)
		return -1;
	snapshot->netlink = netlink;
	snapshot->notrack = hidden || snapshot_may_notrack(&snapshot->messages);
	return snapshot_index(snapshot, fault);
}

void snapshot_free(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->sets; i++) {
		free(snapshot->set[i].element);
		if (snapshot->netlink)
			free(snapshot->set[i].messages.bytes);
	}
	free(snapshot->set);
	free(snapshot->messages.bytes);
	free(snapshot->table);
	free(snapshot->chain);
	free(snapshot->rule);
	memset(snapshot, 0, sizeof(*snapshot));
}

const struct nft_table *snapshot_table(const struct snapshot *snapshot, uint8_t family, const char *name)
{
	for (size_t i = 0; i < snapshot->tables; i++)
		if (snapshot->table[i].family == family && !strcmp(snapshot->table[i].name, name))
			return &snapshot->table[i];
	return NULL;
}

const struct nft_chain *snapshot_chain(struct snapshot *snapshot, uint8_t family, const char *table, const char *name)
{
	return find_chain(snapshot, family, table, name);
}

/* Begins at the set found last: each kind of packet asks for the sets in the same order. */
static const struct nft_set *find_set(struct snapshot *snapshot, const struct nlattr *name)
{
	for (size_t i = 0; i < snapshot->sets; i++) {
		size_t at = snapshot->next_set + i;
		struct nft_set *set = &snapshot->set[at < snapshot->sets ? at : at - snapshot->sets];

		if (set->name != name)
			continue;
		snapshot->next_set = (size_t)(set - snapshot->set);
		return set;
	}
	return NULL;
}

const struct nft_set *snapshot_set(struct snapshot *snapshot, const struct nft_chain *chain, const struct nlattr *name)
{
	const struct nft_set *known = name ? find_set(snapshot, name) : NULL;
	struct nft_set *set;

	if (known)
		return known->element ? known : NULL;
	if (!name || snapshot->sets == MOST_SETS)
		return NULL;
	if (!snapshot->set)
		snapshot->set = calloc(MOST_SETS, sizeof(*snapshot->set));
	if (!snapshot->set)
		return NULL;
	set = &snapshot->set[snapshot->sets++];
	set->name = name;
	if (!snapshot->netlink)
		set->messages = snapshot->messages;
	else if (!set_read(set, snapshot->netlink, chain->family, chain->table, attr_text(name)))
		return NULL;
	set_fill(set, chain->family, chain->table, attr_text(name));
	return set->element ? set : NULL;
}

static bool is_one_of(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

/* Is the chain's table named so, and has it a base chain as the tools make it? */
static bool is_of_tool(const struct snapshot *snapshot, const struct nft_chain *chain, const char *const *tables, size_t n)
{
	for (size_t i = 0; i < snapshot->chains && is_one_of(chain->table, tables, n); i++) {
		const struct nft_chain *other = &snapshot->chain[i];

		if (other->family == chain->family && other->base && !strcmp(other->table, chain->table) &&
		    (ipt_is_builtin(other->name) || !strcmp(other->name, "BROUTING")))
			return true;
	}
	return false;
}

bool snapshot_is_iptables(const struct snapshot *snapshot, const struct nft_chain *chain)
{
	return (chain->family == NFPROTO_IPV4 || chain->family == NFPROTO_IPV6) &&
	       is_of_tool(snapshot, chain, ipt_tables, IPT_TABLES);
}

bool snapshot_is_ebtables(const struct snapshot *snapshot, const struct nft_chain *chain)
{
	static const char *const tables[] = { "filter", "nat", "broute" };

	return chain->family == NFPROTO_BRIDGE && is_of_tool(snapshot, chain, tables, LENGTH_OF(tables));
}

const char *nft_hook(const struct nft_chain *chain)
{
	static const char *const hooks[] = {
		[NF_INET_PRE_ROUTING] = "prerouting", [NF_INET_LOCAL_IN] = "input",	      [NF_INET_FORWARD] = "forward",
		[NF_INET_LOCAL_OUT] = "output",	      [NF_INET_POST_ROUTING] = "postrouting", [NF_INET_INGRESS] = "ingress",
	};

	if (chain->family == NFPROTO_NETDEV)
		return chain->hook == NF_NETDEV_INGRESS ? "ingress" : "egress";
	return chain->hook < LENGTH_OF(hooks) ? hooks[chain->hook] : "hook";
}
