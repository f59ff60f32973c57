// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/expression.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#include "backends/survey/meta.h"
#include "backends/survey/payload.h"
#include "backends/survey/search.h"
#include "backends/survey/xt_match.h"

/*
 * Options and extension headers. A rule that asks for one that the packet lacks ends there, or reads that it is missing. Of TCP's
 * options the size of segments is known: every SYN names one.
 */
static enum match do_exthdr(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	static const uint8_t missing = 0, there = 1;
	const struct nlattr *a[NFTA_EXTHDR_MAX + 1];
	uint32_t number, operation;
	bool present, size, syn = meeting->packet->known == 0xff && !(meeting->packet->flags & 0x10);

	(void)outcome;
	attrs_of_nest(data, a, NFTA_EXTHDR_MAX);
	number = attr_u32(a[NFTA_EXTHDR_DREG], UINT32_MAX);
	if (number == UINT32_MAX) /* tcp option maxseg size set ... */
		return YES;
	operation = attr_u32(a[NFTA_EXTHDR_OP], NFT_EXTHDR_OP_IPV6);
	present = attr_u32(a[NFTA_EXTHDR_FLAGS], 0) & NFT_EXTHDR_F_PRESENT;
	size = operation == NFT_EXTHDR_OP_TCPOPT && a[NFTA_EXTHDR_TYPE] && mnl_attr_get_u8(a[NFTA_EXTHDR_TYPE]) == 2;
	if (operation == NFT_EXTHDR_OP_TCPOPT && (!size || !meeting->packet->known)) {
		registers_load(&meeting->registers, number, NULL, NULL, 0);
		return present ? YES : MAYBE;
	}
	if (present)
		registers_load(&meeting->registers, number, size && syn ? &there : &missing, NULL, sizeof(there));
	else if (size && syn)
		packet_load(meeting, number, FACT_MSS, 2);
	return present || (size && syn) ? YES : NO;
}

static const struct nlattr *value_of(const struct nlattr *data)
{
	const struct nlattr *a[NFTA_DATA_MAX + 1];

	attrs_of_nest(data, a, NFTA_DATA_MAX);
	return a[NFTA_DATA_VALUE];
}

static enum match do_bitwise(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_BITWISE_MAX + 1], *mask, *xor;
	uint32_t length;
	size_t from, to;

	(void)outcome;
	attrs_of_nest(data, a, NFTA_BITWISE_MAX);
	from = registers_offset(attr_u32(a[NFTA_BITWISE_SREG], 0));
	to = registers_offset(attr_u32(a[NFTA_BITWISE_DREG], 0));
	length = attr_u32(a[NFTA_BITWISE_LEN], REGISTER_BYTES + 1);
	mask = value_of(a[NFTA_BITWISE_MASK]);
	xor = value_of(a[NFTA_BITWISE_XOR]);
	if (attr_u32(a[NFTA_BITWISE_OP], NFT_BITWISE_BOOL) != NFT_BITWISE_BOOL || from + length > REGISTER_BYTES ||
	    to + length > REGISTER_BYTES || !mask || !xor || mnl_attr_get_payload_len(mask) < length ||
	    mnl_attr_get_payload_len(xor) < length) {
		packet_forget(meeting);
		return YES;
	}
	registers_mask(&meeting->registers, from, to, length, mnl_attr_get_payload(mask), mnl_attr_get_payload(xor));
	for (size_t i = 0; i < length; i++) {
		unsigned char m = ((const unsigned char *)mnl_attr_get_payload(mask))[i];
		unsigned char x = ((const unsigned char *)mnl_attr_get_payload(xor))[i];

		meeting->registers.value[to + i] = (unsigned char)((meeting->registers.value[from + i] & m) ^ x);
		meeting->registers.known[to + i] = (unsigned char)(meeting->registers.known[from + i] | ~m);
	}
	return YES;
}

