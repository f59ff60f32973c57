// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/rule.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/seam.h"

#define TYPE_INET_SERVICE 13 /* nft's number for the key; another one makes the administrator's dump unreadable */
#define TYPE_IPV4_ADDR 7
#define TYPE_IPV6_ADDR 8
#define SET_ID 1
#define ANONYMOUS "__set%d" /* the kernel puts a number there */
#define NAT_CHAIN "prerouting"
#define NAT_FIRST (-199) /* no nat chain can be earlier (NF_IP_PRI_CONNTRACK), and of one priority the newest is the first */

static void free_rule(struct nftnl_rule **rule)
{
	if (*rule)
		nftnl_rule_free(*rule);
}

static void free_set(struct nftnl_set **set)
{
	if (*set)
		nftnl_set_free(*set);
}

static void free_chain(struct nftnl_chain **chain)
{
	if (*chain)
		nftnl_chain_free(*chain);
}

#define OWN_CHAIN __attribute__((cleanup(free_chain)))
#define OWN_RULE __attribute__((cleanup(free_rule)))
#define OWN_SET __attribute__((cleanup(free_set)))

static int no_memory(struct fault *fault)
{
	errno = ENOMEM;
	return fault_errno(fault, FAULT_LATER, "building a change of the ruleset");
}

static int add_element(struct nftnl_set *set, uint16_t port, uint64_t milliseconds)
{
	struct nftnl_set_elem *element = nftnl_set_elem_alloc();

	if (!element)
		return -1;
	nftnl_set_elem_add(set, element);
	if (milliseconds)
		nftnl_set_elem_set_u64(element, NFTNL_SET_ELEM_TIMEOUT, milliseconds);
	return nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, (uint16_t[]){ htons(port) }, sizeof(port));
}

static void add_elements(struct batch *batch, uint16_t type, uint8_t family, struct nftnl_set *set)
{
	struct nlmsghdr *message = nftnl_nlmsg_build_hdr(batch_next(batch), type, family, NLM_F_CREATE, ++batch->netlink->sequence);

	nftnl_set_elems_nlmsg_build_payload(message, set);
	batch_add(batch);
}

/*
 * Where the rule is put back the set is there already, with its time. Kernels before 6.12 leave the time of an element that is
 * added again as it is, and say nothing: it goes and comes in the same batch.
 */
int rule_add_set(struct batch *batch, uint8_t family, const char *table, const struct opening *opening, bool timed,
		 struct fault *fault)
{
	OWN_SET struct nftnl_set *set = nftnl_set_alloc();
	uint64_t milliseconds = timed ? opening->seconds * UINT64_C(1000) : 0;
	char name[SET_NAME_SIZE];
	struct nlmsghdr *message;

	if (!set)
		return no_memory(fault);
	tag_set_name(opening->tag, name);
	nftnl_set_set_u32(set, NFTNL_SET_FAMILY, family);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, (timed ? NFT_SET_TIMEOUT : 0) | (timed && seam("no-timeout") ? 1U << 31 : 0));
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, TYPE_INET_SERVICE);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, sizeof(opening->port));
	nftnl_set_set_u32(set, NFTNL_SET_ID, SET_ID);
	if (nftnl_set_set_str(set, NFTNL_SET_TABLE, table) < 0 || nftnl_set_set_str(set, NFTNL_SET_NAME, name) < 0 ||
	    add_element(set, opening->port, milliseconds) < 0 ||
	    (opening->target != opening->port && add_element(set, opening->target, milliseconds) < 0))
		return no_memory(fault);
	message = nftnl_nlmsg_build_hdr(batch_next(batch), NFT_MSG_NEWSET, family, NLM_F_CREATE, ++batch->netlink->sequence);
	nftnl_set_nlmsg_build_payload(message, set);
	batch_add(batch);
	add_elements(batch, NFT_MSG_NEWSETELEM, family, set);
	add_elements(batch, NFT_MSG_DELSETELEM, family, set);
	add_elements(batch, NFT_MSG_NEWSETELEM, family, set);
	return 0;
}

/* --- rules, expression by expression -------------------------------------------------------------------------------- */

/* One expression, as libnftnl makes it: its numbers and its bytes. */
struct step {
	const char *name;
	struct {
		uint16_t attribute; /* 0: no more */
		uint32_t value;
	} number[5];
	struct {
		uint16_t attribute;
		const void *data;
		uint32_t length;
	} bytes[2];
};

