// SPDX-License-Identifier: GPL-3.0-or-later
#include "walk.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

#define NETDEV_EGRESS 1	/* NF_NETDEV_EGRESS, since Linux 5.16 */
#define JUMP_DEPTH 16	/* NFT_JUMP_STACK_SIZE */

/* --- who comes by where ------------------------------------------------------------------------------------------- */

/* When a packet is seen so: before conntrack has seen it, after, in nat, and anywhere if packets can be hidden from conntrack. */
enum { BEFORE = 1, AFTER = 2, IN_NAT = 4, HIDDEN = 8 };

#define CLEAR_SYN TH_SYN, 0x3f /* the two bits of ECN may be set */
#define LATER TH_ACK, TH_SYN | TH_ACK | TH_RST
#define ANSWER TH_ACK, TH_ACK | TH_RST

/* What answers a hidden SYN belongs to no connection; what follows seems to begin one. */
static const struct packet packets[] = {
	{ AFTER | IN_NAT, false, CT_NEW, CLEAR_SYN },
	{ AFTER, false, CT_ESTABLISHED, LATER },
	{ BEFORE, false, CT_INVALID, CLEAR_SYN },
	{ BEFORE, false, CT_INVALID, LATER },
	{ HIDDEN, false, CT_UNTRACKED, CLEAR_SYN },
	{ HIDDEN, false, CT_UNTRACKED, LATER },
	{ AFTER, true, CT_ESTABLISHED, ANSWER },
	{ BEFORE, true, CT_INVALID, ANSWER },
	{ HIDDEN, true, CT_UNTRACKED, ANSWER },
	{ HIDDEN, true, CT_INVALID, ANSWER },
	{ HIDDEN, true, CT_NEW, ANSWER },
};

#define FAMILY(family) (1U << (family))
#define ROUTED (FAMILY(NFPROTO_IPV4) | FAMILY(NFPROTO_IPV6) | FAMILY(NFPROTO_INET))

/* Which port a packet carries: the world's, that of our listener, or one until the other from the priority of nat on. */
enum port { WORLD, OURS, WORLD_UNTIL_NAT, WORLD_FROM_NAT };

