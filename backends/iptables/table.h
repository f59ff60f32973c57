/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * table.h - a table of iptables-legacy as the kernel holds it: read without tool and lock, in microseconds.
 *
 * Layout: linux/netfilter_ipv4/ip_tables.h, and its twin for IPv6.
 */
#ifndef ACMEGATE_BACKENDS_IPTABLES_TABLE_H
#define ACMEGATE_BACKENDS_IPTABLES_TABLE_H

#include <nettle/sha2.h>
#include <stddef.h>

#include "backends/opening.h"

struct legacy_table {
	uint8_t family;			       /* NFPROTO_* */
	unsigned int hooks, first[5], last[5]; /* which built-in chains there are (bit mask), and where they lie in entries */
	size_t size;
	char *entries;
};

/* To be freed in any case. AGAIN: somebody changed its size meanwhile. */
int table_read(struct legacy_table *table, uint8_t family, const char *name, struct fault *fault) MUST_CHECK;
void table_free(struct legacy_table *table);

/* Is there a rule with this tag (NULL: any of ours) in this chain (NULL: anywhere)? */
bool table_has(const struct legacy_table *table, const char *chain, const char *tag);

/* The most packets that one of them has counted. */
uint64_t table_packets(const struct legacy_table *table, const char *tag);

/*
 * Adds the chains that packets to or from this host can get to, without the counters; without our rules, if so wanted. Chains that only
 * FORWARD uses, or none, are left out: a host with containers changes them all the time, and they decide nothing here.
 */
int table_hash(const struct legacy_table *table, bool without_ours, struct sha256_ctx *sum, struct fault *fault) MUST_CHECK;

#endif
