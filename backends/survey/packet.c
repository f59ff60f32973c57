// SPDX-License-Identifier: GPL-3.0-or-later
#include "packet.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_conntrack.h>
#include <netinet/in.h>
#include <string.h>

#define LONGEST 16	/* that one expression fills without telling its length: a name of an interface, an address */

/* --- registers; their numbering is that of nft_parse_register() in nf_tables_api.c -------------------------------------- */

static size_t register_offset(uint32_t number)
{
	if (number >= NFT_REG_1 && number <= NFT_REG_4)
		return (number - NFT_REG_1) * (size_t)16;
	if (number >= NFT_REG32_00 && number <= NFT_REG32_15)
		return (number - NFT_REG32_00) * (size_t)4;
	return REGISTER_BYTES;
}

static void forget(struct meeting *meeting, size_t at, size_t length)
{
	memset(meeting->registers.known + at, 0, length < REGISTER_BYTES - at ? length : REGISTER_BYTES - at);
}

static void forget_all(struct meeting *meeting)
{
	forget(meeting, 0, REGISTER_BYTES);
}

/* Nothing of what lies in value is known where known is 0; known NULL: all is. The rest of the last four bytes becomes zero. */
static void load(struct meeting *meeting, uint32_t number, const void *value, const void *known, size_t length)
{
	size_t at = register_offset(number), whole = (length + 3) & ~(size_t)3;

	if (!value || at + whole > REGISTER_BYTES) {
		forget(meeting, at, value ? length : LONGEST);
		return;
	}
	memset(meeting->registers.value + at, 0, whole);
	memset(meeting->registers.known + at, 0xff, whole);
	memcpy(meeting->registers.value + at, value, length);
	if (known)
		memcpy(meeting->registers.known + at, known, length);
}

/* A rule that writes ports or addresses sends the packet elsewhere; other parts of a header do no harm. */
static bool diverts(const struct meeting *meeting, uint32_t base, uint32_t offset)
{
	return (base == NFT_PAYLOAD_TRANSPORT_HEADER && offset < 4) ||
	       (base == NFT_PAYLOAD_NETWORK_HEADER && offset >= (meeting->family == NFPROTO_IPV4 ? 12U : 8U));
}

/* Bytes of headers that are known: ethertype; protocol, and that it is no fragment; ports and flags of TCP. */
static void known_header(const struct meeting *meeting, uint32_t base, unsigned char header[40], unsigned char known[40])
{
	const size_t at = meeting->packet->reply ? 0 : 2;
	bool v4 = meeting->family == NFPROTO_IPV4;

	memset(header, 0, 40);
	memset(known, 0, 40);
	if (base == NFT_PAYLOAD_TRANSPORT_HEADER) {
		header[at] = (unsigned char)(meeting->port >> 8);
		header[at + 1] = (unsigned char)meeting->port;
		header[13] = meeting->packet->flags;
		known[at] = known[at + 1] = 0xff;
		known[13] = meeting->packet->known;
	} else if (base == NFT_PAYLOAD_NETWORK_HEADER) {
		header[v4 ? 9 : 6] = IPPROTO_TCP;
		known[v4 ? 9 : 6] = 0xff;
		known[7] = v4 ? 0xff : 0;
		known[6] |= v4 ? 0x3f : 0;
	} else if (base == NFT_PAYLOAD_LL_HEADER) {
		header[12] = v4 ? 0x08 : 0x86;
		header[13] = v4 ? 0x00 : 0xdd;
		known[12] = known[13] = 0xff;
	}
}