#define COMPARE(op, value) \
	{ \
		"cmp", { { NFTNL_EXPR_CMP_SREG, NFT_REG_1 }, { NFTNL_EXPR_CMP_OP, op } }, \
		{ \
			{ \
				NFTNL_EXPR_CMP_DATA, &(value), sizeof(value) \
			} \
		} \
	}
#define LOAD(offset, length) \
	{ \
		"payload", \
			{ { NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER }, \
			  { NFTNL_EXPR_PAYLOAD_OFFSET, offset }, \
			  { NFTNL_EXPR_PAYLOAD_LEN, length }, \
			  { NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1 } }, \
		{ \
			{ \
				0 \
			} \
		} \
	}

static const uint8_t tcp = IPPROTO_TCP, yes = 1, flags = TH_FIN | TH_SYN | TH_RST | TH_ACK, none = 0, syn = TH_SYN;
static const uint32_t local = RTN_LOCAL;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HTONS(number) ((uint16_t)(((number)&0xff) << 8 | (number) >> 8))
#else
#define HTONS(number) (number)
#endif

/* meta l4proto tcp: before the payload is looked at, as nft does it */
static const struct step is_tcp[] = {
	{ "meta", { { NFTNL_EXPR_META_KEY, NFT_META_L4PROTO }, { NFTNL_EXPR_META_DREG, NFT_REG_1 } }, { { 0 } } },
	COMPARE(NFT_CMP_EQ, tcp),
};

/* tcp sport, tcp dport */
static const struct step port_of[] = { LOAD(0, 2), LOAD(2, 2) };

/* socket transparent 1 */
static const struct step is_ours[] = {
	{ "socket", { { NFTNL_EXPR_SOCKET_KEY, NFT_SOCKET_TRANSPARENT }, { NFTNL_EXPR_SOCKET_DREG, NFT_REG_1 } }, { { 0 } } },
	COMPARE(NFT_CMP_EQ, yes),
};

/* tcp flags & (fin|syn|rst|ack) != syn: nobody can begin a connection from that port */
static const struct step is_answer[] = {
	LOAD(13, 1),
	{ "bitwise",
	  { { NFTNL_EXPR_BITWISE_SREG, NFT_REG_1 }, { NFTNL_EXPR_BITWISE_DREG, NFT_REG_1 }, { NFTNL_EXPR_BITWISE_LEN, sizeof(flags) } },
	  { { NFTNL_EXPR_BITWISE_MASK, &flags, sizeof(flags) }, { NFTNL_EXPR_BITWISE_XOR, &none, sizeof(none) } } },
	COMPARE(NFT_CMP_NEQ, syn),
};

/* accept, return */
static const struct step accept_it[] = {
	{ "immediate", { { NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT }, { NFTNL_EXPR_IMM_VERDICT, NF_ACCEPT } }, { { 0 } } },
};
static const struct step go_back[] = {
	{ "immediate", { { NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT }, { NFTNL_EXPR_IMM_VERDICT, (uint32_t)NFT_RETURN } }, { { 0 } } },
};

/* counter: tells later whether anything came */
static const struct step count_it[] = { { "counter", { { 0 } }, { { 0 } } } };

/* fib daddr type local, fib saddr type local: what is forwarded to others, or from them, is not ours */
static const struct step to_us[] = {
	{ "fib",
	  { { NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE },
	    { NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR },
	    { NFTNL_EXPR_FIB_DREG, NFT_REG_1 } },
	  { { 0 } } },
	COMPARE(NFT_CMP_EQ, local),
};
static const struct step from_us[] = {
	{ "fib",
	  { { NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE },
	    { NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_SADDR },
	    { NFTNL_EXPR_FIB_DREG, NFT_REG_1 } },
	  { { 0 } } },
	COMPARE(NFT_CMP_EQ, local),
};

