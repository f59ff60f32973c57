// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/way.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/tcp.h>
#include <string.h>

#define NETDEV_EGRESS 1 /* NF_NETDEV_EGRESS, since Linux 5.16 */
/* When a packet is seen so: before conntrack has seen it, after, in nat, anywhere if packets can be hidden from conntrack, as a frame. */
enum { BEFORE = 1, AFTER = 2, IN_NAT = 4, HIDDEN = 8, BELOW = 16 };

#define CLEAR_SYN TH_SYN, 0xff
#define LATER TH_ACK, TH_SYN | TH_ACK | TH_RST
#define ANSWER TH_ACK, TH_ACK | TH_RST

/* The answer to a SYN that is hidden from conntrack belongs to no connection, and the packet after that seems to begin one. */
static const struct packet packets[] = {
	{ AFTER | IN_NAT, false, false, CT_NEW, CLEAR_SYN, PLAIN },
	{ AFTER, false, false, CT_ESTABLISHED, LATER, PLAIN },
	{ BEFORE, false, false, CT_INVALID, CLEAR_SYN, PLAIN },
	{ BEFORE, false, false, CT_INVALID, LATER, PLAIN },
	{ BELOW, false, false, CT_INVALID, CLEAR_SYN, TAGGED },
	{ BELOW, false, false, CT_INVALID, LATER, TAGGED },
	{ HIDDEN, false, false, CT_UNTRACKED, CLEAR_SYN, PLAIN },
	{ HIDDEN, false, false, CT_UNTRACKED, LATER, PLAIN },
	{ AFTER, true, true, CT_ESTABLISHED, ANSWER, PLAIN },
	{ BEFORE, true, true, CT_INVALID, ANSWER, PLAIN },
	{ HIDDEN, true, true, CT_UNTRACKED, ANSWER, PLAIN },
	{ HIDDEN, true, true, CT_INVALID, ANSWER, PLAIN },
	{ HIDDEN, true, true, CT_NEW, ANSWER, PLAIN },
};

/* The first packet of acmegate's own client. */
static const struct packet client_packet = { 0, true, false, CT_NEW, CLEAR_SYN, PLAIN };

#define FAMILY(family) (1U << (family))
#define ROUTED (FAMILY(NFPROTO_IPV4) | FAMILY(NFPROTO_IPV6) | FAMILY(NFPROTO_INET))

/* The port in a packet: the world's, that of our listener, or the one before the priority of nat and the other from there on. */
enum port { WORLD, OURS, WORLD_UNTIL_NAT, WORLD_FROM_NAT };

/* Every hook on the way in and out. */
static const struct hook {
	uint32_t families, number;
	bool leaving;
	enum port port;
	unsigned int seen; /* 0: that depends on the priority */
} hooks[] = {
	{ FAMILY(NFPROTO_NETDEV), NF_NETDEV_INGRESS, false, WORLD, BEFORE | BELOW },
	{ FAMILY(NFPROTO_INET), NF_INET_INGRESS, false, WORLD, BEFORE | BELOW },
	{ FAMILY(NFPROTO_BRIDGE), NF_INET_PRE_ROUTING, false, WORLD, BEFORE | AFTER | BELOW },
	{ FAMILY(NFPROTO_BRIDGE), NF_INET_LOCAL_IN, false, WORLD, BEFORE | AFTER | BELOW },
	{ ROUTED, NF_INET_PRE_ROUTING, false, WORLD_UNTIL_NAT, 0 },
	{ ROUTED, NF_INET_LOCAL_IN, false, OURS, AFTER },
	{ ROUTED, NF_INET_LOCAL_OUT, true, OURS, 0 },
	{ ROUTED, NF_INET_POST_ROUTING, true, WORLD_FROM_NAT, AFTER },
	{ FAMILY(NFPROTO_BRIDGE), NF_INET_LOCAL_OUT, true, WORLD, BEFORE | AFTER },
	{ FAMILY(NFPROTO_BRIDGE), NF_INET_POST_ROUTING, true, WORLD, BEFORE | AFTER },
	{ FAMILY(NFPROTO_NETDEV), NETDEV_EGRESS, true, WORLD, AFTER },
};

