// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/walk.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/tag.h"
#include "backends/survey/expression.h"
#include "backends/survey/listing.h"
#include "backends/survey/meet.h"
#include "backends/survey/search.h"

/* The ways of a packet out of a chain. ACCEPTS: surely accepted on every way. FALLS: not blocked, at least one way goes on. */
enum passage { UNKNOWN, ACCEPTS, FALLS, BLOCKS };

#define NOWHERE SIZE_MAX

enum { NOT_ASKED, CONCERNS, CONCERNS_NONE };

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

static void leave(struct walk *walk, struct position *position)
{
	position->may_leave = true;
	if (position->depth == 0 && walk->left == NOWHERE)
		walk->left = walk->top;
}

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
		leave(walk, position);
		return sure ? FALLS : UNKNOWN;
	case (uint32_t)NFT_JUMP:
	case (uint32_t)NFT_GOTO:
		passage = walk_target(walk, position->chain, verdict->target, position->depth);
		walk->meeting.chain = position->chain;
		if (passage == BLOCKS && !walk->culprit.chain) /* the target could not be walked */
			walk->culprit = (struct culprit){ position->chain, position->rule };
		if (passage == BLOCKS)
			return BLOCKS;
		if (sure && passage == ACCEPTS)
			return position->may_leave ? FALLS : ACCEPTS;
		if (verdict->code == (uint32_t)NFT_JUMP || passage == ACCEPTS)
			return UNKNOWN;
		leave(walk, position);
		return sure ? FALLS : UNKNOWN;
	default: /* NF_DROP, NF_QUEUE, NF_STOLEN */
		walk->culprit = (struct culprit){ position->chain, position->rule };
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
		struct verdict verdict = expression_verdict(e->data);
		enum match match = search_finds(&search, e);

		if (match != NO)
			passage = follow(walk, position, &verdict, match == YES && outcome->match == YES);
	}
	return passage;
}

/* Most rules of a long ruleset are about other packets: each is looked at once, not once for every kind of packet. */
bool walk_concerns(struct walk *walk, const struct nft_rule *rule)
{
	unsigned char *relevance = walk->relevance[walk->meeting.family == NFPROTO_IPV6];
	const struct packet *packet = walk->meeting.packet;

	if (!relevance)
		return true;
	relevance += rule - walk->meeting.snapshot->rule;
	if (*relevance == NOT_ASKED) {
		struct outcome outcome;

		walk->meeting.packet = &walk->any;
		outcome = meet_rule(&walk->meeting, rule);
		walk->meeting.packet = packet;
		*relevance = outcome.match == NO && !outcome.effects ? CONCERNS_NONE : CONCERNS;
	}
	return *relevance == CONCERNS;
}

static const struct insertion *inserted_in(const struct walk *walk, const struct nft_chain *chain)
{
	for (size_t i = 0; i < walk->insertions; i++)
		if (walk->inserted[i].chain == chain)
			return &walk->inserted[i];
	return NULL;
}

/* A rule with a tag of ours: it is passed over, or taken to match. */
bool walk_is_ours(const struct nft_rule *rule)
{
	char tag[TAG_SIZE];

	if (rule->line)
		return listing_is_ours(rule, NULL);
	return tag_of_rule(rule->userdata, rule->expressions, tag) || tag_of_match(rule->expressions, NULL, tag);
}

static enum passage walk_rule(struct walk *walk, struct position *position)
{
	struct outcome outcome;

	if (!walk_concerns(walk, position->rule))
		return UNKNOWN;
	outcome = meet_rule(&walk->meeting, position->rule);
	if (outcome.match == NO || (outcome.verdict.code == (uint32_t)NFT_CONTINUE && !outcome.map))
		return UNKNOWN;
	if (walk_is_ours(position->rule))
		return walk->ours ? follow(walk, position, &outcome.verdict, true) : UNKNOWN;
	return outcome.map ? follow_map(walk, position, &outcome) : follow(walk, position, &outcome.verdict, outcome.match == YES);
}

static enum passage walk_rules(struct walk *walk, const struct nft_chain *chain, int depth)
{
	const struct nft_rule *first = walk->meeting.snapshot->rule + chain->first_rule;
	const struct insertion *insertion = inserted_in(walk, chain);
	struct position position = { .chain = chain, .depth = depth, .rule = first };
	enum passage passage = UNKNOWN;

