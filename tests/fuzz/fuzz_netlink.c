// SPDX-License-Identifier: GPL-3.0-or-later
/* The input is what the kernel answered to the dumps of a ruleset: messages of nf_tables behind each other. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backends/survey/reach.h"
#include "backends/survey/insertion.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

/* Directly, and redirected to another port. */
static void walk(struct snapshot *snapshot, const struct nft_chain *chain)
{
	struct opening opening = { .port = 80, .target = 80 };
	struct insertions result;
	struct facts facts;
	struct fault fault;
	struct way way;

	check(facts_make(&facts, NULL, false, &fault) == 0);
	for (int i = 0; i < 2; i++, opening.target = 8080) {
		if (!way_find(chain, &opening, &way))
			continue;
		check(insertion_find(snapshot, &facts, chain, &way, &result) == 0);
		for (size_t n = 0; n < result.count; n++)
			check(result.insertion[n].chain >= snapshot->chain &&
			      result.insertion[n].chain < snapshot->chain + snapshot->chains &&
			      result.insertion[n].before <= result.insertion[n].chain->rules);
		(void)walk_is_shut(snapshot, &facts, chain, &way, &result.culprit);
	}
	(void)walk_stops_client(snapshot, &facts, chain, 65534, 443, &result.culprit);
	(void)reach_is_shared(snapshot, chain);
	facts_free(&facts);
}

static void look_at(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->tables; i++) {
		const struct nft_table *table = &snapshot->table[i];

		check(snapshot_table(snapshot, table->family, table->name) != NULL);
		check(nft_family(table->family) != NULL);
	}
	for (size_t i = 0; i < snapshot->chains; i++) {
		const struct nft_chain *chain = &snapshot->chain[i];

		check(chain->first_rule + chain->rules <= snapshot->rules);
		check(snapshot_chain(snapshot, chain->family, chain->table, chain->name) != NULL);
		check(nft_hook(chain) != NULL);
		(void)snapshot_is_iptables(snapshot, chain);
		walk(snapshot, chain);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snapshot snapshot = { 0 };
	struct fault fault = { 0 };

	if (!size || size > 64 * 1024)
		return 0;
	snapshot.notrack = data[0] & 1;
	check(messages_append(&snapshot.messages, data, size, &fault) == 0);
	if (snapshot_index(&snapshot, &fault) == 0)
		look_at(&snapshot);
	else
		check(fault.kind != FAULT_NONE && fault.text[0]);
	snapshot_free(&snapshot);
	return 0;
}
