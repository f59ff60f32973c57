/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xt_match.h - matches and targets of x_tables, as rules of iptables-nft carry them: does the packet match, what becomes of it? */
#ifndef ACMEGATE_BACKENDS_SURVEY_XT_MATCH_H
#define ACMEGATE_BACKENDS_SURVEY_XT_MATCH_H

#include "backends/survey/packet.h"

/* -m NAME: info is the struct that the match's kernel module reads. A match that is not known may go either way. */
enum match xt_match(const struct meeting *meeting, const char *name, uint32_t revision, const struct nlattr *info);

/* -j NAME. A target that is not known drops. */
void xt_target(const char *name, struct outcome *outcome);

/* Judgements that the listings of iptables-legacy need too. Is a number that lies between these within [low, high]? */
enum match xt_number(unsigned int least, unsigned int most, unsigned int low, unsigned int high);
/* -m addrtype with these types, a bit for each RTN_*; dest: of the destination. */
enum match xt_addrtype(const struct meeting *meeting, unsigned int types, bool dest);
#define XT_TTL_LEAST 32
#define XT_MSS_LEAST 536

#endif
