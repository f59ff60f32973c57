// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/insertion.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "backends/survey/expression.h"
#include "backends/survey/meet.h"

static void gather(struct walk *walk, const struct nft_chain *chain, size_t from, int depth, unsigned int *effects);

static void gather_behind(struct walk *walk, const struct nft_chain *chain, const struct verdict *verdict, int depth,
			  unsigned int *effects)
{
	const struct nft_chain *target = NULL;

	if (verdict->code == (uint32_t)NFT_JUMP || verdict->code == (uint32_t)NFT_GOTO)
		target = snapshot_chain(walk->meeting.snapshot, chain->family, chain->table, verdict->target);
	if (target && depth < JUMP_DEPTH && !walk->memory[target - walk->meeting.snapshot->chain])
		gather(walk, target, 0, depth + 1, effects);
	walk->meeting.chain = chain;
}

static bool ends_chain(const struct outcome *outcome)
{
	return outcome->match == YES && !outcome->map &&
	       (outcome->verdict.code == NF_ACCEPT || outcome->verdict.code == (uint32_t)NFT_RETURN ||
		outcome->verdict.code == (uint32_t)NFT_GOTO);
}

/* Follows the packet as if nothing blocked: it goes on behind a drop. */
static void gather(struct walk *walk, const struct nft_chain *chain, size_t from, int depth, unsigned int *effects)
{
	const struct nft_rule *first = walk->meeting.snapshot->rule + chain->first_rule;
	struct outcome outcome = { .match = NO };

	walk->memory[chain - walk->meeting.snapshot->chain] = 1;
	walk->meeting.chain = chain;
	for (size_t i = from; i < chain->rules && !ends_chain(&outcome); i++) {
		if (!walk_concerns(walk, &first[i]) || walk_is_ours(&first[i]))
			continue;
		outcome = meet_rule(&walk->meeting, &first[i]);
		*effects |= outcome.effects;
		if (outcome.match == NO)
			continue;
		if (outcome.map)
			for (size_t e = 0; e < outcome.map->elements; e++) {
				struct verdict verdict = expression_verdict(outcome.map->element[e].data);

				gather_behind(walk, chain, &verdict, depth, effects);
			}
		else
			gather_behind(walk, chain, &outcome.verdict, depth, effects);
	}
}

/* Chains that jump to the chain with our rule lose nothing: the packet returns to them. */
static unsigned int find_lost(struct walk *walk, const struct variants *variants, const struct insertions *result)
{
	unsigned int effects = 0;

	for (size_t v = 0; v < variants->count; v++)
		for (size_t i = 0; i < result->count; i++) {
			walk_take(walk, variants, v);
			memset(walk->memory, 0, walk->meeting.snapshot->chains + 1);
			gather(walk, result->insertion[i].chain, result->insertion[i].before, 0, &effects);
		}
	return effects;
}

/* Walks as if the rules of result were in the ruleset. */
static bool still_blocks(struct walk *walk, const struct variants *variants, const struct insertions *result,
			 struct culprit *culprit, size_t *at)
{
	const struct insertions before = *result; /* *culprit may be of result */
	bool blocks;

	walk->inserted = before.insertion;
	walk->insertions = before.count;
	blocks = walk_finds_block(walk, variants, culprit, at);
	walk->insertions = 0;
	return blocks;
}

/* One rule in the base chain, which accepts. */
static void insert_once(struct walk *walk, const struct variants *variants, struct insertions *result, size_t at)
{
	struct culprit ignored;
	size_t again;

	result->count = 1;
	result->insertion[0] = (struct insertion){ walk->base, at, false };
	if (still_blocks(walk, variants, result, &ignored, &again)) /* only the head of the chain is ahead of all that blocks */
		result->insertion[0].before = 0;
	result->lost = find_lost(walk, variants, result);
}

/* false: the chain has a rule at least that early, or there are too many insertions. */
static bool insert_one(struct insertions *result, const struct nft_chain *chain, size_t before, bool returns)
{
	for (size_t i = 0; i < result->count; i++)
		if (result->insertion[i].chain == chain) {
			bool earlier = before < result->insertion[i].before;

			result->insertion[i].before = earlier ? before : result->insertion[i].before;
			return earlier;
		}
	if (result->count == INSERTIONS_MOST)
		return false;
	result->insertion[result->count++] = (struct insertion){ chain, before, returns };
	return true;
}

/* A rule that returns in each chain that blocks, so that the packet meets the rules behind the jump. */
static bool insert_often(struct walk *walk, const struct variants *variants, struct insertions *result)
{
	const struct snapshot *snapshot = walk->meeting.snapshot;
	struct culprit culprit;
	size_t at;

	result->count = 0;
	while (still_blocks(walk, variants, result, &culprit, &at)) {
		bool deep = culprit.chain && culprit.chain != walk->base && culprit.rule;
		size_t before = deep ? (size_t)(culprit.rule - snapshot->rule) - culprit.chain->first_rule : at;

		if (!insert_one(result, deep ? culprit.chain : walk->base, before, deep))
			return false;
	}
	result->lost = find_lost(walk, variants, result);
	return true;
}

static int count_effects(unsigned int effects)
{
	return __builtin_popcount(effects);
}

int insertion_find(struct snapshot *snapshot, const struct facts *facts, const struct nft_chain *chain, const struct way *way,
		   struct insertions *result)
{
	struct variants variants;
	struct insertions careful = { 0 };
	struct walk walk;
	size_t at;
	int rc = walk_begin(&walk, snapshot, facts, chain, way);

	memset(result, 0, sizeof(*result));
	way_variants(&variants, snapshot, chain, way);
	if (rc == 0 && walk_finds_block(&walk, &variants, &result->culprit, &at)) {
		careful.culprit = result->culprit;
		insert_once(&walk, &variants, result, at);
		if (result->lost && insert_often(&walk, &variants, &careful) &&
		    count_effects(careful.lost) < count_effects(result->lost))
			*result = careful;
	}
	walk_end(&walk);
	return rc;
}