static enum match do_payload(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_PAYLOAD_MAX + 1];
	unsigned char header[40], known[40];
	uint32_t base, offset, length, number;

	attrs_of_nest(data, a, NFTA_PAYLOAD_MAX);
	base = attr_u32(a[NFTA_PAYLOAD_BASE], UINT32_MAX);
	number = attr_u32(a[NFTA_PAYLOAD_DREG], UINT32_MAX);
	offset = attr_u32(a[NFTA_PAYLOAD_OFFSET], UINT32_MAX);
	length = attr_u32(a[NFTA_PAYLOAD_LEN], 0);
	if (number == UINT32_MAX && diverts(meeting, base, offset)) /* it writes a header instead of reading one */
		outcome->verdict.code = NF_DROP;
	if (number == UINT32_MAX)
		return YES;
	if (offset > sizeof(header) || length > sizeof(header) - offset) {
		forget_all(meeting);
		return MAYBE;
	}
	known_header(meeting, base, header, known);
	load(meeting, number, header + offset, known + offset, length);
	return YES;
}

static enum match do_meta(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	static const uint8_t tcp = IPPROTO_TCP;
	const uint16_t ethertype = htons(meeting->family == NFPROTO_IPV4 ? 0x0800 : 0x86dd);
	const struct {
		const void *value;
		size_t length;
	} known[] = {
		[NFT_META_PROTOCOL] = { &ethertype, sizeof(ethertype) },
		[NFT_META_NFPROTO] = { &meeting->family, sizeof(meeting->family) },
		[NFT_META_L4PROTO] = { &tcp, sizeof(tcp) },
	};
	const struct nlattr *a[NFTA_META_MAX + 1];
	uint32_t number, key;

	(void)outcome;
	attrs_of_nest(data, a, NFTA_META_MAX);
	number = attr_u32(a[NFTA_META_DREG], UINT32_MAX);
	key = attr_u32(a[NFTA_META_KEY], UINT32_MAX);
	if (number == UINT32_MAX) /* meta mark set ... */
		return YES;
	load(meeting, number, key < LENGTH_OF(known) ? known[key].value : NULL, NULL, key < LENGTH_OF(known) ? known[key].length : 0);
	return YES;
}

static enum match do_ct(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_CT_MAX + 1];
	uint32_t number, key;

	(void)outcome;
	attrs_of_nest(data, a, NFTA_CT_MAX);
	number = attr_u32(a[NFTA_CT_DREG], UINT32_MAX);
	key = attr_u32(a[NFTA_CT_KEY], UINT32_MAX);
	if (number == UINT32_MAX) /* ct mark set ... */
		return YES;
	if (key == NFT_CT_STATE)
		load(meeting, number, &meeting->packet->state, NULL, sizeof(meeting->packet->state));
	else
		load(meeting, number, key == NFT_CT_STATUS ? &meeting->status : NULL, &meeting->status, sizeof(meeting->status));
	/* most keys break the rule when the packet is untracked */
	return key == NFT_CT_STATE || (key == NFT_CT_STATUS && meeting->status) ? YES : MAYBE;
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
	from = register_offset(attr_u32(a[NFTA_BITWISE_SREG], 0));
	to = register_offset(attr_u32(a[NFTA_BITWISE_DREG], 0));
	length = attr_u32(a[NFTA_BITWISE_LEN], REGISTER_BYTES + 1);
	mask = value_of(a[NFTA_BITWISE_MASK]);
	xor = value_of(a[NFTA_BITWISE_XOR]);
	if (attr_u32(a[NFTA_BITWISE_OP], NFT_BITWISE_BOOL) != NFT_BITWISE_BOOL || from + length > REGISTER_BYTES ||
	    to + length > REGISTER_BYTES || !mask || !xor || mnl_attr_get_payload_len(mask) < length ||
	    mnl_attr_get_payload_len(xor) < length) {
		forget_all(meeting);
		return YES;
	}
	for (size_t i = 0; i < length; i++) {
		unsigned char m = ((const unsigned char *)mnl_attr_get_payload(mask))[i];
		unsigned char x = ((const unsigned char *)mnl_attr_get_payload(xor))[i];

		meeting->registers.value[to + i] = (unsigned char)((meeting->registers.value[from + i] & m) ^ x);
		meeting->registers.known[to + i] = (unsigned char)(meeting->registers.known[from + i] | ~m);
	}
	return YES;
}

