/* SPDX-License-Identifier: GPL-3.0-or-later */
/* state.h - what the gate keeps of a job for the next one: a line, which comes back in ACMEGATE_STATE. */
#ifndef ACMEGATE_BACKENDS_IPTABLES_STATE_H
#define ACMEGATE_BACKENDS_IPTABLES_STATE_H

#include "backends/iptables/job.h"

void state_print(const struct ruleset *ruleset);

/* An empty text: there was no legacy table when the places were chosen. */
int state_read(struct ruleset *ruleset, const char *text, struct fault *fault) MUST_CHECK;

#endif
