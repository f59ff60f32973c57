// SPDX-License-Identifier: GPL-3.0-or-later
/* The input is what "iptables -S" printed, or something like it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ipt_rules.h"
#include "listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const chains[] = { "PREROUTING", "INPUT", "OUTPUT" };
	char *text;

	if (size > 16 * 1024)
		return 0;
	text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
		(void)listing_can_block(text, chains[i], 80);
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
