// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/certificate.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "acme/jws.h"
#include "agent/roots.h"
#include "base/log.h"
#include "base/reply.h"
#include "store/crypto.h"
#include "store/csr.h"
#include "store/pkcs12.h"
#include "store/trust.h"

/* The request of a certificate whose key is elsewhere, in DER; its length. The key is a public one. */
static struct key *read_request(const struct signer_role *signer, uint32_t index, unsigned char *der, size_t size, int *length,
				struct fault *fault)
{
	const struct certificate *certificate = signing_certificate(signer, index);
	struct key *key = csr_read(signer->config->csr + certificate->csr_at, certificate->csr_length,
				   signing_names(signer, certificate), certificate->names, der, size, length, fault);

	if (!key)
		(void)fault_at(fault, "%s (csr)", certificate->csr);
	return key;
}

/* A request that cannot be used is told of elsewhere, and is no reason to give the certificate up. */
static bool wants_other_key(const struct signer_role *signer, uint32_t index, const struct bundle *bundle,
			    const struct chain *chain, enum key_type type)
{
	const struct certificate *certificate = signing_certificate(signer, index);
	OWN_KEY struct key *key = NULL;
	struct fault ignored;

	if (!certificate->csr_length)
		return !bundle->key_length || (!certificate->reuse && type != certificate->key);
	key = read_request(signer, index, NULL, 0, NULL, &ignored);
	return key && !chain_has_key(chain, key);
}

/* The store decides what follows from it. */
static void describe(const struct signer_role *signer, uint32_t index, const struct facts *facts, struct verdict *verdict)
{
	const struct certificate *certificate = signing_certificate(signer, index);

	verdict->other_names = !chain_facts_have_names(facts, signing_names(signer, certificate), certificate->names);
	verdict->not_before = facts->not_before;
	verdict->not_after = facts->not_after;
	memcpy(verdict->certid, facts->certid, sizeof(verdict->certid));
	memcpy(verdict->spki, facts->spki, sizeof(verdict->spki));
}

/* PKCS#12 of both, as the configuration wants it; its length. 0: it cannot be made, which is no reason to store nothing. */
static size_t write_form(struct signer_role *signer, const struct certificate *certificate, const struct key *key,
			 const struct chain *chain, void *to, size_t room)
{
	struct fault fault;
	int n = pkcs12_write(key, chain, certificate->name, certificate->password, to, room, &fault);

	if (n >= 0)
		return (size_t)n;
	log_error("certificate %s: %s; its PEM files are as they should be", certificate->name, fault.text);
	signer->failed = true;
	return 0;
}

/* length: of the chain. Does the bundle have PKCS#12 as the configuration wants it? */
static bool has_form(const struct certificate *certificate, const struct bundle *bundle, size_t length, const struct key *key,
		     const struct chain *chain)
{
	const unsigned char *form = (const unsigned char *)bundle->text + bundle->key_length + length;

	return !certificate->pkcs12 ||
	       (bundle->form_length && pkcs12_has(form, bundle->form_length, certificate->password, key, chain));
}

static int examine(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct certificate *certificate = signing_certificate(signer, record->index);
	const struct bundle *bundle = (const void *)record->data;
	size_t length = record->length - sizeof(*bundle) - bundle->key_length - bundle->form_length, leaf, clean;
	struct verdict *verdict = (void *)reply->data;
	OWN_KEY struct key *key = bundle->key_length ? key_read(bundle->text, bundle->key_length, fault) : NULL;
	OWN_CHAIN struct chain *chain = key || !bundle->key_length ? chain_read(bundle->text + bundle->key_length, length, fault) :
								     NULL;
	static struct facts facts;

	*verdict = (struct verdict){ 0 };
	reply->length = sizeof(*verdict);
	if (!chain || chain_facts(chain, &facts, fault) < 0)
		return fault->kind == FAULT_LATER ? -1 : 0;
	(void)chain_text(chain, &leaf, &clean);
	verdict->whole = leaf == bundle->leaf_length && clean == length && (!key || chain_has_key(chain, key));
	if (!verdict->whole)
		return 0;
	describe(signer, record->index, &facts, verdict);
	verdict->other_key = wants_other_key(signer, record->index, bundle, chain, facts.key);
	if (key && !has_form(certificate, bundle, length, key, chain))
		reply->length += write_form(signer, certificate, key, chain, reply->data + sizeof(*verdict),
					    WIRE_DATA - sizeof(*verdict) - bundle->key_length - length);
	memcpy(signer->identity[record->index].certid, facts.certid, sizeof(facts.certid));
	signer->identity[record->index].lifetime = facts.not_after - facts.not_before;
	chain_free(signer->live[record->index]);
	signer->live[record->index] = chain;
	chain = NULL;
	if (signer->config->task.kind == TASK_REVOKE && record->index == signer->config->task.certificate) {
		key_free(signer->revoked_key);
		signer->revoked_key = key;
		key = NULL;
	}
	return 0;
}

