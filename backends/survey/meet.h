/* SPDX-License-Identifier: GPL-3.0-or-later */
/* meet.h - one rule and an abstract packet: does it match, and what becomes of the packet? */
#ifndef ACMEGATE_BACKENDS_SURVEY_MEET_H
#define ACMEGATE_BACKENDS_SURVEY_MEET_H

#include "backends/survey/packet.h"

/* A rule ends with the expression that gives a verdict, or does not match. */
struct outcome meet_rule(struct meeting *meeting, const struct nft_rule *rule);

/* The verdict of the rule, or its map of verdicts, whichever packets it matches. */
struct outcome meet_jumps(struct snapshot *snapshot, const struct nft_chain *chain, const struct nft_rule *rule);

#endif
