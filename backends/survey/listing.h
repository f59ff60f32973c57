/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listing.h - what "iptables -S" prints of a table of iptables-legacy, as a ruleset that can be walked. */
#ifndef ACMEGATE_BACKENDS_SURVEY_LISTING_H
#define ACMEGATE_BACKENDS_SURVEY_LISTING_H

#include "backends/survey/packet.h"

/*
 * Builds the index over a listing and takes ownership of it (malloc). hidden: packets may be hidden from connection tracking. Call
 * snapshot_free() also after an error.
 */
int listing_read(struct snapshot *snapshot, char *listing, uint8_t family, const char *table, bool hidden,
		 struct fault *fault) MUST_CHECK;

/* meet_rule() and meet_jumps() of a rule with a line. */
struct outcome listing_meet(struct meeting *meeting, const struct nft_rule *rule);
struct outcome listing_jumps(struct snapshot *snapshot, const struct nft_chain *chain, const struct nft_rule *rule);

/* Does the rule have this tag (NULL: any tag of ours)? */
bool listing_is_ours(const struct nft_rule *rule, const char *tag);

#endif
