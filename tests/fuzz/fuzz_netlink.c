// SPDX-License-Identifier: GPL-3.0-or-later
/* The input is what the kernel answered to the dumps of a ruleset: messages of nf_tables behind each other. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "walk.h"

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
	struct culprit culprit;
	struct way way;

	for (int i = 0; i < 2; i++, opening.target = 8080)
		if (walk_way(chain, &opening, &way) && walk_can_block(snapshot, chain, &way, &culprit) && culprit.chain)
			check(culprit.chain >= snapshot->chain && culprit.chain < snapshot->chain + snapshot->chains);
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
