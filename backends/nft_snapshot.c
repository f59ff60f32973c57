// SPDX-License-Identifier: GPL-3.0-or-later
#include "nft_snapshot.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

int snapshot_append(struct snapshot *snapshot, const void *message, size_t length, struct fault *fault)
{
	size_t room = (length + MNL_ALIGNTO - 1) & ~(size_t)(MNL_ALIGNTO - 1);

	if (snapshot->size - snapshot->used < room) {
		size_t size = (snapshot->size + room) * 2;
		char *bytes = realloc(snapshot->bytes, size);

		if (!bytes)
			return fault_errno(fault, FAULT_LATER, "reading a ruleset of more than %zu bytes", snapshot->size);
		snapshot->bytes = bytes;
		snapshot->size = size;
	}
	memset(snapshot->bytes + snapshot->used, 0, room);
	memcpy(snapshot->bytes + snapshot->used, message, length);
	snapshot->used += room;
	return 0;
}

static int append(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	return snapshot_append(arg, message, message->nlmsg_len, fault);
}

static uint8_t family_of(const struct nlmsghdr *message)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);

	return mnl_nlmsg_get_payload_len(message) < sizeof(*generic) ? NFPROTO_UNSPEC : generic->nfgen_family;
}

static void index_table(struct snapshot *snapshot, const struct nlmsghdr *message)
{
	const struct nlattr *attrs[NFTA_TABLE_MAX + 1];
	struct nft_table *table = &snapshot->table[snapshot->tables++];

	attrs_of_message(message, attrs, NFTA_TABLE_MAX);
	table->family = family_of(message);
	table->name = attr_text(attrs[NFTA_TABLE_NAME]);
	table->flags = attr_u32(attrs[NFTA_TABLE_FLAGS], 0);
}

