/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twins.h - both families at once: a tool takes longer to start than for its work. */
#ifndef ACMEGATE_BACKENDS_IPTABLES_TWINS_H
#define ACMEGATE_BACKENDS_IPTABLES_TWINS_H

#include "backends/iptables/job.h"

typedef int work(struct ruleset *ruleset, uint8_t family, struct fault *fault);

/* Another process works on IPv6 at the same time, where the tools allow that; else this one works on both (NFPROTO_UNSPEC). */
int twins_work(struct ruleset *ruleset, work *does, struct fault *fault) MUST_CHECK;

#endif