#define NO_ORDER INT32_MIN

/* Like memcmp() of a register with these bytes, if every bit is known, else NO_ORDER. */
static int order(const struct registers *r, size_t at, const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (r->known[at + i] != 0xff)
			return NO_ORDER;
	return memcmp(r->value + at, bytes, length);
}

/* NO: different in what is known. */
static enum match equal(const struct registers *r, size_t at, const unsigned char *bytes, size_t length)
{
	enum match match = YES;

	for (size_t i = 0; i < length; i++) {
		if ((r->value[at + i] ^ bytes[i]) & r->known[at + i])
			return NO;
		if (r->known[at + i] != 0xff)
			match = MAYBE;
	}
	return match;
}

/* The bytes of a value that fits into the registers from there on, or NULL. */
static const unsigned char *bytes_of(const struct nlattr *value, size_t at, size_t *length)
{
	*length = value ? mnl_attr_get_payload_len(value) : 0;
	return *length && at + *length <= REGISTER_BYTES ? mnl_attr_get_payload(value) : NULL;
}

static enum match either(bool yes)
{
	return yes ? YES : NO;
}

static enum match do_cmp(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_CMP_MAX + 1];
	const unsigned char *bytes;
	enum match same;
	size_t at, length;
	int sign;

	(void)outcome;
	attrs_of_nest(data, a, NFTA_CMP_MAX);
	at = register_offset(attr_u32(a[NFTA_CMP_SREG], 0));
	bytes = bytes_of(value_of(a[NFTA_CMP_DATA]), at, &length);
	if (!bytes)
		return MAYBE;
	same = equal(&meeting->registers, at, bytes, length);
	sign = order(&meeting->registers, at, bytes, length);
	switch (attr_u32(a[NFTA_CMP_OP], UINT32_MAX)) {
	case NFT_CMP_EQ:
		return same;
	case NFT_CMP_NEQ:
		return same == MAYBE ? MAYBE : either(same == NO);
	case NFT_CMP_LT:
		return sign == NO_ORDER ? MAYBE : either(sign < 0);
	case NFT_CMP_LTE:
		return sign == NO_ORDER ? MAYBE : either(sign <= 0);
	case NFT_CMP_GT:
		return sign == NO_ORDER ? MAYBE : either(sign > 0);
	case NFT_CMP_GTE:
		return sign == NO_ORDER ? MAYBE : either(sign >= 0);
	default:
		return MAYBE;
	}
}

/* Is the register within these bounds? They are of the same length. */
static enum match between(const struct registers *r, size_t at, const void *low, const void *high, size_t length)
{
	if (order(r, at, low, length) == NO_ORDER)
		return MAYBE;
	return either(order(r, at, low, length) >= 0 && order(r, at, high, length) <= 0);
}

static enum match do_range(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_RANGE_MAX + 1];
	const unsigned char *low, *high;
	size_t at, length, other;
	enum match inside;

	(void)outcome;
	attrs_of_nest(data, a, NFTA_RANGE_MAX);
	at = register_offset(attr_u32(a[NFTA_RANGE_SREG], 0));
	low = bytes_of(value_of(a[NFTA_RANGE_FROM_DATA]), at, &length);
	high = bytes_of(value_of(a[NFTA_RANGE_TO_DATA]), at, &other);
	inside = low && high && length == other ? between(&meeting->registers, at, low, high, length) : MAYBE;
	return inside == MAYBE || attr_u32(a[NFTA_RANGE_OP], NFT_RANGE_EQ) == NFT_RANGE_EQ ? inside : either(inside == NO);
}

