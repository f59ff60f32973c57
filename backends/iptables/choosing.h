/* SPDX-License-Identifier: GPL-3.0-or-later */
/* choosing.h - the chains of iptables that need the rule. */
#ifndef ACMEGATE_BACKENDS_IPTABLES_CHOOSING_H
#define ACMEGATE_BACKENDS_IPTABLES_CHOOSING_H

#include "backends/iptables/request.h"

/* Are there tables of iptables-nft? 0: no rule needs to be read. */
int choosing_has_tables(struct ruleset *ruleset, struct fault *fault) MUST_CHECK;

/* For netlink_insist(). opening: a struct opening. */
int choosing_attempt(struct ruleset *ruleset, const void *opening, struct fault *fault) MUST_CHECK;

#endif
