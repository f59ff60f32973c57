// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/account_key.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "acme/jws.h"
#include "acme/payload.h"
#include "agent/mandate.h"
#include "base/base64url.h"
#include "store/crypto.h"

#define EAB_KEY_SIZE 1024 /* characters of base64url in its file */

/* Takes the stored key of the account. NULL, with the fault, for a key that cannot be used; *key stays NULL if there is none. */
static int take_stored(struct signer_role *signer, struct stored_account *stored, struct fault *fault)
{
	const char *contact = signer->config->acme.contact;
	struct fault ignored;

	if (!stored->key[0])
		return 0;
	signer->account_key = key_read(stored->key, strlen(stored->key), fault);
	if (!signer->account_key)
		return fault->kind == FAULT_LATER ? -1 : 0;
	if (stored->next[0])
		signer->other_key = key_read(stored->next, strlen(stored->next), &ignored);
	snprintf(signer->account.url, sizeof(signer->account.url), "%s", stored->url);
	signer->account.changing = stored->next[0] != '\0' && signer->other_key;
	signer->account.untold = stored->told ? strcmp(stored->contact, contact) != 0 : contact[0] != '\0';
	return 0;
}

/* A key that cannot be used is put aside by the storer, when another one comes. Only a renewal makes an account. */
static int load_account(struct signer_role *signer, struct fault *fault)
{
	struct stored_account *stored = (void *)signing_reply.data;
	int rc;

	if (signing_ask(VERB_LOAD_ACCOUNT, 0, NULL, 0, fault) < 0)
		return -1;
	if (signing_reply.length != sizeof(*stored))
		return fault_set(fault, FAULT_FAILED, "the storer gives an account of %u bytes", signing_reply.length);
	stored->url[sizeof(stored->url) - 1] = stored->key[sizeof(stored->key) - 1] = '\0';
	stored->next[sizeof(stored->next) - 1] = stored->contact[sizeof(stored->contact) - 1] = '\0';
	rc = take_stored(signer, stored, fault);
	crypto_wipe(stored, sizeof(*stored));
	if (rc == 0 && !signer->account_key && signer->config->task.kind == TASK_RENEW)
		signer->account_key = signing_keep_key(key_generate(signer->config->acme.account_key, fault), VERB_SAVE_ACCOUNT, 0,
						       fault);
	if (rc < 0 || (!signer->account_key && signer->config->task.kind == TASK_RENEW))
		return -1;
	return signer->account_key ? key_describe(signer->account_key, &signer->account, fault) : 0;
}

int account_key_on_account(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	(void)record;
	if (!signer->account_key && load_account(signer, fault) < 0)
		return -1;
	memcpy(reply->data, &signer->account, sizeof(signer->account));
	reply->length = sizeof(signer->account);
	return 0;
}