static void index_chain(struct snapshot *snapshot, const struct nlmsghdr *message)
{
	const struct nlattr *attrs[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	struct nft_chain *chain = &snapshot->chain[snapshot->chains++];

	attrs_of_message(message, attrs, NFTA_CHAIN_MAX);
	attrs_of_nest(attrs[NFTA_CHAIN_HOOK], hook, NFTA_HOOK_MAX);
	chain->family = family_of(message);
	chain->table = attr_text(attrs[NFTA_CHAIN_TABLE]);
	chain->name = attr_text(attrs[NFTA_CHAIN_NAME]);
	chain->type = attr_text(attrs[NFTA_CHAIN_TYPE]);
	chain->policy = attr_u32(attrs[NFTA_CHAIN_POLICY], NF_ACCEPT);
	chain->base = attrs[NFTA_CHAIN_HOOK] != NULL;
	chain->hook = attr_u32(hook[NFTA_HOOK_HOOKNUM], UINT32_MAX);
	chain->priority = (int32_t)attr_u32(hook[NFTA_HOOK_PRIORITY], 0);
}

/* A dump tells the rules of one chain behind each other; the last chain looked up is nearly always the right one. */
static int index_rule(struct snapshot *snapshot, const struct nlmsghdr *message, struct nft_chain **last,
		      struct fault *fault)
{
	const struct nlattr *attrs[NFTA_RULE_MAX + 1];
	struct nft_rule *rule = &snapshot->rule[snapshot->rules];
	const char *table, *name;
	struct nft_chain *chain = *last;

	attrs_of_message(message, attrs, NFTA_RULE_MAX);
	table = attr_text(attrs[NFTA_RULE_TABLE]);
	name = attr_text(attrs[NFTA_RULE_CHAIN]);
	if (!chain || strcmp(chain->name, name) || strcmp(chain->table, table) || chain->family != family_of(message)) {
		for (chain = snapshot->chain; chain < snapshot->chain + snapshot->chains; chain++)
			/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): a chain that was counted has its texts */
			if (chain->family == family_of(message) && !strcmp(chain->table, table) && !strcmp(chain->name, name))
				break;
		if (chain == snapshot->chain + snapshot->chains || chain->rules)
			return fault_set(fault, FAULT_RACED, "a rule of the chain %s that was not there before", name);
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

/* mnl_nlmsg_ok() of libmnl 1.0.4 takes a length from 2^31 for a negative one. */
static bool is_whole(const struct nlmsghdr *message, int left)
{
	return mnl_nlmsg_ok(message, left) && message->nlmsg_len <= (uint32_t)left;
}

/* How many messages of each type there are, so that the index needs three allocations. */
static void count(const struct snapshot *snapshot, size_t *tables, size_t *chains, size_t *rules)
{
	const struct nlmsghdr *message = (const void *)snapshot->bytes;
	int left = (int)snapshot->used;

	*tables = *chains = *rules = 0;
	for (; is_whole(message, left); message = mnl_nlmsg_next(message, &left)) {
		*tables += NFNL_MSG_TYPE(message->nlmsg_type) == NFT_MSG_NEWTABLE;
		*chains += NFNL_MSG_TYPE(message->nlmsg_type) == NFT_MSG_NEWCHAIN;
		*rules += NFNL_MSG_TYPE(message->nlmsg_type) == NFT_MSG_NEWRULE;
	}
}

int snapshot_index(struct snapshot *snapshot, struct fault *fault)
{
	const struct nlmsghdr *message = (const void *)snapshot->bytes;
	struct nft_chain *last = NULL;
	size_t tables, chains, rules;
	int left = (int)snapshot->used;

	if (snapshot->used > INT32_MAX)
		return fault_set(fault, FAULT_FAILED, "a ruleset of %zu bytes is too large", snapshot->used);
	count(snapshot, &tables, &chains, &rules);
	snapshot->table = calloc(tables + 1, sizeof(*snapshot->table));
	snapshot->chain = calloc(chains + 1, sizeof(*snapshot->chain));
	snapshot->rule = calloc(rules + 1, sizeof(*snapshot->rule));
	if (!snapshot->table || !snapshot->chain || !snapshot->rule)
		return fault_errno(fault, FAULT_LATER, "reading a ruleset of %zu rules", rules);
	for (; is_whole(message, left); message = mnl_nlmsg_next(message, &left)) {
		switch (NFNL_MSG_TYPE(message->nlmsg_type)) {
		case NFT_MSG_NEWTABLE:
			index_table(snapshot, message);
			break;
		case NFT_MSG_NEWCHAIN:
			index_chain(snapshot, message);
			break;
		case NFT_MSG_NEWRULE:
			if (index_rule(snapshot, message, &last, fault) < 0)
				return -1;
			break;
		default:
			break;
		}
	}
	return 0;
}

int snapshot_read(struct snapshot *snapshot, struct netlink *netlink, struct fault *fault)
{
	static const uint16_t types[] = { NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN, NFT_MSG_GETRULE };
	char buffer[512];

	memset(snapshot, 0, sizeof(*snapshot));
	if (netlink_generation(netlink, &snapshot->generation, fault) < 0)
		return -1;
	for (size_t i = 0; i < LENGTH_OF(types); i++)
		if (netlink_dump(netlink, netlink_request(netlink, buffer, types[i]), append, snapshot, fault) < 0)
			return -1;
	return snapshot_index(snapshot, fault);
}

void snapshot_free(struct snapshot *snapshot)
{
	free(snapshot->bytes);
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

const struct nft_chain *snapshot_chain(const struct snapshot *snapshot, uint8_t family, const char *table,
				       const char *name)
{
	for (size_t i = 0; i < snapshot->chains; i++) {
		const struct nft_chain *chain = &snapshot->chain[i];

		if (chain->family == family && !strcmp(chain->name, name) && !strcmp(chain->table, table))
			return chain;
	}
	return NULL;
}

static bool is_one_of(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

bool snapshot_is_iptables(const struct snapshot *snapshot, const struct nft_chain *chain)
{
	static const char *const tables[] = { "filter", "nat", "mangle", "raw", "security" };
	static const char *const chains[] = { "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING" };

	if ((chain->family != NFPROTO_IPV4 && chain->family != NFPROTO_IPV6) ||
	    !is_one_of(chain->table, tables, LENGTH_OF(tables)))
		return false;
	for (size_t i = 0; i < snapshot->chains; i++) {
		const struct nft_chain *other = &snapshot->chain[i];

		if (other->family == chain->family && other->base && !strcmp(other->table, chain->table) &&
		    is_one_of(other->name, chains, LENGTH_OF(chains)))
			return true;
	}
	return false;
}

const char *nft_family(uint8_t family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_BRIDGE:
		return "bridge";
	case NFPROTO_NETDEV:
		return "netdev";
	case NFPROTO_ARP:
		return "arp";
	default:
		return "family";
	}
}

const char *nft_hook(const struct nft_chain *chain)
{
	static const char *const hooks[] = {
		[NF_INET_PRE_ROUTING] = "prerouting",	[NF_INET_LOCAL_IN] = "input",
		[NF_INET_FORWARD] = "forward",		[NF_INET_LOCAL_OUT] = "output",
		[NF_INET_POST_ROUTING] = "postrouting", [NF_INET_INGRESS] = "ingress",
	};

	if (chain->family == NFPROTO_NETDEV)
		return chain->hook == NF_NETDEV_INGRESS ? "ingress" : "egress";
	return chain->hook < LENGTH_OF(hooks) ? hooks[chain->hook] : "hook";
}
