// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/certificate.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "acme/jws.h"
#include "agent/roots.h"
#include "store/crypto.h"
#include "store/trust.h"

/* The store decides what follows from it. */
static void describe(const struct signer_role *signer, uint32_t index, const struct facts *facts, struct verdict *verdict)
{
	const struct certificate *certificate = signing_certificate(signer, index);

	verdict->other_names = !chain_facts_have_names(facts, signing_names(signer, certificate), certificate->names);
	verdict->other_key = facts->key != certificate->key;
	verdict->not_before = facts->not_before;
	verdict->not_after = facts->not_after;
	memcpy(verdict->certid, facts->certid, sizeof(verdict->certid));
}

int certificate_examine(struct signer_role *signer, const struct record *record, struct verdict *verdict, struct fault *fault)
{
	const struct bundle *bundle = (const void *)record->data;
	size_t length = record->length - sizeof(*bundle) - bundle->key_length, leaf, clean;
	OWN_KEY struct key *key = key_read(bundle->text, bundle->key_length, fault);
	OWN_CHAIN struct chain *chain = key ? chain_read(bundle->text + bundle->key_length, length, fault) : NULL;
	static struct facts facts;

	if (!chain || chain_facts(chain, &facts, fault) < 0)
		return fault->kind == FAULT_LATER ? -1 : 0;
	(void)chain_text(chain, &leaf, &clean);
	verdict->whole = leaf == bundle->leaf_length && clean == length && chain_has_key(chain, key);
	if (!verdict->whole)
		return 0;
	describe(signer, record->index, &facts, verdict);
	chain_free(signer->live[record->index]);
	signer->live[record->index] = chain;
	chain = NULL;
	return 0;
}

static int require_certificate(const struct signer_role *signer, uint32_t index, struct fault *fault)
{
	if (index >= signer->config->certificates)
		return fault_set(fault, FAULT_FAILED, "there is no certificate %u in the configuration", index);
	return 0;
}

void certificate_forget(struct pending *pending)
{
	key_free(pending->key);
	free(pending->finalize);
	*pending = (struct pending){ 0 };
}

int certificate_on_csr(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct certificate *certificate;
	struct pending *pending;
	int n;

	if (require_certificate(signer, record->index, fault) < 0)
		return -1;
	certificate = signing_certificate(signer, record->index);
	pending = &signer->pending[record->index];
	certificate_forget(pending);
	pending->key = key_generate(certificate->key, fault);
	if (!pending->key)
		return -1;
	n = key_request(pending->key, signing_names(signer, certificate), certificate->names, (unsigned char *)reply->data,
			sizeof(reply->data), fault);
	if (n < 0)
		return -1;
	pending->finalize = jws_finalize(reply->data, (size_t)n);
	if (!pending->finalize)
		return fault_set(fault, FAULT_LATER, "not enough memory for a request");
	reply->length = (size_t)n;
	return 0;
}

int certificate_on_prefers(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	OWN_CHAIN struct chain *chain = NULL;

	if (require_certificate(signer, record->index, fault) < 0)
		return -1;
	chain = chain_read(record->data, record->length, fault);
	if (!chain)
		return -1;
	reply->data[0] = chain_is_from(chain, signing_certificate(signer, record->index)->chain) ? 1 : 0;
	reply->length = 1;
	return 0;
}

/* Sends the key and the chain, in clean PEM, to be stored. */
static int save(uint32_t index, const struct key *key, const struct chain *chain, struct fault *fault)
{
	static struct facts facts;
	size_t leaf, length;
	const char *text = chain_text(chain, &leaf, &length);
	struct bundle *bundle = malloc(sizeof(*bundle) + KEY_PEM_SIZE + length);
	int rc;

	if (!bundle)
		return fault_set(fault, FAULT_LATER, "not enough memory for a certificate");
	rc = key_write(key, bundle->text, fault);
	if (rc == 0)
		rc = chain_facts(chain, &facts, fault);
	if (rc == 0) {
		bundle->not_before = facts.not_before;
		bundle->not_after = facts.not_after;
		memcpy(bundle->certid, facts.certid, sizeof(bundle->certid));
		bundle->key_length = (uint32_t)strlen(bundle->text);
		bundle->leaf_length = (uint32_t)leaf;
		memcpy(bundle->text + bundle->key_length, text, length);
		rc = signing_ask(VERB_SAVE, index, bundle, sizeof(*bundle) + bundle->key_length + length, fault);
	}
	crypto_wipe(bundle, sizeof(*bundle) + KEY_PEM_SIZE);
	free(bundle);
	return rc;
}

int certificate_on_install(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct certificate *certificate;
	OWN_CHAIN struct chain *chain = NULL;
	struct pending *pending;

	(void)reply;
	if (require_certificate(signer, record->index, fault) < 0)
		return -1;
	certificate = signing_certificate(signer, record->index);
	pending = &signer->pending[record->index];
	if (!pending->key || !pending->finalized)
		return fault_set(fault, FAULT_FAILED, "a certificate that was not asked for");
	chain = chain_read(record->data, record->length, fault);
	if (!chain ||
	    trust_verify(chain, pending->key, signing_names(signer, certificate), certificate->names, time(NULL), fault) < 0 ||
	    roots_check(signer, record->index, chain, fault) < 0)
		return fault_at(fault, "certificate %s is not installed", certificate->name);
	if (save(record->index, pending->key, chain, fault) < 0)
		return -1;
	certificate_forget(pending);
	return 0;
}