struct verdict verdict_of(const struct nlattr *data)
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
		outcome->verdict = verdict_of(a[NFTA_IMMEDIATE_DATA]);
	else
		load(meeting, number, value ? mnl_attr_get_payload(value) : NULL, NULL, value ? mnl_attr_get_payload_len(value) : 0);
	return YES;
}

/* --- sets --------------------------------------------------------------------------------------------------------- */

/*
 * An interval is told as two elements, its first value and the first one behind it; so the one that a value belongs to is the
 * last one that is not above it. *sure: the value is known. NULL: none.
 */
static const struct nft_element *find_interval(const struct registers *r, const struct nft_set *set, size_t at, bool *sure)
{
	const struct nft_element *best = NULL;
	size_t length;

	*sure = true;
	for (const struct nft_element *e = set->element; e < set->element + set->elements && *sure; e++) {
		const unsigned char *bytes = bytes_of(e->key, at, &length);
		int sign = bytes ? order(r, at, bytes, length) : -1, above = best && bytes ? 1 : 0;

		*sure = sign != NO_ORDER;
		if (sign < 0)
			continue;
		if (above && mnl_attr_get_payload_len(best->key) == length)
			above = memcmp(bytes, mnl_attr_get_payload(best->key), length);
		if (!best || above > 0 || (above == 0 && !(e->flags & NFT_SET_ELEM_INTERVAL_END)))
			best = e;
	}
	return best && !(best->flags & NFT_SET_ELEM_INTERVAL_END) ? best : NULL;
}

/* Each field begins at a register of four bytes, and has bounds of its own. */
static enum match in_fields(const struct registers *r, const struct nft_set *set, size_t at, const struct nft_element *e)
{
	size_t length, other, offset = 0;
	const unsigned char *low = bytes_of(e->key, at, &length), *high = bytes_of(e->key_end, at, &other);
	enum match match = YES;

	if (!low || !high || length != other)
		return MAYBE;
	for (size_t i = 0; i < set->fields && match != NO; offset += (set->field[i++] + 3) & ~3U) {
		enum match one = offset + set->field[i] > length ? MAYBE :
								   between(r, at + offset, low + offset, high + offset, set->field[i]);

		match = one < match ? one : match;
	}
	return set->fields ? match : MAYBE;
}

/* May this element be that of the packet, when the register is compared with it alone? */
static enum match is_element(const struct registers *r, const struct nft_set *set, size_t at, const struct nft_element *e)
{
	size_t length;
	const unsigned char *bytes = bytes_of(e->key, at, &length);

	if (e->flags & (NFT_SET_ELEM_INTERVAL_END | NFT_SET_ELEM_CATCHALL))
		return NO;
	if (e->key_end)
		return in_fields(r, set, at, e);
	return !bytes || ((set->flags & NFT_SET_INTERVAL) && !set->fields) ? MAYBE : equal(r, at, bytes, length);
}

/* Elements of dynamic sets come and go. */
static bool is_constant(const struct nft_set *set)
{
	return !(set->flags & (NFT_SET_TIMEOUT | NFT_SET_EVAL));
}

/* Does the packet find this element? */
enum match search_finds(const struct search *search, const struct nft_element *e)
{
	enum match match;

	if (e->flags & NFT_SET_ELEM_CATCHALL)
		match = search->others == MAYBE ? MAYBE : either(search->others == NO);
	else
		match = search->ordered ? either(e == search->hit) : is_element(&search->registers, search->set, search->at, e);
	return match == YES && (e->stateful || !is_constant(search->set)) ? MAYBE : match;
}

void search_begin(struct search *search, const struct registers *registers, const struct nft_set *set, size_t at)
{
	*search = (struct search){ .registers = *registers, .set = set, .at = at };
	if ((set->flags & NFT_SET_INTERVAL) && !set->fields)
		search->hit = find_interval(registers, set, at, &search->ordered);
	for (const struct nft_element *e = set->element; e < set->element + set->elements && search->others != YES; e++) {
		enum match match = (e->flags & NFT_SET_ELEM_CATCHALL) ? NO : search_finds(search, e);

		search->others = match > search->others ? match : search->others;
	}
}

