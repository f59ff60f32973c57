// SPDX-License-Identifier: GPL-3.0-or-later
#include "nft_walk.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* The registers of nf_tables: 64 bytes, of which some bits are known. Numbering: nft_parse_register() in nf_tables_api.c. */
#define REGISTER_BYTES 64
#define JUMP_DEPTH 16	/* NFT_JUMP_STACK_SIZE */
#define CT_ESTABLISHED 2 /* NF_CT_STATE_BIT(IP_CT_ESTABLISHED) */
#define CT_STATE_NEW 8	/* NF_CT_STATE_BIT(IP_CT_NEW) */
#define CT_UNTRACKED 64 /* NF_CT_STATE_UNTRACKED_BIT */
#define CT_INVALID 1	/* NF_CT_STATE_INVALID_BIT: what a rule reads that runs before conntrack does */
#define CT_DNAT 32	/* IPS_DST_NAT */
#define NAT_PRIORITY (-100) /* NF_IP_PRI_NAT_DST */
#define CT_PRIORITY (-200) /* NF_IP_PRI_CONNTRACK */

enum match { NO, MAYBE, YES };

/* How a packet leaves a chain. ACCEPTS: surely accepted on every way. FALLS: not blocked, at least one way goes on. */
enum passage { UNKNOWN, ACCEPTS, FALLS, BLOCKS };

struct walk {
	const struct snapshot *snapshot;
	uint16_t port;
	bool reply;		/* not the SYN but what answers it, on its way out */
	bool redirected;	/* our nat rule has changed the port */
	uint8_t family;		/* NFPROTO_IPV4, NFPROTO_IPV6 */
	uint32_t state;		/* of conntrack */
	unsigned char *memory;	/* enum passage of each chain, by its place in the snapshot */
	unsigned char value[REGISTER_BYTES], known[REGISTER_BYTES];
};

/* What one rule does with the packet when it matches. */
struct outcome {
	enum match match;
	uint32_t verdict;	/* NF_*, NFT_* */
	const char *target;	/* chain of a jump or goto */
};

static size_t register_offset(uint32_t number)
{
	if (number >= NFT_REG_1 && number <= NFT_REG_4)
		return (number - NFT_REG_1) * (size_t)16;
	if (number >= NFT_REG32_00 && number <= NFT_REG32_15)
		return (number - NFT_REG32_00) * (size_t)4;
	return REGISTER_BYTES;
}

static void forget(struct walk *walk)
{
	memset(walk->known, 0, sizeof(walk->known));
}

static void load(struct walk *walk, uint32_t number, const void *value, const void *known, size_t length)
{
	size_t at = register_offset(number);

	if (at + length > REGISTER_BYTES)
		return;
	memcpy(walk->value + at, value, length);
	if (known)
		memcpy(walk->known + at, known, length);
	else
		memset(walk->known + at, 0xff, length);
}

/* Bytes of headers that are known of the SYN, or of a reply: ports and flags of TCP; protocol, and that it is no fragment. */
static void known_header(const struct walk *walk, uint32_t base, unsigned char header[40], unsigned char known[40])
{
	const size_t at = walk->reply ? 0 : 2;

	memset(header, 0, 40);
	memset(known, 0, 40);
	if (base == NFT_PAYLOAD_TRANSPORT_HEADER) {
		header[at] = (unsigned char)(walk->port >> 8);
		header[at + 1] = (unsigned char)walk->port;
		known[at] = known[at + 1] = 0xff;
		header[13] = walk->reply ? 0x10 : 0x02; /* ACK, SYN */
		known[13] = walk->reply ? 0x10 : 0x3f;	/* but not the two bits of ECN */
	} else if (base == NFT_PAYLOAD_NETWORK_HEADER && walk->family == NFPROTO_IPV4) {
		known[6] = 0x3f;
		known[7] = 0xff;
		header[9] = IPPROTO_TCP;
		known[9] = 0xff;
	} else if (base == NFT_PAYLOAD_NETWORK_HEADER) {
		header[6] = IPPROTO_TCP;
		known[6] = 0xff;
	}
}