	walk->meeting.chain = chain;
	for (const struct nft_rule *end = first + (insertion ? insertion->before : chain->rules); position.rule < end && !passage;
	     position.rule++) {
		if (depth == 0)
			walk->top = (size_t)(position.rule - first);
		passage = walk_rule(walk, &position);
	}
	if (passage)
		return passage;
	return insertion && !insertion->returns && !position.may_leave ? ACCEPTS : FALLS;
}

/* Each chain is walked once, however many rules jump to it: rules load their registers themselves. */
static enum passage walk_chain(struct walk *walk, const struct nft_chain *chain, int depth)
{
	unsigned char *memory = &walk->memory[chain - walk->meeting.snapshot->chain];

	if (*memory == UNKNOWN)
		*memory = (unsigned char)walk_rules(walk, chain, depth);
	return (enum passage) * memory;
}

/* Is it blocked? *at: by which rule of the base chain, or before which of them the way to the policy began. */
static bool blocks(struct walk *walk, size_t *at)
{
	enum passage passage;

	memset(walk->memory, UNKNOWN, walk->meeting.snapshot->chains + 1);
	walk->culprit = (struct culprit){ 0 };
	walk->left = NOWHERE;
	passage = walk_chain(walk, walk->base, 0);
	*at = walk->top;
	if (passage != FALLS || walk->base->policy == NF_ACCEPT)
		return passage == BLOCKS;
	walk->culprit = (struct culprit){ walk->base, NULL };
	*at = walk->left == NOWHERE ? walk->base->rules : walk->left;
	return true;
}

void walk_take(struct walk *walk, const struct variants *variants, size_t i)
{
	walk->meeting.packet = variants->variant[i].packet;
	walk->meeting.port = variants->variant[i].port;
	walk->meeting.family = variants->variant[i].family;
}

void walk_end(struct walk *walk)
{
	free(walk->memory);
	free(walk->relevance[0]);
	free(walk->relevance[1]);
}

int walk_begin(struct walk *walk, struct snapshot *snapshot, const struct facts *facts, const struct nft_chain *chain,
	       const struct way *way)
{
	memset(walk, 0, sizeof(*walk));
	walk->meeting.snapshot = snapshot;
	walk->meeting.facts = facts;
	walk->meeting.status = way->translated ? IPS_DST_NAT : 0;
	walk->meeting.answerable = way->answerable;
	walk->meeting.below = way->below;
	walk->base = chain;
	walk->any = (struct packet){ .leaving = way->leaving, .from = way->leaving, .frame = ANY_FRAME };
	walk->memory = malloc(snapshot->chains + 1);
	if (way->port[0] && way->port[1] && way->port[0] != way->port[1])
		return walk->memory ? 0 : -1;
	for (size_t i = 0; i < FAMILIES; i++)
		walk->relevance[i] = way_sees(chain, i ? NFPROTO_IPV6 : NFPROTO_IPV4) ? calloc(1, snapshot->rules + 1) : NULL;
	return walk->memory ? 0 : -1;
}

bool walk_finds_block(struct walk *walk, const struct variants *variants, struct culprit *culprit, size_t *at)
{
	bool found = false;

	for (size_t i = 0; i < variants->count; i++) {
		size_t here;

		walk_take(walk, variants, i);
		if (!blocks(walk, &here) || (found && here >= *at))
			continue;
		*culprit = walk->culprit;
		*at = here;
		found = true;
	}
	return found;
}

bool walk_is_shut(struct snapshot *snapshot, const struct facts *facts, const struct nft_chain *chain, const struct way *way,
		  struct culprit *culprit)
{
	struct variants variants;
	struct walk walk;
	bool shut = true;
	size_t at;

	*culprit = (struct culprit){ 0 };
	way_variants(&variants, snapshot, chain, way);
	if (walk_begin(&walk, snapshot, facts, chain, way) == 0) {
		walk.ours = true;
		shut = walk_finds_block(&walk, &variants, culprit, &at);
	}
	walk_end(&walk);
	return shut;
}

bool walk_stops_client(struct snapshot *snapshot, const struct facts *facts, const struct nft_chain *chain, uint32_t user,
		       uint16_t port, struct culprit *culprit)
{
	const struct way way = { .leaving = true, .port = { port, port } };
	struct variants variants;
	struct walk walk;
	bool stops = false;
	size_t at;

	if (!way_of_client(&variants, chain, port))
		return false;
	if (walk_begin(&walk, snapshot, facts, chain, &way) == 0) {
		walk.any.from = false;
		walk.meeting.owned = true;
		walk.meeting.user = user;
		stops = walk_finds_block(&walk, &variants, culprit, &at);
	}
	walk_end(&walk);
	return stops;
}
