/* SPDX-License-Identifier: GPL-3.0-or-later */
/* choice.h - from a ruleset to the spots where a rule has to be inserted. */
#ifndef ACMEGATE_BACKENDS_SURVEY_CHOICE_H
#define ACMEGATE_BACKENDS_SURVEY_CHOICE_H

#include "backends/survey/facts.h"
#include "backends/nft/survey.h"
#include "backends/survey/snapshot.h"

/*
 * Finds the spots in one reading of a ruleset. FAULT_FAILED: a chain blocks and cannot be opened; the text has reason and remedy.
 * bridged: this host has a bridge; without one no packet traverses the chains of that family.
 */
int choose(struct survey *survey, struct snapshot *snapshot, const struct facts *facts, bool bridged, const struct opening *opening,
	   struct fault *fault) MUST_CHECK;

/* Do all chains, without our rules, let in every packet of this family that the facts describe? An error counts as a no. */
bool choose_admits(struct snapshot *snapshot, const struct facts *facts, bool bridged, const struct opening *opening, uint8_t family);

#endif
