/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sight.h - the legacy tables as a job sees them: which there are, whether anybody has changed them, where our rules are.
 */
#ifndef ACMEGATE_BACKENDS_IPTABLES_SIGHT_H
#define ACMEGATE_BACKENDS_IPTABLES_SIGHT_H

#include <nettle/sha2.h>

#include "backends/iptables/job.h"
#include "backends/iptables/table.h"

typedef int visit_table(struct ruleset *, size_t layer, const char *name, const struct legacy_table *, void *, struct fault *);

/* Visits each legacy table of this family (NFPROTO_UNSPEC: of both) that is loaded. */
int sight_each(struct ruleset *ruleset, uint8_t family, visit_table *visit, void *arg, struct fault *fault) MUST_CHECK;

/* Does a layer belong to this family? */
bool sight_is_of(size_t layer, uint8_t family);

/* Reads the tables as they are now. sight_attempt() is the same for netlink_insist(), with a struct sight as argument. */
int sight_look(struct ruleset *ruleset, struct sight *sight, struct fault *fault) MUST_CHECK;
int sight_attempt(struct ruleset *ruleset, const void *arg, struct fault *fault) MUST_CHECK;

/* Notes which places in legacy tables have our rule. */
int sight_mark(struct ruleset *ruleset, struct fault *fault) MUST_CHECK;

/* The answer where others have changed them: AGAIN. */
int sight_stale(struct fault *fault);

void sight_write(struct sha256_ctx *sum, char hex[HEX_SIZE]);

#endif