/* meta protocol ip, ip6: before an address is looked at. Frames have no other word for it that a VLAN tag does not hide. */
static const uint16_t ethertype4 = HTONS(0x0800), ethertype6 = HTONS(0x86dd);
static const struct step is_ip4[] = {
	{ "meta", { { NFTNL_EXPR_META_KEY, NFT_META_PROTOCOL }, { NFTNL_EXPR_META_DREG, NFT_REG_1 } }, { { 0 } } },
	COMPARE(NFT_CMP_EQ, ethertype4),
};
static const struct step is_ip6[] = {
	{ "meta", { { NFTNL_EXPR_META_KEY, NFT_META_PROTOCOL }, { NFTNL_EXPR_META_DREG, NFT_REG_1 } }, { { 0 } } },
	COMPARE(NFT_CMP_EQ, ethertype6),
};

/* A missing expression would open more than the port, so each is checked. */
static int add_steps(struct nftnl_rule *rule, const struct step *steps, size_t n)
{
	for (const struct step *step = steps; step < steps + n; step++) {
		struct nftnl_expr *expr = nftnl_expr_alloc(step->name);

		if (!expr)
			return -1;
		nftnl_rule_add_expr(rule, expr);
		for (size_t i = 0; i < LENGTH_OF(step->number) && step->number[i].attribute; i++)
			nftnl_expr_set_u32(expr, step->number[i].attribute, step->number[i].value);
		for (size_t i = 0; i < LENGTH_OF(step->bytes) && step->bytes[i].attribute; i++)
			if (nftnl_expr_set(expr, step->bytes[i].attribute, step->bytes[i].data, step->bytes[i].length) < 0)
				return -1;
	}
	return 0;
}
#define ADD(rule, steps) add_steps(rule, steps, LENGTH_OF(steps))

/* tcp dport @set, or sport */
static int add_port(struct nftnl_rule *rule, const char *set, bool reply)
{
	const struct step look_up[] = {
		{ "lookup",
		  { { NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1 }, { NFTNL_EXPR_LOOKUP_SET_ID, SET_ID } },
		  { { NFTNL_EXPR_LOOKUP_SET, set, (uint32_t)strlen(set) + 1 } } },
	};

	return add_steps(rule, &port_of[!reply], 1) < 0 ? -1 : ADD(rule, look_up);
}

/* redirect to :PORT */
static int add_redirect(struct nftnl_rule *rule, uint16_t port)
{
	const uint16_t to = htons(port);
	const struct step redirect[] = {
		{ "immediate", { { NFTNL_EXPR_IMM_DREG, NFT_REG_1 } }, { { NFTNL_EXPR_IMM_DATA, &to, sizeof(to) } } },
		{ "redir", { { NFTNL_EXPR_REDIR_REG_PROTO_MIN, NFT_REG_1 } }, { { 0 } } },
	};

	return ADD(rule, redirect);
}

static int set_comment(struct nftnl_rule *rule, const char *tag)
{
	struct nftnl_udata_buf *userdata = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
	int rc;

	if (!userdata)
		return -1;
	rc = nftnl_udata_put_strz(userdata, NFTNL_UDATA_RULE_COMMENT, tag) ? 0 : -1;
	if (rc == 0)
		rc = nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(userdata), nftnl_udata_buf_len(userdata));
	nftnl_udata_buf_free(userdata);
	return rc;
}

static struct nftnl_rule *name_rule(const char *table, const char *chain)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();

	if (!rule ||
	    (nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table) == 0 && nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain) == 0))
		return rule;
	nftnl_rule_free(rule);
	return NULL;
}

/* before 0: behind the last rule. */
static void insert(struct batch *batch, uint8_t family, struct nftnl_rule *rule, uint64_t before)
{
	const uint16_t how = (uint16_t)(NLM_F_CREATE | NLM_F_ECHO | (before ? 0 : NLM_F_APPEND));

	if (before)
		nftnl_rule_set_u64(rule, NFTNL_RULE_POSITION, before);
	nftnl_rule_nlmsg_build_payload(nftnl_nlmsg_build_hdr(batch_next(batch), NFT_MSG_NEWRULE, family, how,
							     ++batch->netlink->sequence),
				       rule);
	batch_add(batch);
}

/* --- what a rule consists of ------------------------------------------------------------------------------------------ */

/* A rule that is made (batch and rule) or printed (line). */
struct draft {
	const struct spot *spot;
	const struct opening *opening;
	const struct rule_make *make;
	uint8_t protocol; /* NFPROTO_IPV4, NFPROTO_IPV6; NFPROTO_UNSPEC: both */
	struct batch *batch;
	struct nftnl_rule *rule;
	char *line;
	size_t size, used;
};