static enum match do_cmp(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	static const unsigned char least[REGISTER_BYTES];
	const struct nlattr *a[NFTA_CMP_MAX + 1];
	const struct registers *r = &meeting->registers;
	unsigned char most[REGISTER_BYTES];
	const unsigned char *bytes;
	size_t at, length;

	(void)outcome;
	attrs_of_nest(data, a, NFTA_CMP_MAX);
	at = registers_offset(attr_u32(a[NFTA_CMP_SREG], 0));
	bytes = registers_bytes(value_of(a[NFTA_CMP_DATA]), at, &length);
	if (!bytes)
		return MAYBE;
	memset(most, 0xff, sizeof(most));
	switch (attr_u32(a[NFTA_CMP_OP], UINT32_MAX)) {
	case NFT_CMP_EQ:
		return registers_equal(r, at, bytes, length);
	case NFT_CMP_NEQ:
		return match_not(registers_equal(r, at, bytes, length));
	case NFT_CMP_LT:
		return match_not(registers_between(r, at, bytes, most, length));
	case NFT_CMP_LTE:
		return registers_between(r, at, least, bytes, length);
	case NFT_CMP_GT:
		return match_not(registers_between(r, at, least, bytes, length));
	case NFT_CMP_GTE:
		return registers_between(r, at, bytes, most, length);
	default:
		return MAYBE;
	}
}

static enum match do_range(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_RANGE_MAX + 1];
	const unsigned char *low, *high;
	size_t at, length, other;
	enum match inside;

	(void)outcome;
	attrs_of_nest(data, a, NFTA_RANGE_MAX);
	at = registers_offset(attr_u32(a[NFTA_RANGE_SREG], 0));
	low = registers_bytes(value_of(a[NFTA_RANGE_FROM_DATA]), at, &length);
	high = registers_bytes(value_of(a[NFTA_RANGE_TO_DATA]), at, &other);
	inside = low && high && length == other ? registers_between(&meeting->registers, at, low, high, length) : MAYBE;
	return attr_u32(a[NFTA_RANGE_OP], NFT_RANGE_EQ) == NFT_RANGE_EQ ? inside : match_not(inside);
}

struct verdict expression_verdict(const struct nlattr *data)
{
	const struct nlattr *d[NFTA_DATA_MAX + 1], *v[NFTA_VERDICT_MAX + 1];

	attrs_of_nest(data, d, NFTA_DATA_MAX);
	attrs_of_nest(d[NFTA_DATA_VERDICT], v, NFTA_VERDICT_MAX);
	return (struct verdict){ attr_u32(v[NFTA_VERDICT_CODE], NF_DROP), attr_text(v[NFTA_VERDICT_CHAIN]) };
}

static enum match do_immediate(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_IMMEDIATE_MAX + 1], *value;
	uint32_t number;

	attrs_of_nest(data, a, NFTA_IMMEDIATE_MAX);
	value = value_of(a[NFTA_IMMEDIATE_DATA]);
	number = attr_u32(a[NFTA_IMMEDIATE_DREG], NFT_REG_VERDICT);
	if (number == NFT_REG_VERDICT)
		outcome->verdict = expression_verdict(a[NFTA_IMMEDIATE_DATA]);
	else
		registers_load(&meeting->registers, number, value ? mnl_attr_get_payload(value) : NULL, NULL,
			       value ? mnl_attr_get_payload_len(value) : 0);
	return YES;
}

/* Reads a set only if something is known of the key; a verdict map always, since one of its verdicts may drop. */
static enum match do_lookup(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_LOOKUP_MAX + 1];
	const struct nft_set *set = NULL;
	uint32_t number, known = 0;
	enum match match = MAYBE;
	bool verdicts;
	size_t at;

	attrs_of_nest(data, a, NFTA_LOOKUP_MAX);
	number = attr_u32(a[NFTA_LOOKUP_DREG], UINT32_MAX);
	at = registers_offset(attr_u32(a[NFTA_LOOKUP_SREG], 0));
	verdicts = number == NFT_REG_VERDICT;
	for (size_t i = at; i < REGISTER_BYTES; i++)
		known |= meeting->registers.known[i];
	for (size_t i = 0; i < REGISTER_FACTS; i++)
		known |= meeting->registers.fact[i].bytes && meeting->registers.fact[i].at >= at;
	if (known || verdicts)
		set = snapshot_set(meeting->snapshot, meeting->chain, a[NFTA_LOOKUP_SET]);
	if (set && !verdicts)
		match = search_set(&meeting->registers, set, at);
	if (attr_u32(a[NFTA_LOOKUP_FLAGS], 0) & NFT_LOOKUP_F_INV)
		match = match_not(match);
	if (verdicts && !set)
		outcome->verdict.code = NF_DROP;
	outcome->map = verdicts ? set : NULL;
	outcome->at = at;
	if (number != UINT32_MAX && !verdicts)
		packet_forget(meeting);
	return match;
}