static enum match do_payload(struct walk *walk, const struct nlattr *data)
{
	const struct nlattr *a[NFTA_PAYLOAD_MAX + 1];
	unsigned char header[40], known[40];
	uint32_t offset, length, number;

	attrs_of_nest(data, a, NFTA_PAYLOAD_MAX);
	number = attr_u32(a[NFTA_PAYLOAD_DREG], UINT32_MAX);
	offset = attr_u32(a[NFTA_PAYLOAD_OFFSET], UINT32_MAX);
	length = attr_u32(a[NFTA_PAYLOAD_LEN], 0);
	if (number == UINT32_MAX) /* it writes a header instead of reading one */
		return YES;
	forget(walk);
	if (offset > sizeof(header) || length > sizeof(header) - offset)
		return MAYBE;
	known_header(walk, attr_u32(a[NFTA_PAYLOAD_BASE], UINT32_MAX), header, known);
	load(walk, number, header + offset, known + offset, length);
	return YES;
}

static enum match do_meta(struct walk *walk, const struct nlattr *data)
{
	const struct nlattr *a[NFTA_META_MAX + 1];
	uint32_t number;
	uint16_t ethertype = htons(walk->family == NFPROTO_IPV4 ? 0x0800 : 0x86dd);
	uint8_t tcp = IPPROTO_TCP;

	attrs_of_nest(data, a, NFTA_META_MAX);
	number = attr_u32(a[NFTA_META_DREG], UINT32_MAX);
	if (number == UINT32_MAX) /* meta mark set ... */
		return YES;
	forget(walk);
	switch (attr_u32(a[NFTA_META_KEY], UINT32_MAX)) {
	case NFT_META_L4PROTO:
		load(walk, number, &tcp, NULL, sizeof(tcp));
		break;
	case NFT_META_NFPROTO:
		load(walk, number, &walk->family, NULL, sizeof(walk->family));
		break;
	case NFT_META_PROTOCOL:
		load(walk, number, &ethertype, NULL, sizeof(ethertype));
		break;
	default:
		break;
	}
	return YES;
}

static enum match do_ct(struct walk *walk, const struct nlattr *data)
{
	const struct nlattr *a[NFTA_CT_MAX + 1];
	const uint32_t translated = CT_DNAT;
	uint32_t number;

	attrs_of_nest(data, a, NFTA_CT_MAX);
	number = attr_u32(a[NFTA_CT_DREG], UINT32_MAX);
	if (number == UINT32_MAX) /* ct mark set ... */
		return YES;
	forget(walk);
	if (attr_u32(a[NFTA_CT_KEY], UINT32_MAX) == NFT_CT_STATUS && walk->redirected)
		load(walk, number, &translated, &translated, sizeof(translated));
	else if (attr_u32(a[NFTA_CT_KEY], UINT32_MAX) == NFT_CT_STATE)
		load(walk, number, &walk->state, NULL, sizeof(walk->state));
	else
		return MAYBE; /* most keys break the rule when the packet is untracked */
	return YES;
}

static const struct nlattr *value_of(const struct nlattr *data)
{
	const struct nlattr *a[NFTA_DATA_MAX + 1];

	attrs_of_nest(data, a, NFTA_DATA_MAX);
	return a[NFTA_DATA_VALUE];
}

static enum match do_bitwise(struct walk *walk, const struct nlattr *data)
{
	const struct nlattr *a[NFTA_BITWISE_MAX + 1], *mask, *xor;
	uint32_t length;
	size_t from, to;

