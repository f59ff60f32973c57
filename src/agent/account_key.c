// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/account_key.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "acme/codec.h"
#include "acme/exchange.h"
#include "acme/jws.h"
#include "base/base64url.h"
#include "store/crypto.h"

#define EAB_KEY_SIZE 1024 /* characters of base64url in its file */

static int make_account_key(struct signer_role *signer, struct fault *fault)
{
	OWN_KEY struct key *key = key_generate(signer->config->acme.account_key, fault);
	char pem[KEY_PEM_SIZE];
	int rc;

	if (!key || key_write(key, pem, fault) < 0)
		return -1;
	rc = signing_ask(VERB_SAVE_ACCOUNT, 0, pem, strlen(pem), fault);
	crypto_wipe(pem, sizeof(pem));
	if (rc < 0)
		return -1;
	signer->account_key = key;
	key = NULL;
	return 0;
}

/* A key that cannot be used is put aside by the storer, when another one comes. */
static int load_account(struct signer_role *signer, struct fault *fault)
{
	struct stored_account *stored = (void *)signing_reply.data;

	if (signing_ask(VERB_LOAD_ACCOUNT, 0, NULL, 0, fault) < 0)
		return -1;
	if (signing_reply.length != sizeof(*stored))
		return fault_set(fault, FAULT_FAILED, "the storer gives an account of %u bytes", signing_reply.length);
	stored->url[sizeof(stored->url) - 1] = stored->key[sizeof(stored->key) - 1] = '\0';
	if (stored->key[0])
		signer->account_key = key_read(stored->key, strlen(stored->key), fault);
	if (signer->account_key)
		snprintf(signer->account.url, sizeof(signer->account.url), "%s", stored->url);
	crypto_wipe(stored, sizeof(*stored));
	if (!signer->account_key && stored->key[0] && fault->kind == FAULT_LATER)
		return -1;
	if (!signer->account_key && make_account_key(signer, fault) < 0)
		return -1;
	return key_describe(signer->account_key, &signer->account, fault);
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

static bool is_listed(const char *list, const char *host, size_t length)
{
	for (size_t n; *list; list += n) {
		list += strspn(list, " ");
		n = strcspn(list, " ");
		if (n == length && !strncasecmp(list, host, n))
			return true;
	}
	return false;
}

/* On the directory's host, whatever the port, or on one that the configuration names: CAs with more than one host are rare. */
static int check_url(const struct signer_role *signer, const char *url, struct fault *fault)
{
	const char *directory = signer->config->acme.directory, *host, *home;
	size_t length, home_length;

	if (!url_is_valid(url, strnlen(url, URL_SIZE)))
		return fault_set(fault, FAULT_FAILED, "a request for what is no https URL is not signed");
	host = url_host(url, &length);
	home = url_host(directory, &home_length);
	if (length && length == home_length && !strncasecmp(host, home, length))
		return 0;
	if (length && is_listed(signer->config->acme.hosts, host, length))
		return 0;
	return fault_set(fault, FAULT_FAILED,
			 "a request to %.*s is not signed: that is not the host of the directory; if the CA says "
			 "it is its own, name it as hosts in [%s%s] of %s",
			 (int)(length < 128 ? length : 128), host, CA_SECTION(&signer->config->acme), signer->config->file);
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

	return takes(codec_new_account("", false, true, NULL), payload) ||
	       takes(codec_new_account(config->acme.contact, config->acme.accept_terms, false, NULL), payload) ||
	       (signer->binding &&
		takes(codec_new_account(config->acme.contact, config->acme.accept_terms, false, signer->binding), payload));
}

static bool is_order(const struct signer_role *signer, const char *payload)
{
	for (uint32_t i = 0; i < signer->config->certificates; i++) {
		const struct certificate *certificate = signing_certificate(signer, i);
		const char(*names)[NAME_SIZE] = signing_names(signer, certificate);
		const char *certid = signer->identity[i].certid;

		if (!strstr(payload, names[0]))
			continue;
		if (takes(codec_new_order(names, certificate->names, certificate->profile, ""), payload) ||
		    (certid[0] && takes(codec_new_order(names, certificate->names, certificate->profile, certid), payload)))
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

/*
 * A payload is signed if it is one that we would have written ourselves: a question, the answer to a challenge, an order for the names
 * of a certificate of the configuration, a request that we made. So the key serves for nothing else, such as the revocation of a
 * certificate or an order for other names.
 */
static int check_payload(struct signer_role *signer, const char *payload, bool by_key, struct fault *fault)
{
	bool ours = by_key ? is_new_account(signer, payload) :
			     !payload[0] || !strcmp(payload, "{}") || finalizes(signer, payload) || is_order(signer, payload);

	return ours ? 0 : fault_set(fault, FAULT_FAILED, "a request that acmegate does not make is not signed");
}

static int give_text(struct reply *reply, char *text, struct fault *fault)
{
	if (!text)
		return fault_set(fault, FAULT_LATER, "not enough memory for a request");
	reply->length = strlen(text);
	if (reply->length > sizeof(reply->data))
		return fault_set(fault, FAULT_FAILED, "a request of %zu bytes is too long", reply->length);
	memcpy(reply->data, text, reply->length);
	return 0;
}

/* The header is ours: algorithm, key or account, and the rest as checked. */
static int sign(const struct signer_role *signer, const struct jws *jws, struct reply *reply, struct fault *fault)
{
	OWN_FREE char *input = jws_signing_input(jws), *text = NULL;
	unsigned char signature[SIGNATURE_SIZE];
	int n;

	if (!input)
		return fault_set(fault, FAULT_LATER, "not enough memory for a request");
	n = key_sign(signer->account_key, input, strlen(input), signature, fault);
	if (n < 0)
		return -1;
	text = jws_flatten(input, signature, (size_t)n);
	return give_text(reply, text, fault);
}

int account_key_on_sign(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct draft *request = (const void *)record->data;
	struct jws jws = {
		.algorithm = signer->account.algorithm,
		.nonce = request->nonce,
		.url = request->url,
		.payload = request->payload,
	};

	if (signing_require_account(signer, fault) < 0 || check_url(signer, request->url, fault) < 0 ||
	    check_nonce(request->nonce, fault) < 0)
		return -1;
	if (strlen(request->payload) != record->length - sizeof(*request))
		return fault_set(fault, FAULT_FAILED, "a request with a NUL is not signed");
	if (check_payload(signer, request->payload, request->by_key, fault) < 0)
		return -1;
	if (request->by_key)
		jws.jwk = signer->account.jwk;
	else if (signer->account.url[0])
		jws.kid = signer->account.url;
	else
		return fault_set(fault, FAULT_FAILED, "the account is not known yet");
	return sign(signer, &jws, reply, fault);
}

int account_key_on_account_url(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	(void)reply;
	if (signing_require_account(signer, fault) < 0 || check_url(signer, record->data, fault) < 0 ||
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
	if (signing_require_account(signer, fault) < 0 || check_url(signer, record->data, fault) < 0)
		return -1;
	free(signer->binding);
	signer->binding = bind_account(signer, record->data, fault);
	return signer->binding ? give_text(reply, signer->binding, fault) : -1;
}