/* --- the rest of the expressions ---------------------------------------------------------------------------------- */

static enum match do_match(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_MATCH_MAX + 1];

	(void)outcome;
	attrs_of_nest(data, a, NFTA_MATCH_MAX);
	return xt_match(meeting, attr_text(a[NFTA_MATCH_NAME]), attr_u32(a[NFTA_MATCH_REV], 0), a[NFTA_MATCH_INFO]);
}

static enum match do_target(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_TARGET_MAX + 1];

	(void)meeting;
	attrs_of_nest(data, a, NFTA_TARGET_MAX);
	xt_target(attr_text(a[NFTA_TARGET_NAME]), outcome);
	return YES;
}

/* A named limit or quota may end the rule, and so may a map of objects without an entry for the packet; synproxy takes the packet. */
static enum match do_objref(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_OBJREF_MAX + 1];
	uint32_t type;

	(void)meeting;
	attrs_of_nest(data, a, NFTA_OBJREF_MAX);
	type = attr_u32(a[NFTA_OBJREF_IMM_TYPE], 0);
	if (type == NFT_OBJECT_SYNPROXY)
		outcome->verdict.code = NF_DROP;
	if (type == NFT_OBJECT_CT_HELPER)
		outcome->effects |= EFFECT_HELPER;
	if (type == NFT_OBJECT_CT_TIMEOUT || type == NFT_OBJECT_CT_EXPECT || type == NFT_OBJECT_SECMARK)
		outcome->effects |= EFFECT_OTHER;
	return type == NFT_OBJECT_COUNTER || type == NFT_OBJECT_SYNPROXY ? YES : MAYBE;
}

static enum match do_nothing(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	(void)meeting;
	(void)data;
	(void)outcome;
	return YES;
}

/* The packet never reaches our listener. */
static enum match do_notrack(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	(void)meeting;
	(void)data;
	outcome->effects |= EFFECT_NOTRACK;
	return YES;
}

static enum match do_dup(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	(void)meeting;
	(void)data;
	outcome->effects |= EFFECT_COPY;
	return YES;
}

/* A full set ends the rule. */
static enum match do_dynset(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	(void)meeting;
	(void)data;
	outcome->effects |= EFFECT_SET;
	return MAYBE;
}

static enum match do_block(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	(void)meeting;
	(void)data;
	outcome->verdict.code = NF_DROP;
	return YES;
}

static enum match do_nat(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_NAT_MAX + 1];

	(void)meeting;
	attrs_of_nest(data, a, NFTA_NAT_MAX);
	outcome->verdict.code = attr_u32(a[NFTA_NAT_TYPE], NFT_NAT_DNAT) == NFT_NAT_SNAT ? NF_ACCEPT : NF_DROP;
	return YES;
}

/*
 * fib saddr . iif oif missing: a filter of reverse paths asks whether there is a way back to the sender. fib daddr type: the packet
 * is for this host.
 */
static enum match do_fib(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	static const uint8_t present = 1;
	static const uint32_t local = RTN_LOCAL;
	const uint32_t way_back = NFTA_FIB_F_SADDR | NFTA_FIB_F_PRESENT;
	const struct nlattr *a[NFTA_FIB_MAX + 1];
	uint32_t flags, ours = meeting->packet->leaving ? NFTA_FIB_F_SADDR : NFTA_FIB_F_DADDR;
	bool known;

	(void)outcome;
	attrs_of_nest(data, a, NFTA_FIB_MAX);
	flags = attr_u32(a[NFTA_FIB_FLAGS], 0);
	if (attr_u32(a[NFTA_FIB_RESULT], 0) == NFT_FIB_RESULT_ADDRTYPE && flags == ours) {
		registers_load(&meeting->registers, attr_u32(a[NFTA_FIB_DREG], UINT32_MAX), &local, NULL, sizeof(local));
		return YES;
	}
	known = meeting->answerable && (flags & way_back) == way_back;
	registers_load(&meeting->registers, attr_u32(a[NFTA_FIB_DREG], UINT32_MAX), known ? &present : NULL, NULL, sizeof(present));
	return known ? YES : MAYBE;
}