/* A fresh key in PEM; its length, or -1. */
static int make_next(enum key_type type, unsigned char spki[SPKI_SIZE], char pem[KEY_PEM_SIZE], struct fault *fault)
{
	OWN_KEY struct key *key = key_generate(type, fault);

	if (!key || key_spki(key, spki, fault) < 0 || key_write(key, pem, fault) < 0)
		return -1;
	return (int)strlen(pem);
}

static int prepare(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct certificate *certificate = signing_certificate(signer, record->index);
	const enum key_type type = certificate->key;
	OWN_KEY struct key *key = record->length ? key_read(record->data, record->length, fault) : NULL;
	struct verdict *verdict = (void *)reply->data;
	int n = 0;

	*verdict = (struct verdict){ .whole = 1 };
	if (!key && record->length && fault->kind == FAULT_LATER)
		return -1;
	if (certificate->csr_length) {
		key_free(key);
		key = read_request(signer, record->index, NULL, 0, NULL, fault);
		if (!key)
			return -1;
	}
	if (key && (certificate->csr_length || key_is(key, type)))
		n = key_spki(key, verdict->spki, fault);
	else
		n = make_next(type, verdict->spki, reply->data + sizeof(*verdict), fault);
	reply->length = sizeof(*verdict) + (n > 0 ? (size_t)n : 0);
	return n < 0 ? -1 : 0;
}

