// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64url.h"
#include "agent/request.h"
#include "base/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum request_verdict parse(const char *text, size_t length)
{
	const char *token = NULL;
	size_t n = 0;
	enum request_verdict verdict = request_parse(text, length, &token, &n);

	if (verdict != REQUEST_TOKEN)
		return verdict;
	if (token < text || token + n > text + length || n < 1 || n > TOKEN_SIZE - 1)
		abort();
	for (size_t i = 0; i < n; i++)
		if (!base64url_is(token[i]))
			abort();
	return verdict;
}

/* However the bytes arrive, the verdict is the same, and the last one stands. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1); /* a copy of its own for each length, so that one byte too far is seen */
	enum request_verdict whole;

	memcpy(text, data, size);
	whole = parse(text, size);
	for (size_t n = 0; n < size; n += n < 100 ? 1 : 61) {
		char *part = malloc(n + 1);
		enum request_verdict verdict;

		memcpy(part, data, n);
		verdict = parse(part, n);
		free(part);
		if (verdict != REQUEST_MORE && verdict != whole)
			abort();
	}
	if (size >= REQUEST_SIZE && whole == REQUEST_MORE)
		abort();
	free(text);
	return 0;
}
