// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/offer.h"

#include <stdio.h>
#include <string.h>

#include "acme/document.h"
#include "acme/exchange.h"

/* A text of printable characters that ends no parameter of a record; else "". */
static void copy_prefix(char prefix[PERSIST_PREFIX_SIZE], const char *text)
{
	const size_t length = strlen(text);

	prefix[0] = '\0';
	if (length >= PERSIST_PREFIX_SIZE)
		return;
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~' || strchr(";\"\\", text[i]))
			return;
	memcpy(prefix, text, length + 1);
}

/* false: these are not one to PERSIST_ISSUERS names as the draft wants them. */
static bool take_issuers(const json_t *names, char issuer[PERSIST_ISSUERS][NAME_SIZE], uint32_t *issuers)
{
	const size_t number = json_array_size(names);

	*issuers = 0;
	if (!number || number > PERSIST_ISSUERS)
		return false;
	for (size_t i = 0; i < number; i++) {
		const char *name = json_string_value(json_array_get(names, i));

		if (!name || !persist_is_issuer(name))
			return false;
		memcpy(issuer[i], name, strlen(name) + 1);
	}
	*issuers = (uint32_t)number;
	return true;
}

static bool is_among(const char *name, const json_t *names)
{
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *other = json_string_value(json_array_get(names, i));

		if (other && !strcmp(name, other))
			return true;
	}
	return false;
}

void offer_read_meta(const json_t *object, struct persist_meta *meta)
{
	const json_t *names = json_object_get(object, "issuerDomainNames"), *identities = json_object_get(object, "caaIdentities");

	copy_prefix(meta->hash_prefix, document_text(object, "accountHashPrefix"));
	meta->wrong = names && !take_issuers(names, meta->issuer, &meta->issuers);
	for (uint32_t i = 0; i < meta->issuers; i++)
		meta->wrong |= json_array_size(identities) && !is_among(meta->issuer[i], identities);
}

/* Drafts -00 and -01 spell the member in another way. */
bool offer_read(const json_t *challenge, struct persist_offer *offer, char why[OFFER_WHY_SIZE])
{
	const char *account = document_text(challenge, "accounturi");
	const json_t *names = json_object_get(challenge, "issuerDomainNames");

	memset(offer, 0, sizeof(*offer));
	if (!names)
		names = json_object_get(challenge, "issuer-domain-names");
	if (!take_issuers(names, offer->issuer, &offer->issuers)) {
		snprintf(why, OFFER_WHY_SIZE, "its dns-persist-01 is malformed: it has %zu names of issuers, or one of them is none",
			 json_array_size(names));
		return false;
	}
	if (account[0] && !url_is_valid(account, strlen(account))) {
		snprintf(why, OFFER_WHY_SIZE, "its dns-persist-01 is malformed: its accounturi is no https URL");
		return false;
	}
	memcpy(offer->account, account, strlen(account) + 1);
	return true;
}
