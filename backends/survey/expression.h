/* SPDX-License-Identifier: GPL-3.0-or-later */
/* expression.h - the expressions of a rule of nf_tables: does the packet match, and what becomes of it? */
#ifndef ACMEGATE_BACKENDS_SURVEY_EXPRESSION_H
#define ACMEGATE_BACKENDS_SURVEY_EXPRESSION_H

#include "backends/survey/packet.h"

/* See meet.h. */
struct outcome expression_meet(struct meeting *meeting, const struct nft_rule *rule);

struct outcome expression_jumps(struct snapshot *snapshot, const struct nft_chain *chain, const struct nft_rule *rule);

/* Reads the data of a verdict, of an immediate expression or an element of a map. */
struct verdict expression_verdict(const struct nlattr *data);

#endif
