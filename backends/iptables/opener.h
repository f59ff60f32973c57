/* SPDX-License-Identifier: GPL-3.0-or-later */
/* opener.h - the verb "open": makes the rules of the places, or says AGAIN. */
#ifndef ACMEGATE_BACKENDS_IPTABLES_OPENER_H
#define ACMEGATE_BACKENDS_IPTABLES_OPENER_H

#include "backends/iptables/job.h"

int opener_open(struct ruleset *ruleset, struct fault *fault) MUST_CHECK;

#endif