static enum match do_expression(struct meeting *meeting, const char *name, const struct nlattr *data, struct outcome *outcome)
{
	static const struct {
		const char *name;
		enum match (*act)(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome);
	} expressions[] = {
		{ "payload", payload_judge },
		{ "cmp", do_cmp },
		{ "meta", meta_judge },
		{ "ct", meta_judge_ct },
		{ "immediate", do_immediate },
		{ "bitwise", do_bitwise },
		{ "lookup", do_lookup },
		{ "range", do_range },
		{ "counter", do_nothing },
		{ "log", do_nothing },
		{ "notrack", do_notrack },
		{ "last", do_nothing },
		{ "dup", do_dup },
		{ "match", do_match },
		{ "target", do_target },
		{ "objref", do_objref },
		{ "reject", do_block },
		{ "queue", do_block },
		{ "synproxy", do_block },
		{ "fwd", do_block },
		{ "redir", do_block },
		{ "tproxy", do_block },
		{ "nat", do_nat },
		{ "fib", do_fib },
		{ "exthdr", do_exthdr },
		{ "dynset", do_dynset },
	};

	for (size_t i = 0; i < LENGTH_OF(expressions); i++)
		if (!strcmp(name, expressions[i].name))
			return expressions[i].act(meeting, data, outcome);
	packet_forget(meeting);
	return MAYBE;
}

/* Looks only at the expressions that send packets to other chains. */
struct outcome expression_jumps(struct snapshot *snapshot, const struct nft_chain *chain, const struct nft_rule *rule)
{
	static const struct packet none;
	struct meeting meeting = { .snapshot = snapshot, .packet = &none, .chain = chain };
	struct outcome outcome = { .verdict = { (uint32_t)NFT_CONTINUE, "" } };
	const struct nlattr *list = rule->expressions, *attr, *e[NFTA_EXPR_MAX + 1];
	int left = list ? mnl_attr_get_payload_len(list) : 0;

	for (attr = list ? mnl_attr_get_payload(list) : NULL; attr && mnl_attr_ok(attr, left); attr = mnl_attr_next(attr)) {
		attrs_of_nest(attr, e, NFTA_EXPR_MAX);
		if (!strcmp(attr_text(e[NFTA_EXPR_NAME]), "immediate"))
			do_immediate(&meeting, e[NFTA_EXPR_DATA], &outcome);
		if (!strcmp(attr_text(e[NFTA_EXPR_NAME]), "lookup"))
			do_lookup(&meeting, e[NFTA_EXPR_DATA], &outcome);
		left -= (int)((attr->nla_len + 3U) & ~3U);
	}
	return outcome;
}

/* A rule ends with the expression that gives a verdict, or does not match. */
struct outcome expression_meet(struct meeting *meeting, const struct nft_rule *rule)
{
	struct outcome outcome = { .match = YES, .verdict = { (uint32_t)NFT_CONTINUE, "" } };
	const struct nlattr *list = rule->expressions, *attr, *e[NFTA_EXPR_MAX + 1];
	int left = list ? mnl_attr_get_payload_len(list) : 0;

	packet_forget(meeting);
	for (attr = list ? mnl_attr_get_payload(list) : NULL; attr && mnl_attr_ok(attr, left); attr = mnl_attr_next(attr)) {
		enum match match;

		attrs_of_nest(attr, e, NFTA_EXPR_MAX);
		match = do_expression(meeting, attr_text(e[NFTA_EXPR_NAME]), e[NFTA_EXPR_DATA], &outcome);
		if (match < outcome.match && !outcome.map)
			outcome.match = match;
		if (outcome.match == NO || outcome.map || outcome.verdict.code != (uint32_t)NFT_CONTINUE)
			break;
		left -= (int)((attr->nla_len + 3U) & ~3U);
	}
	return outcome;
}
