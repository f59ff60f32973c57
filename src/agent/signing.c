// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/signing.h"

#include <string.h>
#include <strings.h>

#include "acme/exchange.h"
#include "agent/channel.h"
#include "store/crypto.h"

struct record signing_reply; /* 64 KiB that no stack should carry */

const struct certificate *signing_certificate(const struct signer_role *signer, uint32_t index)
{
	return &signer->config->certificate[index];
}

const char (*signing_names(const struct signer_role *signer, const struct certificate *certificate))[NAME_SIZE]
{
	return &signer->config->name[certificate->first_name];
}

int signing_ask(enum verb verb, uint32_t index, const void *data, size_t length, struct fault *fault)
{
	return channel_ask(FD_STORER, "storer", verb, index, data, length, &signing_reply, fault);
}

struct key *signing_keep_key(struct key *key, enum verb verb, uint32_t index, struct fault *fault)
{
	char pem[KEY_PEM_SIZE];
	bool saved = key && key_write(key, pem, fault) == 0 && signing_ask(verb, index, pem, strlen(pem), fault) == 0;

	crypto_wipe(pem, sizeof(pem));
	if (saved)
		return key;
	key_free(key);
	return NULL;
}

int signing_require_account(const struct signer_role *signer, struct fault *fault)
{
	return signer->account_key ? 0 : fault_set(fault, FAULT_FAILED, "the client must ask for the account first");
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

int signing_check_url(const struct signer_role *signer, const char *url, struct fault *fault)
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

int signing_give_text(struct reply *reply, const char *text, struct fault *fault)
{
	if (!text)
		return fault_set(fault, FAULT_LATER, "not enough memory for a request");
	reply->length = strlen(text);
	if (reply->length > sizeof(reply->data))
		return fault_set(fault, FAULT_FAILED, "a request of %zu bytes is too long", reply->length);
	memcpy(reply->data, text, reply->length);
	return 0;
}

char *signing_jws(const struct key *key, const struct jws *jws, struct fault *fault)
{
	OWN_FREE char *input = jws_signing_input(jws);
	unsigned char signature[SIGNATURE_SIZE];
	char *text = NULL;
	int n = input ? key_sign(key, input, strlen(input), signature, fault) : 0;

	if (n > 0)
		text = jws_flatten(input, signature, (size_t)n);
	if (!text && n >= 0)
		fault_set(fault, FAULT_LATER, "not enough memory for a request");
	return text;
}
