// SPDX-License-Identifier: GPL-3.0-or-later
#include "nft_rule.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
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

static void free_table(struct nftnl_table **table)
{
	if (*table)
		nftnl_table_free(*table);
}

#define OWN_CHAIN __attribute__((cleanup(free_chain)))
#define OWN_TABLE __attribute__((cleanup(free_table)))
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

/* --- the expressions of the rule; a missing one would open more than the port, so each is checked -------------------- */

static struct nftnl_expr *expression(struct nftnl_rule *rule, const char *name)
{
	struct nftnl_expr *expr = nftnl_expr_alloc(name);

	if (expr)
		nftnl_rule_add_expr(rule, expr);
	return expr;
}

static int add_compare(struct nftnl_rule *rule, enum nft_cmp_ops op, const void *value, uint32_t length)
{
	struct nftnl_expr *expr = expression(rule, "cmp");

	if (!expr)
		return -1;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, op);
	return nftnl_expr_set(expr, NFTNL_EXPR_CMP_DATA, value, length);
}

/* meta l4proto tcp: before the payload is looked at, as nft does it */
static int add_tcp(struct nftnl_rule *rule)
{
	struct nftnl_expr *expr = expression(rule, "meta");

	if (!expr)
		return -1;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, NFT_META_L4PROTO);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_DREG, NFT_REG_1);
	return add_compare(rule, NFT_CMP_EQ, &(uint8_t){ IPPROTO_TCP }, 1);
}

/* Bytes of TCP's header into the register. */
static int add_header(struct nftnl_rule *rule, uint32_t offset, uint32_t length)
{
	struct nftnl_expr *expr = expression(rule, "payload");

	if (!expr)
		return -1;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, length);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	return 0;
}

/* tcp dport @set, or sport */
static int add_port(struct nftnl_rule *rule, const char *set, bool reply)
{
	struct nftnl_expr *expr = add_header(rule, reply ? 0 : 2, 2) == 0 ? expression(rule, "lookup") : NULL;

	if (!expr)
		return -1;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_SET_ID, SET_ID);
	return nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, set);
}

/* socket transparent 1 */
static int add_socket(struct nftnl_rule *rule)
{
	struct nftnl_expr *expr = expression(rule, "socket");

	if (!expr)
		return -1;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_SOCKET_KEY, seam("no-socket") ? UINT32_MAX : NFT_SOCKET_TRANSPARENT);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_SOCKET_DREG, NFT_REG_1);
	return add_compare(rule, NFT_CMP_EQ, &(uint8_t){ 1 }, 1);
}

/* tcp flags & (fin|syn|rst|ack) != syn: nobody can begin a connection from that port */
static int add_answers(struct nftnl_rule *rule)
{
	static const uint8_t mask = TH_FIN | TH_SYN | TH_RST | TH_ACK, none = 0;
	struct nftnl_expr *expr = add_header(rule, 13, 1) == 0 ? expression(rule, "bitwise") : NULL;

	if (!expr)
		return -1;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_LEN, sizeof(mask));
	if (nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof(mask)) < 0 ||
	    nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_XOR, &none, sizeof(none)) < 0)
		return -1;
	return add_compare(rule, NFT_CMP_NEQ, &(uint8_t){ TH_SYN }, 1);
}

static int add_accept(struct nftnl_rule *rule)
{
	struct nftnl_expr *expr = expression(rule, "immediate");

	if (!expr)
		return -1;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_VERDICT, NF_ACCEPT);
	return 0;
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

/* Neither NLM_F_APPEND nor a position: the rule goes to the head of the chain. */
int rule_add(struct batch *batch, uint8_t family, const char *table, const char *chain, const struct opening *opening,
	     enum rule_form form, struct fault *fault)
{
	OWN_RULE struct nftnl_rule *rule = nftnl_rule_alloc();
	char name[SET_NAME_SIZE];
	struct nlmsghdr *message;

