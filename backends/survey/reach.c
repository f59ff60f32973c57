// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/reach.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "backends/survey/expression.h"
#include "backends/survey/meet.h"

struct reach {
	struct snapshot *snapshot;
	unsigned char *seen; /* of each chain, by its place in the snapshot: 1 if it was visited */
};

static bool leads_to(struct reach *reach, const struct nft_chain *from, const struct nft_chain *to, int depth);

static bool verdict_leads(struct reach *reach, const struct nft_chain *from, const struct verdict *verdict,
			  const struct nft_chain *to, int depth)
{
	const struct nft_chain *next = NULL;

	if (verdict->code == (uint32_t)NFT_JUMP || verdict->code == (uint32_t)NFT_GOTO)
		next = snapshot_chain(reach->snapshot, from->family, from->table, verdict->target);
	return next && leads_to(reach, next, to, depth + 1);
}

/* For any packet. */
static bool leads_to(struct reach *reach, const struct nft_chain *from, const struct nft_chain *to, int depth)
{
	unsigned char *memory = &reach->seen[from - reach->snapshot->chain];
	bool found = from == to;

	if (*memory || depth > JUMP_DEPTH)
		return found;
	*memory = 1;
	for (size_t i = 0; i < from->rules && !found; i++) {
		struct outcome outcome = meet_jumps(reach->snapshot, from, &reach->snapshot->rule[from->first_rule + i]);

		for (size_t e = 0; outcome.map && e < outcome.map->elements && !found; e++) {
			struct verdict verdict = expression_verdict(outcome.map->element[e].data);

			found = verdict_leads(reach, from, &verdict, to, depth);
		}
		found = found || verdict_leads(reach, from, &outcome.verdict, to, depth);
	}
	return found;
}

bool reach_is_shared(struct snapshot *snapshot, const struct nft_chain *chain)
{
	struct reach reach = { .snapshot = snapshot, .seen = calloc(1, snapshot->chains + 1) };
	bool shared = !reach.seen;

	for (size_t i = 0; i < snapshot->chains && !shared; i++) {
		const struct nft_chain *base = &snapshot->chain[i];

		if (base->base && base->family == chain->family && !strcmp(base->table, chain->table) &&
		    base->hook != NF_INET_PRE_ROUTING && base->hook != NF_INET_LOCAL_IN)
			shared = leads_to(&reach, base, chain, 0);
	}
	free(reach.seen);
	return shared;
}