int certificate_serve_storer(void *role, struct fault *fault)
{
	static struct record asked; /* 64 KiB that no stack should carry */
	static struct reply reply;
	struct signer_role *signer = role;
	struct fault why;
	int rc = wire_receive(FD_STORER, &asked, fault);

	if (rc <= 0)
		return rc;
	if ((asked.verb != VERB_EXAMINE && asked.verb != VERB_NEXT_KEY) || asked.index >= signer->config->certificates)
		return fault_set(fault, FAULT_FAILED, "the storer sent %s", verb_name((enum verb)asked.verb));
	rc = (asked.verb == VERB_EXAMINE ? examine : prepare)(signer, &asked, &reply, &why);
	crypto_wipe(asked.data, asked.length);
	rc = rc < 0 ? reply_fault(FD_STORER, &why, fault) :
		      wire_send(FD_STORER, VERB_VERDICT, asked.index, reply.data, reply.length, fault);
	crypto_wipe(reply.data, reply.length);
	return rc < 0 ? -1 : 1;
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

int certificate_on_identity(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	if (require_certificate(signer, record->index, fault) < 0)
		return -1;
	memcpy(reply->data, &signer->identity[record->index], sizeof(struct identity));
	reply->length = sizeof(struct identity);
	return 0;
}

/* The key that the storer gives. NULL: none; a fault, if there is one, that cannot be read. */
static struct key *load_key(enum verb verb, uint32_t index, struct fault *fault)
{
	struct key *key = NULL;

	fault->kind = FAULT_NONE;
	if (signing_ask(verb, index, NULL, 0, fault) < 0)
		return NULL;
	if (signing_reply.length > 0)
		key = key_read(signing_reply.data, signing_reply.length, fault);
	crypto_wipe(signing_reply.data, signing_reply.length);
	return key;
}

/* The key of the order that an earlier run has placed: the CA may have made the certificate already. NULL: there is none of use. */
static struct key *load_orders_key(uint32_t index, const struct certificate *certificate)
{
	struct fault ignored;
	struct key *key = load_key(VERB_LOAD_KEY, index, &ignored);

	if (!key || certificate->reuse || key_is(key, certificate->key))
		return key;
	key_free(key);
	return NULL;
}

/* The one in use, the next one, or a new one. */
static struct key *find_key(uint32_t index, const struct certificate *certificate, struct fault *fault)
{
	struct key *key = NULL;

	fault->kind = FAULT_NONE;
	if (certificate->reuse)
		key = load_key(VERB_CHOOSE_KEY, index, fault);
	return key || fault->kind != FAULT_NONE ? key : key_generate(certificate->key, fault);
}

/* A request, in DER, and the key that it is for. An earlier run may have had it finalized; a request of others always. */
static int make_request(struct signer_role *signer, uint32_t index, unsigned char *der, size_t size, struct fault *fault)
{
	const struct certificate *certificate = signing_certificate(signer, index);
	struct pending *pending = &signer->pending[index];
	int n;

	certificate_forget(pending);
	if (certificate->csr_length) {
		pending->key = read_request(signer, index, der, size, &n, fault);
		pending->finalized = pending->key != NULL;
		return pending->key ? n : -1;
	}
	pending->key = load_orders_key(index, certificate);
	pending->finalized = pending->key != NULL;
	if (!pending->key) /* durable before the CA hears of it: should this run be killed, the next one needs it for what the CA has made */
		pending->key = signing_keep_key(find_key(index, certificate, fault), VERB_SAVE_KEY, index, fault);
	return pending->key ? key_request(pending->key, signing_names(signer, certificate), certificate->names, der, size, fault) :
			      -1;
}

int certificate_on_csr(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	struct pending *pending;
	int n;

	if (require_certificate(signer, record->index, fault) < 0)
		return -1;
	n = make_request(signer, record->index, (unsigned char *)reply->data, sizeof(reply->data), fault);
	if (n < 0)
		return -1;
	pending = &signer->pending[record->index];
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

/* The chain, in clean PEM, and PKCS#12, behind the key. The length of all. */
static size_t fill(struct signer_role *signer, uint32_t index, const struct key *key, const struct chain *chain, struct bundle *bundle)
{
	const struct certificate *certificate = signing_certificate(signer, index);
	size_t leaf, length, used;
	const char *text = chain_text(chain, &leaf, &length);

	bundle->key_length = (uint32_t)strlen(bundle->text);
	bundle->leaf_length = (uint32_t)leaf;
	memcpy(bundle->text + bundle->key_length, text, length);
	used = sizeof(*bundle) + bundle->key_length + length;
	bundle->form_length = 0;
	if (certificate->pkcs12)
		bundle->form_length = (uint32_t)write_form(signer, certificate, key, chain, (char *)bundle + used,
							   used < WIRE_DATA ? WIRE_DATA - used : 0);
	return used + bundle->form_length;
}

int certificate_save(struct signer_role *signer, uint32_t index, const struct key *key, const struct chain *chain, struct fault *fault)
{
	static struct facts facts;
	size_t leaf, length, size;
	struct bundle *bundle;
	int rc;

	(void)chain_text(chain, &leaf, &length);
	size = sizeof(*bundle) + KEY_PEM_SIZE + length;
	size = size < WIRE_DATA ? WIRE_DATA : size;
	bundle = calloc(1, size); /* no byte goes to the storer that was not meant for it */
	if (!bundle)
		return fault_set(fault, FAULT_LATER, "not enough memory for a certificate");
	/* With a request the key is elsewhere. */
	rc = signing_certificate(signer, index)->csr_length ? 0 : key_write(key, bundle->text, fault);
	if (rc == 0)
		rc = chain_facts(chain, &facts, fault);
	if (rc == 0) {
		bundle->not_before = facts.not_before;
		bundle->not_after = facts.not_after;
		memcpy(bundle->certid, facts.certid, sizeof(bundle->certid));
		memcpy(bundle->spki, facts.spki, sizeof(bundle->spki));
		rc = signing_ask(VERB_SAVE, index, bundle, fill(signer, index, key, chain, bundle), fault);
	}
	crypto_wipe(bundle, size);
	free(bundle);
	return rc;
}

/* The certificate has the key that was the next one. Without another one now, the storer asks for it in the next run. */
static void refill(uint32_t index, const struct certificate *certificate)
{
	static _Alignas(struct next_key) char data[sizeof(struct next_key) + KEY_PEM_SIZE];
	struct next_key *next = (void *)data;
	struct fault fault;
	int n = make_next(certificate->key, next->spki, next->pem, &fault);

	if (n < 0 || signing_ask(VERB_SAVE_NEXT, index, next, sizeof(*next) + (size_t)n, &fault) < 0)
		log_warning("certificate %s has no next key, until the next run makes one: %s", certificate->name, fault.text);
	crypto_wipe(data, sizeof(data));
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
	if (certificate_save(signer, record->index, pending->key, chain, fault) < 0)
		return -1;
	certificate_forget(pending);
	if (signing_reply.length == 1 && signing_reply.data[0])
		refill(record->index, certificate);
	return 0;
}