static bool lists_addresses(const struct spot *spot, const struct rule_make *make)
{
	return spot->bound == BOUND_BY_ADDRESS || (spot->bound == BOUND_BY_FIB && !make->routed);
}

static __attribute__((format(printf, 2, 3))) void print(struct draft *draft, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(draft->line + draft->used, draft->size - draft->used, format, arguments);
	va_end(arguments);
	draft->used += n < 0 ? 0 : (size_t)n < draft->size - draft->used ? (size_t)n : draft->size - draft->used - 1;
}

/* The addresses of one family that a packet may be for: those that the names resolve to, as far as known, else all of this host. */
#define MOST_ADDRESSES 256

struct addresses {
	size_t count, bytes;
	const unsigned char *address[MOST_ADDRESSES];
	bool too_many;
};

static void find_addresses(struct addresses *found, uint8_t protocol, const struct opening *opening, const struct rule_make *make)
{
	const bool v4 = protocol == NFPROTO_IPV4;
	const uint32_t names = v4 ? opening->addresses4 : opening->addresses6;

	*found = (struct addresses){ .bytes = v4 ? 4 : 16 };
	for (uint32_t i = 0; i < names && i < OPENING_ADDRESSES; i++)
		found->address[found->count++] = v4 ? opening->address4[i] : opening->address6[i];
	for (size_t i = 0; !names && make->host && i < make->host->addresses; i++) {
		if (make->host->address[i].family != protocol)
			continue;
		found->too_many = found->too_many || found->count == MOST_ADDRESSES;
		if (!found->too_many)
			found->address[found->count++] = make->host->address[i].bytes;
	}
}

static bool has_too_many(const struct draft *draft)
{
	struct addresses addresses = { 0 };

	if (draft->protocol != NFPROTO_UNSPEC)
		find_addresses(&addresses, draft->protocol, draft->opening, draft->make);
	return addresses.too_many;
}

static bool needs_fib(const struct draft *draft)
{
	return draft->spot->bound == BOUND_BY_FIB && draft->make->routed;
}

static int add_fib(struct draft *draft)
{
	return draft->spot->leaving ? ADD(draft->rule, from_us) : ADD(draft->rule, to_us);
}

static void print_fib(struct draft *draft)
{
	print(draft, " fib %s type local", draft->spot->leaving ? "saddr" : "daddr");
}

static bool needs_addresses(const struct draft *draft)
{
	return draft->protocol != NFPROTO_UNSPEC;
}

/* A set without a name, which goes with its rule. */
static int add_address_set(struct draft *draft, const struct addresses *addresses, uint32_t id)
{
	OWN_SET struct nftnl_set *set = nftnl_set_alloc();
	struct nlmsghdr *message;
	const uint8_t family = draft->spot->family;

	if (!set || nftnl_set_set_str(set, NFTNL_SET_TABLE, draft->spot->table) < 0 ||
	    nftnl_set_set_str(set, NFTNL_SET_NAME, ANONYMOUS) < 0)
		return -1;
	nftnl_set_set_u32(set, NFTNL_SET_FAMILY, family);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, addresses->bytes == 4 ? TYPE_IPV4_ADDR : TYPE_IPV6_ADDR);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, (uint32_t)addresses->bytes);
	nftnl_set_set_u32(set, NFTNL_SET_ID, id);
	for (size_t i = 0; i < addresses->count; i++) {
		struct nftnl_set_elem *element = nftnl_set_elem_alloc();

		if (!element)
			return -1;
		nftnl_set_elem_add(set, element);
		if (nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, addresses->address[i], (uint32_t)addresses->bytes) < 0)
			return -1;
	}
	message = nftnl_nlmsg_build_hdr(batch_next(draft->batch), NFT_MSG_NEWSET, family, NLM_F_CREATE,
					++draft->batch->netlink->sequence);
	nftnl_set_nlmsg_build_payload(message, set);
	batch_add(draft->batch);
	add_elements(draft->batch, NFT_MSG_NEWSETELEM, family, set);
	return 0;
}

