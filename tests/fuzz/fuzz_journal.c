// SPDX-License-Identifier: GPL-3.0-or-later
/* The bytes of the file as they are, and once more with checksums that are right, to reach what is behind them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/sha2.h>

#include "firewall/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BYTES (JOURNAL_SLOTS * JOURNAL_SLOT_SIZE)
#define SUM_AT (JOURNAL_SLOT_SIZE - SHA256_DIGEST_SIZE)

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void parse(const unsigned char *image)
{
	struct journal journal = { .fd = -1 };
	struct fault fault = { 0 };
	int found = journal_parse(&journal, image, &fault);

	check(found >= -1 && found <= 1);
	check((found < 0) == (fault.kind == FAULT_FAILED));
	check(strnlen(journal.opening.tag, TAG_SIZE) < TAG_SIZE);
	check(journal.fd == -1);
	if (found == 0)
		check(!journal.armed && journal.sequence == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *image = calloc(1, BYTES);

	check(image != NULL);
	memcpy(image, data, size < BYTES ? size : BYTES);
	parse(image);
	for (unsigned char *slot = image; slot < image + BYTES; slot += JOURNAL_SLOT_SIZE) {
		struct sha256_ctx sum;

		sha256_init(&sum);
		sha256_update(&sum, SUM_AT, slot);
		sha256_digest(&sum, SHA256_DIGEST_SIZE, slot + SUM_AT);
	}
	parse(image);
	free(image);
	return 0;
}
