/* SPDX-License-Identifier: GPL-3.0-or-later */
/* closer.h - the verb "close": removes our rules from the legacy tables, until a reading finds none. */
#ifndef ACMEGATE_BACKENDS_IPTABLES_CLOSER_H
#define ACMEGATE_BACKENDS_IPTABLES_CLOSER_H

#include "backends/iptables/job.h"

int closer_close(struct ruleset *ruleset, struct fault *fault) MUST_CHECK;

#endif