/* Every hook on the way in and out. */
static const struct hook {
	uint32_t families, number;
	bool reply;
	enum port port;
	unsigned int seen;	/* 0: that depends on the priority */
} hooks[] = {
	{ FAMILY(NFPROTO_NETDEV), NF_NETDEV_INGRESS, false, WORLD, BEFORE },
	{ FAMILY(NFPROTO_INET), NF_INET_INGRESS, false, WORLD, BEFORE },
	{ FAMILY(NFPROTO_BRIDGE), NF_INET_PRE_ROUTING, false, WORLD, BEFORE | AFTER },
	{ FAMILY(NFPROTO_BRIDGE), NF_INET_LOCAL_IN, false, WORLD, BEFORE | AFTER },
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
bool walk_way(const struct nft_chain *chain, const struct opening *opening, struct way *way)
{
	const struct hook *hook = find_hook(chain);
	bool redirected = opening->target != opening->port, nat = !strcmp(chain->type, "nat");

	memset(way, 0, sizeof(*way));
	if (!chain->base || !hook || (nat && (hook->reply || (redirected && hook->port == WORLD_UNTIL_NAT))))
		return false;
	find_ports(way, hook->port, chain->priority, opening);
	way->reply = hook->reply;
	way->bindable = hook->families == ROUTED && !hook->reply && (!redirected || !way->port[0]);
	way->translated = redirected && !way->port[0];
	way->seen = nat ? IN_NAT : hook->seen;
	if (!way->seen)
		way->seen = (chain->priority <= NF_IP_PRI_CONNTRACK ? BEFORE : 0U) | (chain->priority >= NF_IP_PRI_CONNTRACK ? AFTER : 0U);
	return true;
}

/* --- chains ------------------------------------------------------------------------------------------------------- */

/* How a packet leaves a chain. ACCEPTS: surely accepted on every way. FALLS: not blocked, at least one way goes on. */
enum passage { UNKNOWN, ACCEPTS, FALLS, BLOCKS };

struct walk {
	struct meeting meeting;
	struct culprit *culprit;
	unsigned char *memory;	/* enum passage of each chain, by its place in the snapshot */
};

static enum passage walk_chain(struct walk *walk, const struct nft_chain *chain, int depth);

static enum passage walk_target(struct walk *walk, const struct nft_chain *from, const char *name, int depth)
{
	const struct nft_chain *chain = snapshot_chain(walk->meeting.snapshot, from->family, from->table, name);

	return !chain || depth == JUMP_DEPTH ? BLOCKS : walk_chain(walk, chain, depth + 1);
}

/* A place in a chain. */
struct position {
	const struct nft_chain *chain;
	int depth;
	const struct nft_rule *rule;
	bool may_leave; /* a way out of this chain that accepts nothing was passed */
};

/* UNKNOWN: on to the next rule. Otherwise how the packet leaves the chain. */
static enum passage follow(struct walk *walk, struct position *position, const struct verdict *verdict, bool sure)
{
	enum passage passage;

	switch (verdict->code) {
	case (uint32_t)NFT_CONTINUE:
		return UNKNOWN;
	case NF_ACCEPT:
		return !sure ? UNKNOWN : position->may_leave ? FALLS : ACCEPTS;
	case (uint32_t)NFT_RETURN:
		position->may_leave = true;
		return sure ? FALLS : UNKNOWN;
	case (uint32_t)NFT_JUMP:
	case (uint32_t)NFT_GOTO:
		passage = walk_target(walk, position->chain, verdict->target, position->depth);
		walk->meeting.chain = position->chain;
		if (passage == BLOCKS)
			return BLOCKS;
		if (sure && passage == ACCEPTS)
			return position->may_leave ? FALLS : ACCEPTS;
		if (verdict->code == (uint32_t)NFT_JUMP || passage == ACCEPTS)
			return UNKNOWN;
		position->may_leave = true;
		return sure ? FALLS : UNKNOWN;
	default: /* NF_DROP, NF_QUEUE, NF_STOLEN */
		*walk->culprit = (struct culprit){ position->chain, position->rule->handle };
		return BLOCKS;
	}
}

static enum passage follow_map(struct walk *walk, struct position *position, const struct outcome *outcome)
{
	const struct nft_set *map = outcome->map;
	enum passage passage = UNKNOWN;
	struct search search;

	search_begin(&search, &walk->meeting.registers, map, outcome->at);
	for (const struct nft_element *e = map->element; e < map->element + map->elements && !passage; e++) {
		struct verdict verdict = verdict_of(e->data);
		enum match match = search_finds(&search, e);

		if (match != NO)
			passage = follow(walk, position, &verdict, match == YES && outcome->match == YES);
	}
	return passage;
}

static enum passage walk_rules(struct walk *walk, const struct nft_chain *chain, int depth)
{
	struct position position = { .chain = chain, .depth = depth, .rule = walk->meeting.snapshot->rule + chain->first_rule };
	enum passage passage = UNKNOWN;

	walk->meeting.chain = chain;
	for (const struct nft_rule *end = position.rule + chain->rules; position.rule < end && !passage; position.rule++) {
		struct outcome outcome = packet_meet(&walk->meeting, position.rule);

		if (outcome.match == NO)
			continue;
		passage = outcome.map ? follow_map(walk, &position, &outcome) :
					follow(walk, &position, &outcome.verdict, outcome.match == YES);
	}
	return passage ? passage : FALLS;
}

/* Each chain is walked once, however many rules jump to it: rules load their registers themselves. */
static enum passage walk_chain(struct walk *walk, const struct nft_chain *chain, int depth)
{
	unsigned char *memory = &walk->memory[chain - walk->meeting.snapshot->chain];

	if (*memory == UNKNOWN)
		*memory = (unsigned char)walk_rules(walk, chain, depth);
	return (enum passage)*memory;
}

static bool blocks_as(struct walk *walk, const struct nft_chain *chain)
{
	enum passage passage;

	memset(walk->memory, UNKNOWN, walk->meeting.snapshot->chains + 1);
	passage = walk_chain(walk, chain, 0);
	if (passage == FALLS && chain->policy != NF_ACCEPT)
		*walk->culprit = (struct culprit){ chain, 0 };
	return passage == BLOCKS || (passage == FALLS && chain->policy != NF_ACCEPT);
}

/* As this packet, in every family that the chain sees. */
static bool blocks_packet(struct walk *walk, const struct nft_chain *chain)
{
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

	for (size_t i = 0; i < LENGTH_OF(families); i++) {
		walk->meeting.family = families[i];
		if ((chain->family == NFPROTO_IPV4 || chain->family == NFPROTO_IPV6) && chain->family != walk->meeting.family)
			continue;
		if (blocks_as(walk, chain))
			return true;
	}
	return false;
}

bool walk_can_block(struct snapshot *snapshot, const struct nft_chain *chain, const struct way *way, struct culprit *culprit)
{
	struct walk walk = { .meeting = { .snapshot = snapshot, .status = way->translated ? IPS_DST_NAT : 0, .answerable = way->answerable },
			     .culprit = culprit };
	unsigned int seen = way->seen | (way->seen != IN_NAT && snapshot->notrack ? (unsigned int)HIDDEN : 0U);
	bool blocks = false;

	*culprit = (struct culprit){ 0 };
	walk.memory = malloc(snapshot->chains + 1);
	if (!walk.memory)
		return true;
	for (size_t i = 0; i < LENGTH_OF(packets) * LENGTH_OF(way->port) && !blocks; i++) {
		walk.meeting.packet = &packets[i / LENGTH_OF(way->port)];
		walk.meeting.port = way->port[i % LENGTH_OF(way->port)];
		if (walk.meeting.port && walk.meeting.packet->reply == way->reply && (walk.meeting.packet->seen & seen))
			blocks = blocks_packet(&walk, chain);
	}
	free(walk.memory);
	return blocks;
}