	attrs_of_nest(data, a, NFTA_BITWISE_MAX);
	from = register_offset(attr_u32(a[NFTA_BITWISE_SREG], 0));
	to = register_offset(attr_u32(a[NFTA_BITWISE_DREG], 0));
	length = attr_u32(a[NFTA_BITWISE_LEN], REGISTER_BYTES + 1);
	mask = value_of(a[NFTA_BITWISE_MASK]);
	xor = value_of(a[NFTA_BITWISE_XOR]);
	if (attr_u32(a[NFTA_BITWISE_OP], NFT_BITWISE_BOOL) != NFT_BITWISE_BOOL || from + length > REGISTER_BYTES ||
	    to + length > REGISTER_BYTES || !mask || !xor || mnl_attr_get_payload_len(mask) < length ||
	    mnl_attr_get_payload_len(xor) < length) {
		forget(walk);
		return YES;
	}
	for (size_t i = 0; i < length; i++) {
		unsigned char m = ((const unsigned char *)mnl_attr_get_payload(mask))[i];
		unsigned char x = ((const unsigned char *)mnl_attr_get_payload(xor))[i];

		walk->value[to + i] = (unsigned char)((walk->value[from + i] & m) ^ x);
		walk->known[to + i] = (unsigned char)(walk->known[from + i] | ~m);
	}
	return YES;
}

#define NO_ORDER INT32_MIN

/*
 * Compares what is known of a register with a value: NO different, YES equal, MAYBE. *order: like memcmp() when every bit is
 * known, else NO_ORDER.
 */
static enum match equal(const struct walk *walk, size_t at, const struct nlattr *value, int *order)
{
	size_t length = value ? mnl_attr_get_payload_len(value) : 0;
	const unsigned char *bytes = value ? mnl_attr_get_payload(value) : NULL;
	bool all_known = true, differs = false;

	*order = NO_ORDER;
	if (!length || at + length > REGISTER_BYTES)
		return MAYBE;
	for (size_t i = 0; i < length; i++) {
		differs = differs || ((walk->value[at + i] ^ bytes[i]) & walk->known[at + i]);
		all_known = all_known && walk->known[at + i] == 0xff;
	}
	if (all_known)
		*order = memcmp(walk->value + at, bytes, length);
	return differs ? NO : all_known ? YES : MAYBE;
}

static enum match either(bool yes)
{
	return yes ? YES : NO;
}

static enum match do_cmp(struct walk *walk, const struct nlattr *data)
{
	const struct nlattr *a[NFTA_CMP_MAX + 1];
	enum match same;
	int order;

	attrs_of_nest(data, a, NFTA_CMP_MAX);
	same = equal(walk, register_offset(attr_u32(a[NFTA_CMP_SREG], 0)), value_of(a[NFTA_CMP_DATA]), &order);
	switch (attr_u32(a[NFTA_CMP_OP], UINT32_MAX)) {
	case NFT_CMP_EQ:
		return same;
	case NFT_CMP_NEQ:
		return same == MAYBE ? MAYBE : either(same == NO);
	case NFT_CMP_LT:
		return order == NO_ORDER ? MAYBE : either(order < 0);
	case NFT_CMP_LTE:
		return order == NO_ORDER ? MAYBE : either(order <= 0);
	case NFT_CMP_GT:
		return order == NO_ORDER ? MAYBE : either(order > 0);
	case NFT_CMP_GTE:
		return order == NO_ORDER ? MAYBE : either(order >= 0);
	default:
		return MAYBE;
	}
}

static enum match do_range(struct walk *walk, const struct nlattr *data)
{
	const struct nlattr *a[NFTA_RANGE_MAX + 1];
	int low, high;
	size_t at;
	bool inside;

	attrs_of_nest(data, a, NFTA_RANGE_MAX);
	at = register_offset(attr_u32(a[NFTA_RANGE_SREG], 0));
	if (equal(walk, at, value_of(a[NFTA_RANGE_FROM_DATA]), &low) == MAYBE ||
	    equal(walk, at, value_of(a[NFTA_RANGE_TO_DATA]), &high) == MAYBE || low == NO_ORDER || high == NO_ORDER)
		return MAYBE;
	inside = low >= 0 && high <= 0;
	return either(attr_u32(a[NFTA_RANGE_OP], NFT_RANGE_EQ) == NFT_RANGE_EQ ? inside : !inside);
}

