// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER offsetof(struct record, data)

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void check_text(const char *text, size_t size)
{
	check(strnlen(text, size) < size);
}

static void check_texts(const struct record *record)
{
	const struct renewal *renewal = (const void *)record->data;
	const struct outcome *outcome = (const void *)record->data;
	const struct draft *request = (const void *)record->data;
	const struct bundle *bundle = (const void *)record->data;
	const struct token *token = (const void *)record->data;
	const struct hit *hit = (const void *)record->data;

	if (record->verb == VERB_RENEWAL) {
		check(record->length == sizeof(*renewal));
		check_text(renewal->reason, sizeof(renewal->reason));
	} else if (record->verb == VERB_OUTCOME) {
		check(record->length == sizeof(*outcome));
		check_text(outcome->type, sizeof(outcome->type));
		check_text(outcome->detail, sizeof(outcome->detail));
	} else if (record->verb == VERB_SIGN) {
		check(record->length >= sizeof(*request));
		check_text(request->url, sizeof(request->url));
		check_text(request->nonce, sizeof(request->nonce));
	} else if (record->verb == VERB_SAVE || record->verb == VERB_EXAMINE) {
		check(bundle->leaf_length);
		check(sizeof(*bundle) + (size_t)bundle->key_length + bundle->leaf_length + bundle->form_length <= record->length);
	} else if (record->verb == VERB_TOKEN) {
		check(record->length == sizeof(*token));
		check_text(token->token, sizeof(token->token));
		check_text(token->key_authorization, sizeof(token->key_authorization));
	} else if (record->verb == VERB_HIT) {
		check(record->length == sizeof(*hit));
		check_text(hit->token, sizeof(hit->token));
		check_text(hit->address, sizeof(hit->address));
	}
	check(record->data[record->length] == '\0');
}

/* The input is one packet. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record *record;
	struct fault fault = { 0 };

	if (size > HEADER + WIRE_DATA)
		return 0;
	record = malloc(sizeof(*record));
	if (!record)
		abort();
	memset(record, 0xa5, sizeof(*record));
	memcpy(record, data, size);
	if (wire_check(record, size, &fault) < 0) {
		check(fault.kind == FAULT_FAILED && fault.text[0]);
	} else {
		check(record->verb < VERBS && record->index < MAX_CERTIFICATES && record->length == size - HEADER);
		check_texts(record);
	}
	free(record);
	return 0;
}
