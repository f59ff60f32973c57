// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/examination.h"

#include <stdlib.h>
#include <string.h>

#include "base/own.h"

static struct record record; /* the last one received: 64 KiB that no stack should carry */

void examination_forget(struct examination *examination)
{
	if (examination->fresh)
		explicit_bzero(examination->fresh, examination->length);
	free(examination->fresh);
	examination->fresh = NULL;
	explicit_bzero(record.data, record.length);
	record.length = 0;
}

/* The verdict; what came behind it is in the record. */
static int ask(struct examination *examination, enum verb verb, const void *data, size_t length, struct verdict *verdict,
	       struct fault *fault)
{
	int rc = wire_send(FD_SIGNER, verb, examination->index, data, length, fault) < 0 ?
			 -1 :
			 wire_await(FD_SIGNER, &record, verb == VERB_NEXT_KEY ? WIRE_KEY_PATIENCE : WIRE_PATIENCE, fault);

	examination->lost = rc <= 0 || (record.verb != VERB_FAULT && record.verb != VERB_VERDICT);
	if (rc < 0)
		return fault_at(fault, "the signer");
	if (rc == 0)
		return fault_set(fault, FAULT_FAILED, "the signer has ended");
	if (record.verb == VERB_FAULT)
		return fault_set(fault, FAULT_LATER, "%s", record.data);
	if (examination->lost)
		return fault_set(fault, FAULT_FAILED, "the signer answers %s with %s", verb_name(verb),
				 verb_name((enum verb)record.verb));
	memcpy(verdict, record.data, sizeof(*verdict));
	return 0;
}

/* bundle: what the signer was asked about. Its answer has another PKCS#12, or nothing, behind the verdict. */
static int keep_form(struct examination *examination, const struct bundle *bundle, size_t length, struct fault *fault)
{
	const size_t form = record.length - sizeof(struct verdict);

	if (!form)
		return 0;
	length -= bundle->form_length;
	examination->fresh = malloc(length + form);
	if (!examination->fresh)
		return fault_errno(fault, FAULT_LATER, "keeping PKCS#12");
	memcpy(examination->fresh, bundle, length);
	examination->fresh->form_length = (uint32_t)form;
	memcpy((char *)examination->fresh + length, record.data + sizeof(struct verdict), form);
	examination->length = length + form;
	return 0;
}

int examination_ask(void *context, const struct bundle *bundle, size_t length, struct verdict *verdict, struct fault *fault)
{
	struct examination *examination = context;

	examination_forget(examination);
	if (ask(examination, VERB_EXAMINE, bundle, length, verdict, fault) < 0)
		return -1;
	return keep_form(examination, bundle, length, fault);
}

int examination_prepare(struct examination *examination, const char *pem, size_t length, struct verdict *verdict,
			const char **fresh, size_t *fresh_length, struct fault *fault)
{
	if (ask(examination, VERB_NEXT_KEY, pem, length, verdict, fault) < 0)
		return -1;
	*fresh_length = record.length - sizeof(*verdict);
	*fresh = *fresh_length ? record.data + sizeof(*verdict) : NULL;
	return *fresh_length < KEY_PEM_SIZE ? 0 : fault_set(fault, FAULT_FAILED, "the signer makes no next key");
}
