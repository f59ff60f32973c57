/* SPDX-License-Identifier: GPL-3.0-or-later */
/* choice.h - from a ruleset to the spots where a rule has to be inserted. */
#ifndef ACMEGATE_BACKENDS_SURVEY_CHOICE_H
#define ACMEGATE_BACKENDS_SURVEY_CHOICE_H

#include "backends/survey/facts.h"
#include "backends/nft/survey.h"
#include "backends/survey/snapshot.h"

/*
 * Of one reading of a ruleset. FAULT_FAILED: a chain blocks that nobody can open, with the reason and the remedy. bridged: this host
 * has a bridge; else no packet traverses the chains of that family.
 */
int choose(struct survey *survey, struct snapshot *snapshot, const struct facts *facts, bool bridged, const struct opening *opening,
	   struct fault *fault) MUST_CHECK;

/* Do all its chains surely let packets of this family in that the facts are about, without a rule of ours? An error counts as a no. */
bool choose_admits(struct snapshot *snapshot, const struct facts *facts, bool bridged, const struct opening *opening, uint8_t family);

#endif
