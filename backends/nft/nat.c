// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/nat.h"

#include <arpa/inet.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <netinet/tcp.h>

#include "backends/nft/step.h"
#include "backends/nft/rule.h"
#include "backends/nft/set.h"

#define NAT_CHAIN "prerouting"
#define NAT_FIRST (-199) /* no nat chain can be earlier (NF_IP_PRI_CONNTRACK), and of one priority the newest is the first */

#define TRACE_FIRST INT32_MIN

/* A chain at a hook. */
struct base {
	const char *name, *type;
	uint32_t hook;
	int32_t priority;
};
static const struct base nat = { NAT_CHAIN, "nat", NF_INET_PRE_ROUTING, NAT_FIRST };
static const struct base early = { "early", "filter", NF_NETDEV_INGRESS, TRACE_FIRST };
static const struct base entering = { "entering", "filter", NF_INET_PRE_ROUTING, TRACE_FIRST };
static const struct base leaving = { "leaving", "filter", NF_INET_LOCAL_OUT, TRACE_FIRST };

/* Ten packets in all: those that begin a connection, the answers to them, and the first that carry a request. */
static const struct {
	const struct base *base;
	uint8_t flags;
	uint32_t most;
} traces[] = { { &entering, TH_SYN, 4 }, { &leaving, TH_SYN | TH_ACK, 4 }, { &entering, TH_PUSH | TH_ACK, 2 } };

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

/* devices: of a chain of the family netdev, NULL behind the last one; else NULL. */
static int add_chain(struct batch *batch, const char *table, const struct base *base, const char **devices, struct fault *fault)
{
	const uint8_t family = devices ? NFPROTO_NETDEV : NFPROTO_INET;
	OWN_CHAIN struct nftnl_chain *chain = nftnl_chain_alloc();
	struct nlmsghdr *message;

	if (!chain || nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table) < 0 ||
	    nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, base->name) < 0 ||
	    nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, base->type) < 0 ||
	    (devices && nftnl_chain_set_array(chain, NFTNL_CHAIN_DEVICES, devices) < 0))
		return batch_no_memory(fault);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, base->hook);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, base->priority);
	message = nftnl_nlmsg_build_hdr(batch_next(batch), NFT_MSG_NEWCHAIN, family, NLM_F_CREATE, ++batch->netlink->sequence);
	nftnl_chain_nlmsg_build_payload(message, chain);
	batch_add(batch);
	return 0;
}

static void add_table(struct batch *batch, uint8_t family, const char *name, uint32_t attributes)
{
	struct nlmsghdr *message = netlink_about(batch->netlink, batch_next(batch), NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL,
						 family, name, NULL, 0);

	mnl_attr_put_u32(message, NFTA_TABLE_FLAGS, htonl(attributes));
	batch_add(batch);
}

/* After the redirection the answers leave from the target. */
static int add_trace(struct batch *batch, const char *table, const struct opening *opening, const char **devices, struct fault *fault)
{
	const struct base *first = devices ? &early : &entering;

	if (add_chain(batch, table, first, devices, fault) < 0 || add_chain(batch, table, &leaving, NULL, fault) < 0)
		return -1;
	for (size_t i = 0; i < LENGTH_OF(traces); i++) {
		const bool reply = traces[i].base == &leaving;
		OWN_RULE struct nftnl_rule *rule = rule_name(table, reply ? leaving.name : first->name);

		if (!rule || step_fib(rule, reply) < 0 || step_tcp(rule) < 0 ||
		    step_trace(rule, reply ? opening->target : opening->port, reply, traces[i].flags, traces[i].most) < 0)
			return batch_no_memory(fault);
		rule_insert(batch, devices && !reply ? NFPROTO_NETDEV : NFPROTO_INET, rule, 0);
	}
	return 0;
}

int nat_add(struct batch *batch, const struct opening *opening, const struct nat_make *make, struct fault *fault)
{
	const uint32_t attributes = make->owned ? NFT_TABLE_F_OWNER : 0;
	const char **devices = make->devices;
	struct opening outside = *opening;
	char table[SET_NAME_SIZE];

	outside.target = opening->port; /* the set has this port only */
	tag_set_name(opening->tag, table);
	add_table(batch, NFPROTO_INET, table, attributes);
	if (make->traced && devices)
		add_table(batch, NFPROTO_NETDEV, table, attributes);
	if (make->traced && add_trace(batch, table, opening, devices, fault) < 0)
		return -1;
	if (opening->target == opening->port)
		return 0;
	if (set_add(batch, NFPROTO_INET, table, &outside, make->timed, fault) < 0 || add_chain(batch, table, &nat, NULL, fault) < 0)
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