static enum match do_immediate(struct walk *walk, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_IMMEDIATE_MAX + 1], *d[NFTA_DATA_MAX + 1], *v[NFTA_VERDICT_MAX + 1];

	attrs_of_nest(data, a, NFTA_IMMEDIATE_MAX);
	attrs_of_nest(a[NFTA_IMMEDIATE_DATA], d, NFTA_DATA_MAX);
	attrs_of_nest(d[NFTA_DATA_VERDICT], v, NFTA_VERDICT_MAX);
	if (d[NFTA_DATA_VERDICT]) {
		outcome->verdict = attr_u32(v[NFTA_VERDICT_CODE], NF_DROP);
		outcome->target = attr_text(v[NFTA_VERDICT_CHAIN]);
	} else if (d[NFTA_DATA_VALUE]) {
		load(walk, attr_u32(a[NFTA_IMMEDIATE_DREG], 0), mnl_attr_get_payload(d[NFTA_DATA_VALUE]), NULL,
		     mnl_attr_get_payload_len(d[NFTA_DATA_VALUE]));
	}
	return YES;
}

/* A verdict map's elements are not read: one of them may drop. */
static enum match do_lookup(struct walk *walk, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_LOOKUP_MAX + 1];

	attrs_of_nest(data, a, NFTA_LOOKUP_MAX);
	if (attr_u32(a[NFTA_LOOKUP_DREG], UINT32_MAX) == NFT_REG_VERDICT)
		outcome->verdict = NF_DROP;
	forget(walk);
	return MAYBE;
}

/* -m conntrack --ctstate. Its bits are those of nf_tables, but for the one of untracked packets. */
static enum match do_conntrack(const struct walk *walk, const struct nlattr *info)
{
	const uint32_t state = walk->state == CT_UNTRACKED ? XT_CONNTRACK_STATE_UNTRACKED : walk->state;
	struct xt_conntrack_mtinfo3 wanted;

	if (!info || mnl_attr_get_payload_len(info) < sizeof(wanted))
		return MAYBE;
	memcpy(&wanted, mnl_attr_get_payload(info), sizeof(wanted));
	if (wanted.match_flags != XT_CONNTRACK_STATE)
		return MAYBE;
	return either(((wanted.state_mask & state) != 0) != ((wanted.invert_flags & XT_CONNTRACK_STATE) != 0));
}

/* Other matches of x_tables may go either way, but for a comment, and extension headers of IPv6: it is no such packet. */
static enum match do_match(struct walk *walk, const struct nlattr *data)
{
	static const char *const headers[] = { "rt", "hbh", "dst", "frag" };
	const struct nlattr *a[NFTA_MATCH_MAX + 1];
	const char *name;

	attrs_of_nest(data, a, NFTA_MATCH_MAX);
	name = attr_text(a[NFTA_MATCH_NAME]);
	forget(walk);
	if (!strcmp(name, "conntrack") && attr_u32(a[NFTA_MATCH_REV], 0) == 3)
		return do_conntrack(walk, a[NFTA_MATCH_INFO]);
	for (size_t i = 0; i < LENGTH_OF(headers); i++)
		if (!strcmp(name, headers[i]))
			return NO;
	return strcmp(name, "comment") ? MAYBE : YES;
}

static enum match do_target(const struct nlattr *data, struct outcome *outcome)
{
	static const char *const harmless[] = { "ACCEPT", "LOG", "NFLOG", "MARK", "CONNMARK", "TCPMSS", "CT", "SET", "TRACE",
						"AUDIT", "CLASSIFY", "DSCP", "TOS", "NOTRACK" };
	const struct nlattr *a[NFTA_TARGET_MAX + 1];

	attrs_of_nest(data, a, NFTA_TARGET_MAX);
	for (size_t i = 0; i < LENGTH_OF(harmless); i++)
		if (!strcmp(attr_text(a[NFTA_TARGET_NAME]), harmless[i]))
			return YES;
	outcome->verdict = NF_DROP; /* DROP, REJECT, TARPIT, NFQUEUE, and what is not known */
	return YES;
}

