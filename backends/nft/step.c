// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/step.h"

#include <arpa/inet.h>
#include <endian.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "backends/nft/set.h"
#include "base/seam.h"

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
int step_port(struct nftnl_rule *rule, const char *set, bool reply)
{
	const struct step look_up[] = {
		{ "lookup",
		  { { NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1 }, { NFTNL_EXPR_LOOKUP_SET_ID, SET_ID } },
		  { { NFTNL_EXPR_LOOKUP_SET, set, (uint32_t)strlen(set) + 1 } } },
	};

	return add_steps(rule, &port_of[!reply], 1) < 0 ? -1 : ADD(rule, look_up);
}

/* redirect to :PORT */
int step_redirect(struct nftnl_rule *rule, uint16_t port)
{
	const uint16_t to = htons(port);
	const struct step redirect[] = {
		{ "immediate", { { NFTNL_EXPR_IMM_DREG, NFT_REG_1 } }, { { NFTNL_EXPR_IMM_DATA, &to, sizeof(to) } } },
		{ "redir", { { NFTNL_EXPR_REDIR_REG_PROTO_MIN, NFT_REG_1 } }, { { 0 } } },
	};

	return ADD(rule, redirect);
}

/* meta time "FROM"-"UNTIL", in nanoseconds */
int step_time(struct nftnl_rule *rule, uint64_t begin, uint64_t end)
{
	const uint64_t from = htobe64(begin * UINT64_C(1000000000)), until = htobe64(end * UINT64_C(1000000000));
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

	return ADD(rule, time);
}

int step_trace(struct nftnl_rule *rule, uint16_t port, bool reply, uint8_t wanted, uint32_t most)
{
	static const uint8_t all = TH_FIN | TH_SYN | TH_RST | TH_PUSH | TH_ACK;
	static const uint64_t one = 1, week = UINT64_C(7) * 24 * 60 * 60; /* seconds: longer than any window */
	const uint16_t number = htons(port);
	const struct step trace[] = {
		port_of[!reply],
		COMPARE(NFT_CMP_EQ, number),
		LOAD(13, 1),
		{ "bitwise",
		  { { NFTNL_EXPR_BITWISE_SREG, NFT_REG_1 },
		    { NFTNL_EXPR_BITWISE_DREG, NFT_REG_1 },
		    { NFTNL_EXPR_BITWISE_LEN, sizeof(all) } },
		  { { NFTNL_EXPR_BITWISE_MASK, &all, sizeof(all) }, { NFTNL_EXPR_BITWISE_XOR, &none, sizeof(none) } } },
		COMPARE(NFT_CMP_EQ, wanted),
		{ "limit",
		  { { NFTNL_EXPR_LIMIT_BURST, most } },
		  { { NFTNL_EXPR_LIMIT_RATE, &one, sizeof(one) }, { NFTNL_EXPR_LIMIT_UNIT, &week, sizeof(week) } } },
		{ "immediate", { { NFTNL_EXPR_IMM_DREG, NFT_REG_1 } }, { { NFTNL_EXPR_IMM_DATA, &yes, sizeof(yes) } } },
		{ "meta", { { NFTNL_EXPR_META_KEY, NFT_META_NFTRACE }, { NFTNL_EXPR_META_SREG, NFT_REG_1 } }, { { 0 } } },
	};

	return ADD(rule, trace);
}

int step_address(struct nftnl_rule *rule, bool v4, bool leaving, const char *set, uint32_t id)
{
	const struct step look_up[] = {
		{ "payload",
		  { { NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER },
		    { NFTNL_EXPR_PAYLOAD_OFFSET, leaving ? (v4 ? 12 : 8) :
						 v4	 ? 16 :
							   24 },
		    { NFTNL_EXPR_PAYLOAD_LEN, v4 ? 4 : 16 },
		    { NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1 } },
		  { { 0 } } },
		{ "lookup",
		  { { NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1 }, { NFTNL_EXPR_LOOKUP_SET_ID, id } },
		  { { NFTNL_EXPR_LOOKUP_SET, set, (uint32_t)strlen(set) + 1 } } },
	};

	return (v4 ? ADD(rule, is_ip4) : ADD(rule, is_ip6)) < 0 ? -1 : ADD(rule, look_up);
}

int step_tcp(struct nftnl_rule *rule)
{
	return ADD(rule, is_tcp);
}

int step_fib(struct nftnl_rule *rule, bool leaving)
{
	return leaving ? ADD(rule, from_us) : ADD(rule, to_us);
}

int step_socket(struct nftnl_rule *rule)
{
	return seam("no-socket") ? add_steps(rule, &(struct step){ .name = "socket" }, 1) : ADD(rule, is_ours);
}

int step_answer(struct nftnl_rule *rule)
{
	return ADD(rule, is_answer);
}

int step_counter(struct nftnl_rule *rule)
{
	return ADD(rule, count_it);
}

int step_verdict(struct nftnl_rule *rule, bool returns)
{
	return returns ? ADD(rule, go_back) : ADD(rule, accept_it);
}
