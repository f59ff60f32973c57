// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/nat.h"

#include <arpa/inet.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>

#include "backends/nft/step.h"
#include "backends/nft/rule.h"
#include "backends/nft/set.h"

#define NAT_CHAIN "prerouting"
#define NAT_FIRST (-199) /* no nat chain can be earlier (NF_IP_PRI_CONNTRACK), and of one priority the newest is the first */

static void free_chain(struct nftnl_chain **chain)
{
	if (*chain)
		nftnl_chain_free(*chain);
}

#define OWN_CHAIN __attribute__((cleanup(free_chain)))

static int add_redirect_rule(struct batch *batch, const char *table, uint16_t target, struct fault *fault)
{
	OWN_RULE struct nftnl_rule *rule = rule_name(table, NAT_CHAIN);

	if (!rule || step_fib(rule, false) < 0 || step_tcp(rule) < 0 || step_port(rule, table, false) < 0 ||
	    step_redirect(rule, target) < 0)
		return batch_no_memory(fault);
	rule_insert(batch, NFPROTO_INET, rule, 0);
	return 0;
}

static int add_nat_chain(struct batch *batch, const char *table, struct fault *fault)
{
	OWN_CHAIN struct nftnl_chain *chain = nftnl_chain_alloc();
	struct nlmsghdr *message;

	if (!chain || nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table) < 0 ||
	    nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, NAT_CHAIN) < 0 || nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "nat") < 0)
		return batch_no_memory(fault);
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

int nat_add(struct batch *batch, const struct opening *opening, bool owned, bool timed, struct fault *fault)
{
	struct opening outside = *opening;
	char table[SET_NAME_SIZE];

	outside.target = opening->port; /* the set has this port only */
	tag_set_name(opening->tag, table);
	add_table(batch, table, owned ? NFT_TABLE_F_OWNER : 0);
	if (set_add(batch, NFPROTO_INET, table, &outside, timed, fault) < 0 || add_nat_chain(batch, table, fault) < 0)
		return -1;
	return add_redirect_rule(batch, table, opening->target, fault);
}

void nat_print(char *line, size_t size, const struct opening *opening, bool owned, bool timed)
{
	struct text text = { line, size, 0 };
	char name[SET_NAME_SIZE];

	tag_set_name(opening->tag, name);
	text_print(&text, "nft 'add table inet %s {%s set %s {", name, owned ? " flags owner;" : "", name);
	set_print_elements(&text, opening, opening->port, timed);
	text_print(&text,
		   " }; chain " NAT_CHAIN
		   " { type nat hook prerouting priority %d; fib daddr type local tcp dport @%s redirect to :%u; }; }'",
		   NAT_FIRST, name, opening->target);
}
