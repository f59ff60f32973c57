// SPDX-License-Identifier: GPL-3.0-or-later
/* The input is what "iptables -S" printed, or something like it. */
#include <stdint.h>
#include <stdlib.h>
#include <linux/netfilter.h>
#include <string.h>

#include "backends/iptables/rules.h"
#include "backends/survey/listing.h"
#include "backends/survey/insertion.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const char *text, const char *table)
{
	const struct opening opening = { .port = 80, .target = 80 };
	struct insertions result;
	struct snapshot snapshot;
	struct facts facts;
	struct fault fault;
	char *copy = strdup(text);
	struct way way;

	if (!copy || facts_make(&facts, NULL, false, &fault) < 0)
		abort();
	if (listing_read(&snapshot, copy, NFPROTO_IPV4, table, false, &fault) == 0)
		for (size_t i = 0; i < snapshot.chains; i++)
			if (way_find(&snapshot.chain[i], &opening, &way) &&
			    insertion_find(&snapshot, &facts, &snapshot.chain[i], &way, &result) < 0)
				abort();
	snapshot_free(&snapshot);
	facts_free(&facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const tables[] = { "nat", "filter" };
	char *text;

	if (size > 16 * 1024)
		return 0;
	text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		walk(text, tables[i]);
	for (const char *line = text, *next; line; line = next) {
		struct ipt_words words = { 0 };

		ipt_split(&words, line, ipt_line(line, &next));
		if (words.words > IPT_WORDS || words.word[words.words])
			abort();
		(void)ipt_tag(&words, NULL);
	}
	free(text);
	return 0;
}