/* A named limit, quota or the like may end the rule, a map of objects has no entry for the packet; synproxy takes it away. */
static enum match do_objref(const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_OBJREF_MAX + 1];
	uint32_t type;

	attrs_of_nest(data, a, NFTA_OBJREF_MAX);
	type = attr_u32(a[NFTA_OBJREF_IMM_TYPE], 0);
	if (type == NFT_OBJECT_SYNPROXY)
		outcome->verdict = NF_DROP;
	return type == NFT_OBJECT_COUNTER || type == NFT_OBJECT_SYNPROXY ? YES : MAYBE;
}

static enum match do_expression(struct walk *walk, const char *name, const struct nlattr *data, struct outcome *outcome)
{
	static const char *const statements[] = { "counter", "log", "notrack", "last", "dup" };
	static const char *const blockers[] = { "reject", "queue", "synproxy", "fwd" };

	if (!strcmp(name, "payload"))
		return do_payload(walk, data);
	if (!strcmp(name, "meta"))
		return do_meta(walk, data);
	if (!strcmp(name, "cmp"))
		return do_cmp(walk, data);
	if (!strcmp(name, "ct"))
		return do_ct(walk, data);
	if (!strcmp(name, "bitwise"))
		return do_bitwise(walk, data);
	if (!strcmp(name, "range"))
		return do_range(walk, data);
	if (!strcmp(name, "immediate"))
		return do_immediate(walk, data, outcome);
	if (!strcmp(name, "lookup"))
		return do_lookup(walk, data, outcome);
	if (!strcmp(name, "objref"))
		return do_objref(data, outcome);
	if (!strcmp(name, "target"))
		return do_target(data, outcome);
	if (!strcmp(name, "match"))
		return do_match(walk, data);
	for (size_t i = 0; i < LENGTH_OF(statements); i++)
		if (!strcmp(name, statements[i]))
			return YES;
	for (size_t i = 0; i < LENGTH_OF(blockers); i++)
		if (!strcmp(name, blockers[i]))
			outcome->verdict = NF_DROP;
	forget(walk);
	return outcome->verdict == NF_DROP ? YES : MAYBE;
}

static struct outcome do_rule(struct walk *walk, const struct nft_rule *rule)
{
	struct outcome outcome = { YES, (uint32_t)NFT_CONTINUE, "" };
	const struct nlattr *list = rule->expressions, *attr, *e[NFTA_EXPR_MAX + 1];
	int left = list ? mnl_attr_get_payload_len(list) : 0;

	forget(walk);
	for (attr = list ? mnl_attr_get_payload(list) : NULL; attr && mnl_attr_ok(attr, left); attr = mnl_attr_next(attr)) {
		enum match match;

		attrs_of_nest(attr, e, NFTA_EXPR_MAX);
		match = do_expression(walk, attr_text(e[NFTA_EXPR_NAME]), e[NFTA_EXPR_DATA], &outcome);
		if (match < outcome.match)
			outcome.match = match;
		if (outcome.match == NO)
			break;
		left -= (int)((attr->nla_len + (uint32_t)MNL_ALIGNTO - 1) & ~(uint32_t)(MNL_ALIGNTO - 1));
	}
	return outcome;
}

static enum passage walk_chain(struct walk *walk, const struct nft_chain *chain, int depth);

static enum passage walk_target(struct walk *walk, const struct nft_chain *from, const char *name, int depth)
{
	const struct nft_chain *chain = snapshot_chain(walk->snapshot, from->family, from->table, name);

	return !chain || depth == JUMP_DEPTH ? BLOCKS : walk_chain(walk, chain, depth + 1);
}

static enum passage walk_rules(struct walk *walk, const struct nft_chain *chain, int depth)
{
	const struct nft_rule *rule = walk->snapshot->rule + chain->first_rule;
	bool may_leave = false; /* a way out of this chain that accepts nothing was passed */

