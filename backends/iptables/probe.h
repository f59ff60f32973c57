/* SPDX-License-Identifier: GPL-3.0-or-later */
/* probe.h - what the tools and the kernel can do for the places of a job. */
#ifndef ACMEGATE_BACKENDS_IPTABLES_PROBE_H
#define ACMEGATE_BACKENDS_IPTABLES_PROBE_H

#include "backends/iptables/job.h"

/* The tool of a layer, once found. NULL: fault. */
const char *probe_tool(struct ruleset *ruleset, size_t layer, struct fault *fault) MUST_CHECK;

/* Can the match "socket" see our listener at one of them? */
bool probe_is_bindable(const struct places *places);

/* Finds the matches that all tools that are needed know. */
int probe_matches(struct ruleset *ruleset, struct fault *fault) MUST_CHECK;

/* The rule matches from now until the end of the last second. */
void probe_time(struct rule *rule, uint32_t seconds);

#endif
