// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/questions.h"

#include <stdio.h>
#include <string.h>

#include "agent/channel.h"
#include "base/log.h"

struct record questions_reply; /* 64 KiB that no stack should carry */

/* The signer's reply is then in questions_reply. */
int questions_ask(enum verb verb, uint32_t index, const void *data, size_t length, struct fault *fault)
{
	return channel_ask(FD_SIGNER, "signer", verb, index, data, length, &questions_reply, fault);
}

/* The text that the signer has answered; the caller frees it. */
static char *take_text(struct fault *fault)
{
	char *text = strndup(questions_reply.data, questions_reply.length);

	if (!text)
		fault_set(fault, FAULT_LATER, "not enough memory for a request");
	return text;
}

static char *sign(void *context, bool by_key, const char *url, const char *nonce, const char *payload, struct fault *fault)
{
	size_t length = payload ? strlen(payload) : 0;
	struct draft *draft = calloc(1, sizeof(*draft) + length);
	int rc = -1;

	(void)context;
	if (!draft)
		fault_set(fault, FAULT_LATER, "not enough memory for a request");
	else if (snprintf(draft->url, sizeof(draft->url), "%s", url) >= (int)sizeof(draft->url) ||
		 snprintf(draft->nonce, sizeof(draft->nonce), "%s", nonce) >= (int)sizeof(draft->nonce))
		fault_set(fault, FAULT_FAILED, "the CA's URL or nonce is too long");
	else {
		draft->by_key = by_key;
		if (payload)
			/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): it ends with the record */
			memcpy(draft->payload, payload, length);
		rc = questions_ask(VERB_SIGN, 0, draft, sizeof(*draft) + length, fault);
	}
	free(draft);
	return rc < 0 ? NULL : take_text(fault);
}

static char *bind_account(void *context, const char *url, struct fault *fault)
{
	(void)context;
	return questions_ask(VERB_SIGN_EAB, 0, url, strlen(url), fault) < 0 ? NULL : take_text(fault);
}

static int request(void *context, uint32_t index, const void **der, size_t *length, struct fault *fault)
{
	(void)context;
	if (questions_ask(VERB_CSR, index, NULL, 0, fault) < 0)
		return -1;
	*der = questions_reply.data;
	*length = questions_reply.length;
	return 0;
}

static int install(void *context, uint32_t index, const char *pem, size_t length, struct fault *fault)
{
	(void)context;
	return questions_ask(VERB_INSTALL, index, pem, length, fault);
}

/* Without it a later run would order anew. That is no reason to end this one. */
static void placed(void *context, uint32_t index, const char *url)
{
	struct fault fault;

	(void)context;
	if (questions_ask(VERB_PLACED, index, url, url ? strlen(url) : 0, &fault) < 0)
		log_warning("the URL of an order is not kept for a later run: %s", fault.text);
}

static int prefers(void *context, uint32_t index, const char *pem, size_t length, struct fault *fault)
{
	(void)context;
	if (questions_ask(VERB_PREFERS, index, pem, length, fault) < 0)
		return -1;
	return questions_reply.length == 1 && questions_reply.data[0] == 1;
}

int questions_take(enum verb verb, uint32_t index, void *out, size_t size, struct fault *fault)
{
	if (questions_ask(verb, index, NULL, 0, fault) < 0)
		return -1;
	if (questions_reply.length != size)
		return fault_set(fault, FAULT_FAILED, "the signer answers %s with %u bytes", verb_name(verb), questions_reply.length);
	memcpy(out, questions_reply.data, size);
	return 0;
}

const struct signer questions_signer = { .sign = sign, .bind = bind_account };

const struct order_signer questions_order_signer = { .make_csr = request, .install = install, .placed = placed, .prefers = prefers };