/* ip daddr { ... }, ip6 saddr { ... } */
static int add_addresses(struct draft *draft)
{
	const bool v4 = draft->protocol == NFPROTO_IPV4;
	const uint32_t id = draft->batch->netlink->sequence + SET_ID + 1;
	const struct step look_up[] = {
		{ "payload",
		  { { NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER },
		    { NFTNL_EXPR_PAYLOAD_OFFSET, draft->spot->leaving ? (v4 ? 12 : 8) :
						 v4		      ? 16 :
									24 },
		    { NFTNL_EXPR_PAYLOAD_LEN, v4 ? 4 : 16 },
		    { NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1 } },
		  { { 0 } } },
		{ "lookup",
		  { { NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1 }, { NFTNL_EXPR_LOOKUP_SET_ID, id } },
		  { { NFTNL_EXPR_LOOKUP_SET, ANONYMOUS, sizeof(ANONYMOUS) } } },
	};
	struct addresses addresses;

	find_addresses(&addresses, draft->protocol, draft->opening, draft->make);
	if (add_address_set(draft, &addresses, id) < 0 || (v4 ? ADD(draft->rule, is_ip4) : ADD(draft->rule, is_ip6)) < 0)
		return -1;
	return ADD(draft->rule, look_up);
}

static void print_addresses(struct draft *draft)
{
	const bool v4 = draft->protocol == NFPROTO_IPV4;
	struct addresses addresses;
	char text[INET6_ADDRSTRLEN];

	find_addresses(&addresses, draft->protocol, draft->opening, draft->make);
	print(draft, " %s %s {", v4 ? "ip" : "ip6", draft->spot->leaving ? "saddr" : "daddr");
	for (size_t i = 0; i < addresses.count; i++)
		print(draft, "%s %s", i ? "," : "", inet_ntop(v4 ? AF_INET : AF_INET6, addresses.address[i], text, sizeof(text)));
	print(draft, " }");
}

static int add_look_up(struct draft *draft)
{
	char name[SET_NAME_SIZE];

	tag_set_name(draft->opening->tag, name);
	return ADD(draft->rule, is_tcp) < 0 ? -1 : add_port(draft->rule, name, draft->spot->leaving);
}

static void print_look_up(struct draft *draft)
{
	char name[SET_NAME_SIZE];

	tag_set_name(draft->opening->tag, name);
	print(draft, " tcp %s @%s", draft->spot->leaving ? "sport" : "dport", name);
}

/* At ingress, in a bridge and on the way out the kernel knows no socket. */
static bool needs_socket(const struct draft *draft)
{
	return draft->make->bound && draft->spot->bindable && !draft->spot->leaving;
}

static int add_socket(struct draft *draft)
{
	return seam("no-socket") ? add_steps(draft->rule, &(struct step){ .name = "socket" }, 1) : ADD(draft->rule, is_ours);
}

static void print_socket(struct draft *draft)
{
	print(draft, " socket transparent 1");
}

static bool needs_answer(const struct draft *draft)
{
	return draft->spot->leaving;
}

static int add_answer(struct draft *draft)
{
	return ADD(draft->rule, is_answer);
}

static void print_answer(struct draft *draft)
{
	print(draft, " tcp flags & (fin | syn | rst | ack) != syn");
}

static bool needs_time(const struct draft *draft)
{
	return draft->make->dated;
}

/* meta time "FROM"-"UNTIL", in nanoseconds */
static int add_time(struct draft *draft)
{
	const uint64_t from = htobe64(draft->make->from * UINT64_C(1000000000)),
		       until = htobe64(draft->make->until * UINT64_C(1000000000));
	const struct step time[] = {
		{ "meta", { { NFTNL_EXPR_META_KEY, NFT_META_TIME_NS }, { NFTNL_EXPR_META_DREG, NFT_REG_1 } }, { { 0 } } },
		{ "byteorder",
		  { { NFTNL_EXPR_BYTEORDER_SREG, NFT_REG_1 },
		    { NFTNL_EXPR_BYTEORDER_DREG, NFT_REG_1 },
		    { NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON },
		    { NFTNL_EXPR_BYTEORDER_LEN, sizeof(from) },
		    { NFTNL_EXPR_BYTEORDER_SIZE, sizeof(from) } },
		  { { 0 } } },
		COMPARE(NFT_CMP_GTE, from),
		COMPARE(NFT_CMP_LTE, until),
	};

	return ADD(draft->rule, time);
}

