// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/meet.h"

#include "backends/survey/expression.h"
#include "backends/survey/listing.h"

struct outcome meet_rule(struct meeting *meeting, const struct nft_rule *rule)
{
	return rule->line ? listing_meet(meeting, rule) : expression_meet(meeting, rule);
}

struct outcome meet_jumps(struct snapshot *snapshot, const struct nft_chain *chain, const struct nft_rule *rule)
{
	return rule->line ? listing_jumps(snapshot, chain, rule) : expression_jumps(snapshot, chain, rule);
}