	tag_set_name(opening->tag, name);
	if (!rule || nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table) < 0 ||
	    nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain) < 0 || set_comment(rule, opening->tag) < 0 ||
	    add_tcp(rule) < 0 || add_port(rule, name, form == RULE_REPLY) < 0 || (form == RULE_BOUND && add_socket(rule) < 0) ||
	    (form == RULE_REPLY && add_answers(rule) < 0) || add_accept(rule) < 0)
		return no_memory(fault);
	message = nftnl_nlmsg_build_hdr(batch_next(batch), NFT_MSG_NEWRULE, family, NLM_F_CREATE | NLM_F_ECHO,
					++batch->netlink->sequence);
	nftnl_rule_nlmsg_build_payload(message, rule);
	batch_add(batch);
	return 0;
}

/* --- the table that redirects --------------------------------------------------------------------------------------- */

/* fib daddr type local: what is forwarded to others is not ours */
static int add_local(struct nftnl_rule *rule)
{
	struct nftnl_expr *expr = expression(rule, "fib");

	if (!expr)
		return -1;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
	return add_compare(rule, NFT_CMP_EQ, &(uint32_t){ RTN_LOCAL }, sizeof(uint32_t));
}

/* redirect to :PORT */
static int add_redirect(struct nftnl_rule *rule, uint16_t port)
{
	struct nftnl_expr *data = expression(rule, "immediate"), *redirect = data ? expression(rule, "redir") : NULL;
	uint16_t to = htons(port);

	if (!redirect)
		return -1;
	nftnl_expr_set_u32(data, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
	nftnl_expr_set_u32(redirect, NFTNL_EXPR_REDIR_REG_PROTO_MIN, NFT_REG_1);
	return nftnl_expr_set(data, NFTNL_EXPR_IMM_DATA, &to, sizeof(to));
}

static int add_redirect_rule(struct batch *batch, const char *table, uint16_t target, struct fault *fault)
{
	OWN_RULE struct nftnl_rule *rule = nftnl_rule_alloc();
	struct nlmsghdr *message;

	if (!rule || nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table) < 0 ||
	    nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, NAT_CHAIN) < 0 || add_local(rule) < 0 || add_tcp(rule) < 0 ||
	    add_port(rule, table, false) < 0 || add_redirect(rule, target) < 0)
		return no_memory(fault);
	message = nftnl_nlmsg_build_hdr(batch_next(batch), NFT_MSG_NEWRULE, NFPROTO_INET, NLM_F_CREATE,
					++batch->netlink->sequence);
	nftnl_rule_nlmsg_build_payload(message, rule);
	batch_add(batch);
	return 0;
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

static int add_table(struct batch *batch, const char *name, uint32_t flags, struct fault *fault)
{
	OWN_TABLE struct nftnl_table *table = nftnl_table_alloc();
	struct nlmsghdr *message;

	if (!table || nftnl_table_set_str(table, NFTNL_TABLE_NAME, name) < 0)
		return no_memory(fault);
	nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, flags);
	message = nftnl_nlmsg_build_hdr(batch_next(batch), NFT_MSG_NEWTABLE, NFPROTO_INET, NLM_F_CREATE | NLM_F_EXCL,
					++batch->netlink->sequence);
	nftnl_table_nlmsg_build_payload(message, table);
	batch_add(batch);
	return 0;
}

int rule_add_redirect(struct batch *batch, const struct opening *opening, bool owned, bool timed, struct fault *fault)
{
	struct opening outside = *opening;
	char table[SET_NAME_SIZE];

	outside.target = opening->port; /* the set has this port only */
	tag_set_name(opening->tag, table);
	if (add_table(batch, table, owned ? NFT_TABLE_F_OWNER : 0, fault) < 0 ||
	    rule_add_set(batch, NFPROTO_INET, table, &outside, timed, fault) < 0 || add_nat_chain(batch, table, fault) < 0)
		return -1;
	return add_redirect_rule(batch, table, opening->target, fault);
}