static const struct hook *find_hook(const struct nft_chain *chain)
{
	for (size_t i = 0; i < LENGTH_OF(hooks); i++)
		if (chain->family < 32 && (hooks[i].families & FAMILY(chain->family)) && hooks[i].number == chain->hook)
			return &hooks[i];
	return NULL;
}

/* Of two at the same priority, the one that was registered last comes first: both are possible. */
static void find_ports(struct way *way, enum port port, int32_t priority, const struct opening *opening)
{
	bool until = port == WORLD_UNTIL_NAT, from = port == WORLD_FROM_NAT;

	if (port == WORLD || (until && priority <= NF_IP_PRI_NAT_DST) || (from && priority >= NF_IP_PRI_NAT_SRC))
		way->port[0] = opening->port;
	if (port == OURS || (until && priority >= NF_IP_PRI_NAT_DST) || (from && priority <= NF_IP_PRI_NAT_SRC))
		way->port[1] = opening->target;
}

/*
 * A nat chain sees only packets that begin a connection, and none for which another one has decided; a rule of ours that
 * redirects comes before all others. All of them hang on one hook, whatever their priority.
 */
bool way_find(const struct nft_chain *chain, const struct opening *opening, struct way *way)
{
	const struct hook *hook = find_hook(chain);
	bool redirected = opening->target != opening->port, nat = !strcmp(chain->type, "nat");

	memset(way, 0, sizeof(*way));
	if (!chain->base || !hook || (nat && (hook->leaving || (redirected && hook->port == WORLD_UNTIL_NAT))))
		return false;
	find_ports(way, hook->port, chain->priority, opening);
	way->leaving = hook->leaving;
	way->below = hook->families != ROUTED;
	way->bindable = !way->below && !hook->leaving && (!redirected || !way->port[0]);
	way->translated = redirected && !way->port[0];
	way->seen = nat ? IN_NAT : hook->seen;
	if (!way->seen)
		way->seen = (chain->priority <= NF_IP_PRI_CONNTRACK ? BEFORE : 0U) |
			    (chain->priority >= NF_IP_PRI_CONNTRACK ? AFTER : 0U);
	return true;
}

static const uint8_t families[FAMILIES] = { NFPROTO_IPV4, NFPROTO_IPV6 };

bool way_sees(const struct nft_chain *chain, uint8_t family)
{
	return (chain->family != NFPROTO_IPV4 && chain->family != NFPROTO_IPV6) || chain->family == family;
}

/* family 0: both. */
static void add_variants(struct variants *variants, const struct nft_chain *chain, const struct packet *packet, uint16_t port,
			 uint8_t family)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		if (!way_sees(chain, families[i]) || (family && family != families[i]))
			continue;
		variants->variant[variants->count].packet = packet;
		variants->variant[variants->count].port = port;
		variants->variant[variants->count++].family = families[i];
	}
}

void way_variants(struct variants *variants, const struct snapshot *snapshot, const struct nft_chain *chain, const struct way *way)
{
	unsigned int seen = way->seen | (way->seen != IN_NAT && snapshot->notrack ? (unsigned int)HIDDEN : 0U);

	variants->count = 0;
	for (size_t i = 0; i < LENGTH_OF(packets); i++)
		for (size_t p = 0; p < LENGTH_OF(way->port); p++)
			if (way->port[p] && packets[i].leaving == way->leaving && (packets[i].seen & seen))
				add_variants(variants, chain, &packets[i], way->port[p], way->family);
}

bool way_of_client(struct variants *variants, const struct nft_chain *chain, uint16_t port)
{
	const struct hook *hook = find_hook(chain);

	variants->count = 0;
	if (!chain->base || !hook || !hook->leaving || hook->families != ROUTED || !strcmp(chain->type, "nat"))
		return false;
	add_variants(variants, chain, &client_packet, port, 0);
	return true;
}