static enum match is_in(const struct registers *registers, const struct nft_set *set, size_t at)
{
	struct search search;
	enum match match;

	search_begin(&search, registers, set, at);
	match = search.others;
	for (const struct nft_element *e = set->element; e < set->element + set->elements && match == NO; e++)
		match = (e->flags & NFT_SET_ELEM_CATCHALL) ? YES : NO;
	return is_constant(set) ? match : MAYBE;
}

/* A set is read only if something is known of what is looked for; a map of verdicts always: one of them may drop. */
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
	at = register_offset(attr_u32(a[NFTA_LOOKUP_SREG], 0));
	verdicts = number == NFT_REG_VERDICT;
	for (size_t i = at; i < REGISTER_BYTES; i++)
		known |= meeting->registers.known[i];
	if (known || verdicts)
		set = snapshot_set(meeting->snapshot, meeting->chain, a[NFTA_LOOKUP_SET]);
	if (set && !verdicts)
		match = is_in(&meeting->registers, set, at);
	if (attr_u32(a[NFTA_LOOKUP_FLAGS], 0) & NFT_LOOKUP_F_INV)
		match = match == MAYBE ? MAYBE : either(match == NO);
	if (verdicts && !set)
		outcome->verdict.code = NF_DROP;
	outcome->map = verdicts ? set : NULL;
	outcome->at = at;
	if (number != UINT32_MAX && !verdicts)
		forget_all(meeting);
	return match;
}

/* --- the rest of the expressions ---------------------------------------------------------------------------------- */

/* -m conntrack --ctstate. Its bits are those of nf_tables, but for the one of untracked packets. */
static enum match do_conntrack(const struct meeting *meeting, const struct nlattr *info)
{
	const uint32_t state = meeting->packet->state == CT_UNTRACKED ? XT_CONNTRACK_STATE_UNTRACKED : meeting->packet->state;
	struct xt_conntrack_mtinfo3 wanted;

	if (!info || mnl_attr_get_payload_len(info) < sizeof(wanted))
		return MAYBE;
	memcpy(&wanted, mnl_attr_get_payload(info), sizeof(wanted));
	if (wanted.match_flags != XT_CONNTRACK_STATE)
		return MAYBE;
	return either(((wanted.state_mask & state) != 0) != ((wanted.invert_flags & XT_CONNTRACK_STATE) != 0));
}

