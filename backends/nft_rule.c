// SPDX-License-Identifier: GPL-3.0-or-later
#include "nft_rule.h"

#include <arpa/inet.h>
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
#include <stdio.h>
#include <string.h>

#include "seam.h"

#define TYPE_INET_SERVICE 13  /* nft's number for the key; another one makes the administrator's dump unreadable */
#define SET_ID 1
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
	message = nftnl_nlmsg_build_hdr(batch_next(batch), NFT_MSG_NEWSET, family, NLM_F_CREATE,
					++batch->netlink->sequence);
	nftnl_set_nlmsg_build_payload(message, set);
	batch_add(batch);
	message = nftnl_nlmsg_build_hdr(batch_next(batch), NFT_MSG_NEWSETELEM, family, NLM_F_CREATE,
					++batch->netlink->sequence);
	nftnl_set_elems_nlmsg_build_payload(message, set);
	batch_add(batch);
	return 0;
}

/* --- rules, expression by expression -------------------------------------------------------------------------------- */

/* One expression, as libnftnl makes it: its numbers and its bytes. */
struct step {
	const char *name;
	struct {
		uint16_t attribute; /* 0: no more */
		uint32_t value;
	} number[4];
	struct {
		uint16_t attribute;
		const void *data;
		uint32_t length;
	} bytes[2];
};

#define COMPARE(op, value) { "cmp", { { NFTNL_EXPR_CMP_SREG, NFT_REG_1 }, { NFTNL_EXPR_CMP_OP, op } }, \
			     { { NFTNL_EXPR_CMP_DATA, &(value), sizeof(value) } } }
#define LOAD(offset, length) { "payload", { { NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER }, \
			       { NFTNL_EXPR_PAYLOAD_OFFSET, offset }, { NFTNL_EXPR_PAYLOAD_LEN, length }, \
			       { NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1 } }, { { 0 } } }

static const uint8_t tcp = IPPROTO_TCP, yes = 1, flags = TH_FIN | TH_SYN | TH_RST | TH_ACK, none = 0, syn = TH_SYN;
static const uint32_t local = RTN_LOCAL;

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

/* accept */
static const struct step accept_it[] = {
	{ "immediate", { { NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT }, { NFTNL_EXPR_IMM_VERDICT, NF_ACCEPT } }, { { 0 } } },
};

/* fib daddr type local: what is forwarded to others is not ours */
static const struct step is_local[] = {
	{ "fib",
	  { { NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE }, { NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR },
	    { NFTNL_EXPR_FIB_DREG, NFT_REG_1 } },
	  { { 0 } } },
	COMPARE(NFT_CMP_EQ, local),
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

static int add_socket(struct nftnl_rule *rule)
{
	return seam("no-socket") ? add_steps(rule, &(struct step){ .name = "socket" }, 1) : ADD(rule, is_ours);
}

static int set_comment(struct nftnl_rule *rule, const char *tag)
{
	struct nftnl_udata_buf *userdata = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
	int rc;

	if (!userdata)
		return -1;
	rc = nftnl_udata_put_strz(userdata, NFTNL_UDATA_RULE_COMMENT, tag) ? 0 : -1;
	if (rc == 0)
		rc = nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(userdata),
					 nftnl_udata_buf_len(userdata));
	nftnl_udata_buf_free(userdata);
	return rc;
}

static struct nftnl_rule *name_rule(const char *table, const char *chain)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();

	if (!rule || (nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table) == 0 && nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain) == 0))
		return rule;
	nftnl_rule_free(rule);
	return NULL;
}

/* Neither NLM_F_APPEND nor a position: the rule goes to the head of the chain. */
static int insert(struct batch *batch, uint8_t family, struct nftnl_rule *rule)
{
	nftnl_rule_nlmsg_build_payload(nftnl_nlmsg_build_hdr(batch_next(batch), NFT_MSG_NEWRULE, family, NLM_F_CREATE | NLM_F_ECHO,
							     ++batch->netlink->sequence), rule);
	batch_add(batch);
	return 0;
}

int rule_add(struct batch *batch, uint8_t family, const char *table, const char *chain, const struct opening *opening,
	     enum rule_form form, struct fault *fault)
{
	OWN_RULE struct nftnl_rule *rule = name_rule(table, chain);
	char name[SET_NAME_SIZE];

	tag_set_name(opening->tag, name);
	if (!rule || set_comment(rule, opening->tag) < 0 || ADD(rule, is_tcp) < 0 || add_port(rule, name, form == RULE_REPLY) < 0 ||
	    (form == RULE_BOUND && add_socket(rule) < 0) || (form == RULE_REPLY && ADD(rule, is_answer) < 0) ||
	    ADD(rule, accept_it) < 0)
		return no_memory(fault);
	return insert(batch, family, rule);
}

/* --- the table that redirects --------------------------------------------------------------------------------------- */

static int add_redirect_rule(struct batch *batch, const char *table, uint16_t target, struct fault *fault)
{
	OWN_RULE struct nftnl_rule *rule = name_rule(table, NAT_CHAIN);

	if (!rule || ADD(rule, is_local) < 0 || ADD(rule, is_tcp) < 0 || add_port(rule, table, false) < 0 ||
	    add_redirect(rule, target) < 0)
		return no_memory(fault);
	return insert(batch, NFPROTO_INET, rule);
}

static int add_nat_chain(struct batch *batch, const char *table, struct fault *fault)
{
	OWN_CHAIN struct nftnl_chain *chain = nftnl_chain_alloc();
	struct nlmsghdr *message;

	if (!chain || nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table) < 0 ||
	    nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, NAT_CHAIN) < 0 ||
	    nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "nat") < 0)
		return no_memory(fault);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, NF_INET_PRE_ROUTING);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, NAT_FIRST);
	message = nftnl_nlmsg_build_hdr(batch_next(batch), NFT_MSG_NEWCHAIN, NFPROTO_INET, NLM_F_CREATE,
					++batch->netlink->sequence);
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