	for (const struct nft_rule *end = rule + chain->rules; rule < end; rule++) {
		struct outcome outcome = do_rule(walk, rule);
		bool sure = outcome.match == YES;
		enum passage passage;

		if (outcome.match == NO || outcome.verdict == (uint32_t)NFT_CONTINUE)
			continue;
		switch (outcome.verdict) {
		case NF_ACCEPT:
			if (sure)
				return may_leave ? FALLS : ACCEPTS;
			break;
		case (uint32_t)NFT_RETURN:
			if (sure)
				return FALLS;
			may_leave = true;
			break;
		case (uint32_t)NFT_JUMP:
		case (uint32_t)NFT_GOTO:
			passage = walk_target(walk, chain, outcome.target, depth);
			if (passage == BLOCKS)
				return BLOCKS;
			if (sure && passage == ACCEPTS)
				return may_leave ? FALLS : ACCEPTS;
			if (outcome.verdict == (uint32_t)NFT_GOTO && sure)
				return FALLS;
			if (outcome.verdict == (uint32_t)NFT_GOTO && passage == FALLS)
				may_leave = true;
			break;
		default: /* NF_DROP, NF_QUEUE, NF_STOLEN */
			return BLOCKS;
		}
	}
	return FALLS;
}

/* Each chain is walked once, however many rules jump to it: rules load their registers themselves. */
static enum passage walk_chain(struct walk *walk, const struct nft_chain *chain, int depth)
{
	unsigned char *memory = &walk->memory[chain - walk->snapshot->chain];

	if (*memory == UNKNOWN)
		*memory = (unsigned char)walk_rules(walk, chain, depth);
	return (enum passage)*memory;
}

static bool blocks_as(struct walk *walk, const struct nft_chain *chain)
{
	enum passage passage;

	memset(walk->memory, UNKNOWN, walk->snapshot->chains + 1);
	passage = walk_chain(walk, chain, 0);
	return passage == BLOCKS || (passage == FALLS && chain->policy != NF_ACCEPT);
}

static bool is_before_conntrack(const struct nft_chain *chain)
{
	return chain->family == NFPROTO_NETDEV || chain->family == NFPROTO_BRIDGE || chain->hook == NF_INET_INGRESS ||
	       ((chain->hook == NF_INET_PRE_ROUTING || chain->hook == NF_INET_LOCAL_OUT) && chain->priority <= CT_PRIORITY);
}

static bool is_behind_nat(const struct nft_chain *chain)
{
	return chain->family != NFPROTO_NETDEV && chain->family != NFPROTO_BRIDGE && chain->hook != NF_INET_INGRESS &&
	       (chain->hook != NF_INET_PRE_ROUTING || chain->priority > NAT_PRIORITY);
}

bool walk_can_block(const struct snapshot *snapshot, const struct nft_chain *chain, const struct opening *opening)
{
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	static const uint32_t states[] = { CT_STATE_NEW, CT_UNTRACKED, CT_INVALID };
	const bool redirected = opening->target != opening->port && is_behind_nat(chain);
	struct walk walk = { .snapshot = snapshot, .port = redirected ? opening->target : opening->port,
			     .redirected = redirected, .reply = chain->hook == NF_INET_LOCAL_OUT };
	bool blocks = false;

	walk.memory = malloc(snapshot->chains + 1);
	if (!walk.memory)
		return true;
	for (size_t i = 0; i < LENGTH_OF(families) * LENGTH_OF(states) && !blocks; i++) {
		walk.family = families[i % 2];
		walk.state = states[i / 2] == CT_STATE_NEW && walk.reply ? CT_ESTABLISHED : states[i / 2];
		if (walk.state == CT_INVALID && !is_before_conntrack(chain))
			continue;
		if (walk.state == CT_UNTRACKED && redirected)
			continue;
		if ((chain->family == NFPROTO_IPV4 || chain->family == NFPROTO_IPV6) && chain->family != walk.family)
			continue;
		blocks = blocks_as(&walk, chain);
	}
	free(walk.memory);
	return blocks;
}