/* RFC 8555, 6.5.1: base64url. */
static int check_nonce(const char *nonce, struct fault *fault)
{
	for (const char *c = nonce; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			return fault_set(fault, FAULT_FAILED, "a nonce with a character that none has is not signed");
	return nonce[0] ? 0 : fault_set(fault, FAULT_FAILED, "a request without a nonce is not signed");
}

/* Frees the text. */
static bool takes(char *expected, const char *payload)
{
	bool same = expected && !strcmp(expected, payload);

	free(expected);
	return same;
}

static bool is_new_account(const struct signer_role *signer, const char *payload)
{
	const struct config *config = signer->config;

	if (takes(payload_new_account("", false, true, NULL), payload))
		return true;
	if (config->task.kind != TASK_RENEW)
		return false;
	return takes(payload_new_account(config->acme.contact, config->acme.accept_terms, false, NULL), payload) ||
	       (signer->binding &&
		takes(payload_new_account(config->acme.contact, config->acme.accept_terms, false, signer->binding), payload));
}

static bool is_order(const struct signer_role *signer, const char *payload)
{
	for (uint32_t i = 0; i < signer->config->certificates; i++) {
		const struct certificate *certificate = signing_certificate(signer, i);
		const char(*names)[NAME_SIZE] = signing_names(signer, certificate);
		const char *certid = signer->identity[i].certid;

		if (!strstr(payload, names[0]))
			continue;
		if (takes(payload_new_order(names, certificate->names, certificate->profile, ""), payload) ||
		    (certid[0] && takes(payload_new_order(names, certificate->names, certificate->profile, certid), payload)))
			return true;
	}
	return false;
}

static bool finalizes(struct signer_role *signer, const char *payload)
{
	for (uint32_t i = 0; i < signer->config->certificates; i++) {
		struct pending *pending = &signer->pending[i];

		if (!pending->finalize || strcmp(pending->finalize, payload) != 0)
			continue;
		pending->finalized = true;
		return true;
	}
	return false;
}

/* The answer to a challenge, a request that we made, an order for the names of a certificate of the configuration. */
static bool renews(struct signer_role *signer, const char *payload)
{
	return signer->config->task.kind == TASK_RENEW &&
	       (!strcmp(payload, "{}") || finalizes(signer, payload) || is_order(signer, payload));
}

/*
 * A payload is signed if it is one that we would have written ourselves: a question, what renews, and what the command line asks for
 * (mandate.h). So the key serves for nothing else, such as an order for other names, or in a renewal the revocation of a certificate.
 */
static int check_payload(struct signer_role *signer, const struct draft *draft, struct fault *fault)
{
	const char *payload = draft->payload;
	bool ours = draft->by_key ? is_new_account(signer, payload) :
				    !payload[0] || renews(signer, payload) || mandate_covers(signer, draft);

	return ours ? 0 : fault_set(fault, FAULT_FAILED, "a request that acmegate does not make is not signed");
}

/* In the name of the key or of the account: the header is ours, algorithm, key or account, and the rest as checked. */
static int sign(const struct account *account, const struct key *key, const struct draft *request, struct reply *reply,
		struct fault *fault)
{
	const struct jws jws = {
		.algorithm = account->algorithm,
		.jwk = request->by_key ? account->jwk : NULL,
		.kid = request->by_key ? NULL : account->url,
		.nonce = request->nonce,
		.url = request->url,
		.payload = request->payload,
	};
	OWN_FREE char *text = NULL;

	if (!request->by_key && !account->url[0])
		return fault_set(fault, FAULT_FAILED, "the account is not known yet");
	text = signing_jws(key, &jws, fault);
	return text ? signing_give_text(reply, text, fault) : -1;
}

/* With csr = FILE its key is elsewhere. */
static int sign_revocation(const struct signer_role *signer, const struct draft *request, struct reply *reply, struct fault *fault)
{
	struct account of_certificate = { .url = "" };

	if (!signer->revoked_key)
		return fault_set(fault, FAULT_FAILED, "the certificate's key is elsewhere, and only the account can revoke it");
	if (key_describe(signer->revoked_key, &of_certificate, fault) < 0)
		return -1;
	return sign(&of_certificate, signer->revoked_key, request, reply, fault);
}

int account_key_on_sign(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct draft *request = (const void *)record->data;

	if (signing_check_url(signer, request->url, fault) < 0 || check_nonce(request->nonce, fault) < 0)
		return -1;
	if (strlen(request->payload) != record->length - sizeof(*request))
		return fault_set(fault, FAULT_FAILED, "a request with a NUL is not signed");
	if (request->by_key && mandate_revokes(signer, request->payload))
		return sign_revocation(signer, request, reply, fault);
	if (signing_require_account(signer, fault) < 0 || check_payload(signer, request, fault) < 0)
		return -1;
	return sign(&signer->account, signer->account_key, request, reply, fault);
}

int account_key_on_account_url(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	(void)reply;
	if (signing_require_account(signer, fault) < 0 || signing_check_url(signer, record->data, fault) < 0 ||
	    signing_ask(VERB_ACCOUNT_URL, 0, record->data, record->length, fault) < 0)
		return -1;
	memcpy(signer->account.url, record->data, record->length + 1); /* with its NUL, see wire.h */
	return 0;
}

/* The key as the CA gave it out: base64url, perhaps with padding and a newline. Returns its length in bytes. */
static long read_eab_key(const char *path, unsigned char key[EAB_KEY_SIZE], struct fault *fault)
{
	size_t n;
	long length;

	if (signing_ask(VERB_LOAD_EAB, 0, NULL, 0, fault) < 0)
		return -1;
	n = signing_reply.length;
	while (n > 0 && (isspace((unsigned char)signing_reply.data[n - 1]) || signing_reply.data[n - 1] == '='))
		n--;
	length = n < EAB_KEY_SIZE ? base64url_decode(key, signing_reply.data, n) : -1;
	crypto_wipe(signing_reply.data, signing_reply.length);
	if (length <= 0)
		return fault_set(fault, FAULT_USAGE,
				 "%s: expected the key for external account binding in base64url, as the CA shows it", path);
	return length;
}

/* RFC 8555, 7.3.4. */
static char *bind_account(const struct signer_role *signer, const char *url, struct fault *fault)
{
	const struct jws jws = { .algorithm = "HS256", .kid = signer->config->acme.eab_kid, .url = url, .payload = signer->account.jwk };
	OWN_FREE char *input = jws_signing_input(&jws);
	unsigned char key[EAB_KEY_SIZE], mac[SHA256_SIZE];
	long length = input ? read_eab_key(signer->config->acme.eab_key_file, key, fault) : -1;
	char *text = NULL;

	if (!input)
		fault_set(fault, FAULT_LATER, "not enough memory for a request");
	if (length > 0 && crypto_hmac(key, (size_t)length, input, strlen(input), mac, fault) == 0) {
		text = jws_flatten(input, mac, sizeof(mac));
		if (!text)
			fault_set(fault, FAULT_LATER, "not enough memory for a request");
	}
	crypto_wipe(key, sizeof(key));
	return text;
}

int account_key_on_sign_eab(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct config *config = signer->config;

	if (!config->acme.eab_key_file[0])
		return fault_set(fault, FAULT_USAGE,
				 "%s: the CA wants an external account binding: set eab_kid and "
				 "eab_key_file in [%s%s]",
				 config->file, CA_SECTION(&config->acme));
	if (!jws_is_plain(config->acme.eab_kid))
		return fault_set(fault, FAULT_USAGE, "eab_kid in [%s%s] has characters that no CA hands out",
				 CA_SECTION(&config->acme));
	if (signing_require_account(signer, fault) < 0 || signing_check_url(signer, record->data, fault) < 0)
		return -1;
	free(signer->binding);
	signer->binding = bind_account(signer, record->data, fault);
	return signer->binding ? signing_give_text(reply, signer->binding, fault) : -1;
}
