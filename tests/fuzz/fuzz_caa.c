// SPDX-License-Identifier: GPL-3.0-or-later
/* An answer of the DNS: an identity, a newline, and a message with CAA records. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/caa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct caa_record record[CAA_RECORDS];
	struct finding finding = { .kind = FINDING_CAA };
	const uint8_t *end = memchr(data, '\n', size);
	size_t identity = end ? (size_t)(end - data) : 0, length = end ? size - identity - 1 : size;
	char *identities = calloc(1, identity + 1);
	uint8_t *message = malloc(length + 1); /* its end is the end of its memory, but for one byte */
	int n;

	check(identities && message);
	memcpy(identities, data, identity);
	memcpy(message, data + size - length, length);
	n = caa_read(message, length, record);
	check(n >= -1 && n <= CAA_RECORDS);
	if (n >= 0)
		caa_judge(record, n,
			  &(struct caa_asker){ .identities = identities, .http = size % 2, .dns = size % 3, .wild = size % 5 },
			  &finding);
	check(finding.of_caa.permit < PERMITS && memchr(finding.of_caa.text, '\0', sizeof(finding.of_caa.text)));
	free(message);
	free(identities);
	return 0;
}