static void print_time(struct draft *draft)
{
	const time_t times[] = { (time_t)draft->make->from, (time_t)draft->make->until };

	for (size_t i = 0; i < LENGTH_OF(times); i++) {
		char text[32] = "";
		struct tm broken;

		if (localtime_r(&times[i], &broken))
			strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &broken);
		print(draft, "%s\"%s\"", i ? "-" : " meta time ", text);
	}
}

static int add_counter(struct draft *draft)
{
	return ADD(draft->rule, count_it);
}

static void print_counter(struct draft *draft)
{
	print(draft, " counter");
}

static int add_verdict(struct draft *draft)
{
	return draft->spot->returns ? ADD(draft->rule, go_back) : ADD(draft->rule, accept_it);
}

static void print_verdict(struct draft *draft)
{
	print(draft, draft->spot->returns ? " return" : " accept");
}

/* In this order. The cheap ones, which most packets fail, come first; what is for this host is asked of the few that are left. */
static const struct {
	bool (*needed)(const struct draft *draft); /* NULL: always */
	int (*add)(struct draft *draft);
	void (*print)(struct draft *draft);
} parts[] = {
	{ NULL, add_look_up, print_look_up },	    { needs_answer, add_answer, print_answer },
	{ needs_fib, add_fib, print_fib },	    { needs_addresses, add_addresses, print_addresses },
	{ needs_socket, add_socket, print_socket }, { needs_time, add_time, print_time },
	{ NULL, add_counter, print_counter },	    { NULL, add_verdict, print_verdict },
};

/* The protocols that a spot has a rule for, each one. */
static size_t find_protocols(uint8_t protocols[2], const struct spot *spot, const struct opening *opening,
			     const struct rule_make *make)
{
	static const uint8_t both[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	size_t count = 0;

	protocols[0] = NFPROTO_UNSPEC;
	if (!lists_addresses(spot, make))
		return 1;
	for (size_t i = 0; i < LENGTH_OF(both); i++) {
		bool other = (spot->family == NFPROTO_IPV4 || spot->family == NFPROTO_IPV6) && spot->family != both[i];
		struct addresses addresses;

		find_addresses(&addresses, both[i], opening, make);
		if (!other && addresses.count)
			protocols[count++] = both[i];
	}
	return count;
}

size_t rule_count(const struct spot *spot, const struct opening *opening, const struct rule_make *make)
{
	uint8_t protocols[2];

	return find_protocols(protocols, spot, opening, make);
}

static int add_one(struct draft *draft)
{
	for (size_t i = 0; i < LENGTH_OF(parts); i++)
		if ((!parts[i].needed || parts[i].needed(draft)) && parts[i].add(draft) < 0)
			return -1;
	insert(draft->batch, draft->spot->family, draft->rule, draft->spot->before);
	return 0;
}

int rule_add(struct batch *batch, const struct spot *spot, const struct opening *opening, const struct rule_make *make,
	     struct fault *fault)
{
	uint8_t protocols[2];
	size_t count = find_protocols(protocols, spot, opening, make);

	for (size_t i = 0; i < count; i++) {
		OWN_RULE struct nftnl_rule *rule = spot->handle[i] ? NULL : name_rule(spot->table, spot->chain);
		struct draft draft = {
			.spot = spot, .opening = opening, .make = make, .protocol = protocols[i], .batch = batch, .rule = rule
		};

		if (spot->handle[i])
			continue;
		if (has_too_many(&draft))
			return fault_set(fault, FAULT_FAILED,
					 "a rule in the chain %s %s would have to list more than %d addresses of this host",
					 spot->table, spot->chain, MOST_ADDRESSES);
		if (!rule || set_comment(rule, opening->tag) < 0 || add_one(&draft) < 0)
			return no_memory(fault);
	}
	return 0;
}

void rule_print(char *line, size_t size, const struct spot *spot, const struct opening *opening, const struct rule_make *make,
		size_t which)
{
	uint8_t protocols[2];
	struct draft draft = { .spot = spot, .opening = opening, .make = make, .line = line, .size = size };

	if (which < find_protocols(protocols, spot, opening, make))
		draft.protocol = protocols[which];
	print(&draft, "nft '%s rule %s %s %s", spot->before ? "insert" : "add", nft_family(spot->family), spot->table, spot->chain);
	if (spot->before)
		print(&draft, " position %llu", (unsigned long long)spot->before);
	for (size_t i = 0; i < LENGTH_OF(parts); i++)
		if (!parts[i].needed || parts[i].needed(&draft))
			parts[i].print(&draft);
	print(&draft, " comment \"%s\"'", opening->tag);
}

/* With the port, and the target if that is another one. */
static void print_elements(struct draft *draft, uint16_t target, bool timed)
{
	const uint16_t ports[] = { draft->opening->port, target };

	print(draft, " type inet_service; %selements = {", timed ? "flags timeout; " : "");
	for (size_t i = 0; i < (ports[0] == ports[1] ? 1 : LENGTH_OF(ports)); i++) {
		print(draft, "%s %u", i ? "," : "", ports[i]);
		if (timed)
			print(draft, " timeout %us", draft->opening->seconds);
	}
	print(draft, " };");
}

void rule_print_set(char *line, size_t size, uint8_t family, const char *table, const struct opening *opening, bool timed)
{
	struct draft draft = { .opening = opening, .line = line, .size = size };
	char name[SET_NAME_SIZE];

	tag_set_name(opening->tag, name);
	print(&draft, "nft 'add set %s %s %s {", nft_family(family), table, name);
	print_elements(&draft, opening->target, timed);
	print(&draft, " }'");
}

/* --- the table that redirects --------------------------------------------------------------------------------------- */

static int add_redirect_rule(struct batch *batch, const char *table, uint16_t target, struct fault *fault)
{
	OWN_RULE struct nftnl_rule *rule = name_rule(table, NAT_CHAIN);

	if (!rule || ADD(rule, to_us) < 0 || ADD(rule, is_tcp) < 0 || add_port(rule, table, false) < 0 ||
	    add_redirect(rule, target) < 0)
		return no_memory(fault);
	insert(batch, NFPROTO_INET, rule, 0);
	return 0;
}

static int add_nat_chain(struct batch *batch, const char *table, struct fault *fault)
{
	OWN_CHAIN struct nftnl_chain *chain = nftnl_chain_alloc();
	struct nlmsghdr *message;

	if (!chain || nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table) < 0 ||
	    nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, NAT_CHAIN) < 0 || nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "nat") < 0)
		return no_memory(fault);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, NF_INET_PRE_ROUTING);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, NAT_FIRST);
	message = nftnl_nlmsg_build_hdr(batch_next(batch), NFT_MSG_NEWCHAIN, NFPROTO_INET, NLM_F_CREATE, ++batch->netlink->sequence);
	nftnl_chain_nlmsg_build_payload(message, chain);
	batch_add(batch);
	return 0;
}