static bool is_one_of(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

/* Other matches of x_tables may go either way, but for a comment, and extension headers of IPv6: it is no such packet. */
static enum match do_match(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	static const char *const headers[] = { "rt", "hbh", "dst", "frag" };
	const struct nlattr *a[NFTA_MATCH_MAX + 1];
	const char *name;

	(void)outcome;
	attrs_of_nest(data, a, NFTA_MATCH_MAX);
	name = attr_text(a[NFTA_MATCH_NAME]);
	if (!strcmp(name, "conntrack") && attr_u32(a[NFTA_MATCH_REV], 0) == 3)
		return do_conntrack(meeting, a[NFTA_MATCH_INFO]);
	if (is_one_of(name, headers, LENGTH_OF(headers)))
		return NO;
	return strcmp(name, "comment") ? MAYBE : YES;
}

/* DROP, REJECT, TARPIT, NFQUEUE, DNAT, REDIRECT, TPROXY, and what is not known; but not these. */
static enum match do_target(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	static const char *const harmless[] = { "LOG", "NFLOG", "MARK", "CONNMARK", "TCPMSS", "CT", "SET", "TRACE", "AUDIT",
						"CLASSIFY", "DSCP", "TOS", "NOTRACK", "CHECKSUM", "TTL", "HL", "SECMARK",
						"CONNSECMARK", "RATEEST", "ULOG" };
	static const char *const final[] = { "ACCEPT", "SNAT", "MASQUERADE" };
	const struct nlattr *a[NFTA_TARGET_MAX + 1];

	(void)meeting;
	attrs_of_nest(data, a, NFTA_TARGET_MAX);
	if (!is_one_of(attr_text(a[NFTA_TARGET_NAME]), harmless, LENGTH_OF(harmless)))
		outcome->verdict.code = is_one_of(attr_text(a[NFTA_TARGET_NAME]), final, LENGTH_OF(final)) ? NF_ACCEPT : NF_DROP;
	return YES;
}

/* A named limit, quota or the like may end the rule, a map of objects has no entry for the packet; synproxy takes it away. */
static enum match do_objref(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	const struct nlattr *a[NFTA_OBJREF_MAX + 1];
	uint32_t type;

	(void)meeting;
	attrs_of_nest(data, a, NFTA_OBJREF_MAX);
	type = attr_u32(a[NFTA_OBJREF_IMM_TYPE], 0);
	if (type == NFT_OBJECT_SYNPROXY)
		outcome->verdict.code = NF_DROP;
	return type == NFT_OBJECT_COUNTER || type == NFT_OBJECT_SYNPROXY ? YES : MAYBE;
}

static enum match do_nothing(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	(void)meeting;
	(void)data;
	(void)outcome;
	return YES;
}

/* The packet does not come to our listener. */
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

/* fib saddr . iif oif missing: what filters reverse paths asks whether there is a way back to the sender. */
static enum match do_fib(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome)
{
	static const uint8_t present = 1;
	const uint32_t way_back = NFTA_FIB_F_SADDR | NFTA_FIB_F_PRESENT;
	const struct nlattr *a[NFTA_FIB_MAX + 1];
	bool known;

	(void)outcome;
	attrs_of_nest(data, a, NFTA_FIB_MAX);
	known = meeting->answerable && (attr_u32(a[NFTA_FIB_FLAGS], 0) & way_back) == way_back;
	load(meeting, attr_u32(a[NFTA_FIB_DREG], UINT32_MAX), known ? &present : NULL, NULL, sizeof(present));
	return known ? YES : MAYBE;
}

static enum match do_expression(struct meeting *meeting, const char *name, const struct nlattr *data, struct outcome *outcome)
{
	static const struct {
		const char *name;
		enum match (*act)(struct meeting *meeting, const struct nlattr *data, struct outcome *outcome);
	} expressions[] = {
		{ "payload", do_payload },   { "cmp", do_cmp },	       { "meta", do_meta },	  { "ct", do_ct },
		{ "immediate", do_immediate }, { "bitwise", do_bitwise }, { "lookup", do_lookup }, { "range", do_range },
		{ "counter", do_nothing },   { "log", do_nothing },    { "notrack", do_nothing }, { "last", do_nothing },
		{ "dup", do_nothing },	     { "match", do_match },    { "target", do_target },	  { "objref", do_objref },
		{ "reject", do_block },	     { "queue", do_block },    { "synproxy", do_block },  { "fwd", do_block },
		{ "redir", do_block },	     { "tproxy", do_block },   { "nat", do_nat },	  { "fib", do_fib },
	};

	for (size_t i = 0; i < LENGTH_OF(expressions); i++)
		if (!strcmp(name, expressions[i].name))
			return expressions[i].act(meeting, data, outcome);
	forget_all(meeting);
	return MAYBE;
}

/* A rule ends with the expression that gives a verdict, or does not match. */
struct outcome packet_meet(struct meeting *meeting, const struct nft_rule *rule)
{
	struct outcome outcome = { .match = YES, .verdict = { (uint32_t)NFT_CONTINUE, "" } };
	const struct nlattr *list = rule->expressions, *attr, *e[NFTA_EXPR_MAX + 1];
	int left = list ? mnl_attr_get_payload_len(list) : 0;

	forget_all(meeting);
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

