// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/iptables/sight.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "backends/nft/builtin.h"

static int visit_layer(struct ruleset *ruleset, size_t layer, visit_table *visit, void *arg, struct fault *fault)
{
	const unsigned int loaded = ipt_loaded(ipt_layers[layer].family);
	struct legacy_table table;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < IPT_TABLES; i++) {
		if (!(loaded & 1U << i))
			continue;
		rc = table_read(&table, ipt_layers[layer].family, ipt_tables[i], fault);
		if (rc == 0)
			rc = visit(ruleset, layer, ipt_tables[i], &table, arg, fault);
		table_free(&table);
	}
	return rc;
}

bool sight_is_of(size_t layer, uint8_t family)
{
	return family == NFPROTO_UNSPEC || ipt_layers[layer].family == family;
}

int sight_each(struct ruleset *ruleset, uint8_t family, visit_table *visit, void *arg, struct fault *fault)
{
	int rc = 0;

	for (size_t layer = 0; rc == 0 && layer < IPT_LAYERS; layer++)
		rc = ipt_layers[layer].legacy && sight_is_of(layer, family) ? visit_layer(ruleset, layer, visit, arg, fault) : 0;
	return rc;
}

static int hash_table(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, void *arg,
		      struct fault *fault)
{
	struct sha256_ctx *sums = arg; /* of all rules, and without ours */

	(void)ruleset;
	for (int without_ours = 0; without_ours < 2; without_ours++) {
		sha256_update(&sums[without_ours], 1, (const uint8_t[]){ (uint8_t)layer });
		sha256_update(&sums[without_ours], strlen(name) + 1, (const uint8_t *)name);
		if (table_hash(table, without_ours, &sums[without_ours], fault) < 0)
			return -1;
	}
	return 0;
}

void sight_write(struct sha256_ctx *sum, char hex[HEX_SIZE])
{
	unsigned char digest[DIGEST_SIZE];

	sha256_digest(sum, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

int sight_attempt(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	struct sight *sight = (void *)(uintptr_t)arg;
	struct sha256_ctx sums[2];
	int rc;

	sha256_init(&sums[0]);
	sha256_init(&sums[1]);
	rc = sight_each(ruleset, NFPROTO_UNSPEC, hash_table, sums, fault);
	sight_write(&sums[0], sight->all);
	sight_write(&sums[1], sight->others);
	return rc;
}

int sight_look(struct ruleset *ruleset, struct sight *sight, struct fault *fault)
{
	return netlink_insist(sight_attempt, ruleset, sight, fault);
}

static int mark_present(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, void *arg,
			struct fault *fault)
{
	(void)arg;
	(void)fault;
	for (size_t i = 0; i < ruleset->places.count; i++) {
		const struct place *place = &ruleset->places.place[i];

		if (place->layer == layer && !strcmp(place->table, name))
			ruleset->present[i] = table_has(table, place->chain, ruleset->tag);
	}
	return 0;
}

static int attempt_mark(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	(void)arg;
	memset(ruleset->present, 0, sizeof(ruleset->present));
	return sight_each(ruleset, NFPROTO_UNSPEC, mark_present, NULL, fault);
}

int sight_mark(struct ruleset *ruleset, struct fault *fault)
{
	return netlink_insist(attempt_mark, ruleset, NULL, fault);
}

int sight_stale(struct fault *fault)
{
	fault_set(fault, FAULT_LATER, "others change the tables of iptables-legacy all the time");
	return AGAIN;
}
