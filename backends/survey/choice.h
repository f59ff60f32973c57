/* SPDX-License-Identifier: GPL-3.0-or-later */
/* choice.h - from a ruleset to the chains that need a rule. */
#ifndef ACMEGATE_CHOICE_H
#define ACMEGATE_CHOICE_H

#include "nft_survey.h"

/*
 * One reading of the ruleset. survey->generation is 0 if somebody committed meanwhile: then something may have been missed. AGAIN: it
 * was of no use. FAULT_FAILED: a chain blocks that nobody can open, with the reason and the remedy. hidden: packets may be hidden from connection tracking by what is no part of nf_tables.
 */
int choose(struct survey *survey, struct netlink *netlink, const struct opening *opening, bool hidden, struct fault *fault) MUST_CHECK;

#endif