static void add_table(struct batch *batch, const char *name, uint32_t attributes)
{
	struct nlmsghdr *message = netlink_about(batch->netlink, batch_next(batch), NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL,
						 NFPROTO_INET, name, NULL, 0);

	mnl_attr_put_u32(message, NFTA_TABLE_FLAGS, htonl(attributes));
	batch_add(batch);
}

int rule_add_redirect(struct batch *batch, const struct opening *opening, bool owned, bool timed, struct fault *fault)
{
	struct opening outside = *opening;
	char table[SET_NAME_SIZE];

	outside.target = opening->port; /* the set has this port only */
	tag_set_name(opening->tag, table);
	add_table(batch, table, owned ? NFT_TABLE_F_OWNER : 0);
	if (rule_add_set(batch, NFPROTO_INET, table, &outside, timed, fault) < 0 || add_nat_chain(batch, table, fault) < 0)
		return -1;
	return add_redirect_rule(batch, table, opening->target, fault);
}

void rule_print_redirect(char *line, size_t size, const struct opening *opening, bool owned, bool timed)
{
	struct draft draft = { .opening = opening, .line = line, .size = size };
	char name[SET_NAME_SIZE];

	tag_set_name(opening->tag, name);
	print(&draft, "nft 'add table inet %s {%s set %s {", name, owned ? " flags owner;" : "", name);
	print_elements(&draft, opening->port, timed);
	print(&draft,
	      " }; chain " NAT_CHAIN
	      " { type nat hook prerouting priority %d; fib daddr type local tcp dport @%s redirect to :%u; }; }'",
	      NAT_FIRST, name, opening->target);
}
