// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/foreign.h"

#include <stdio.h>
#include <string.h>

#include "acme/document.h"
#include "acme/exchange.h"
#include "base/base64url.h"

static int take_part(const json_t *object, const char *name, enum jwk_part part, struct jwk *jwk)
{
	const char *text = document_text(object, name);
	size_t length = strlen(text);
	long n = length / 4 * 3 + 3 > JWK_NUMBER ? -1 : base64url_decode(jwk->part[part].byte, text, length);

	jwk->part[part].length = n > 0 ? (size_t)n : 0;
	return n < 0 ? -1 : 0;
}

int foreign_key(const char *text, size_t length, struct jwk *jwk, struct fault *fault)
{
	static const char *const names[JWK_PARTS] = { "n", "e", "d", "p", "q", "dp", "dq", "qi", "x", "y" };
	OWN_JSON json_t *object = document_parse(text, length);

	memset(jwk, 0, sizeof(*jwk));
	if (!object)
		return fault_set(fault, FAULT_FAILED, "it is neither PEM nor a key in JSON (JWK)");
	snprintf(jwk->curve, sizeof(jwk->curve), "%s", document_text(object, "crv"));
	if (!strcmp(document_text(object, "kty"), "RSA"))
		jwk->curve[0] = '\0';
	else if (strcmp(document_text(object, "kty"), "EC") != 0 || !jwk->curve[0])
		return fault_set(fault, FAULT_FAILED, "it is a key of a kind that acmegate does not use (kty, crv)");
	for (unsigned int i = 0; i < JWK_PARTS; i++)
		if (take_part(object, names[i], (enum jwk_part)i, jwk) < 0)
			return fault_set(fault, FAULT_FAILED, "its member \"%s\" is not a number in base64url", names[i]);
	return 0;
}

int foreign_account(const char *text, size_t length, char url[URL_SIZE], struct fault *fault)
{
	OWN_JSON json_t *object = length && text[0] == '{' ? document_parse(text, length) : NULL;
	const char *found = object ? document_text(object, "uri") : text;

	url[0] = '\0';
	if (!length)
		return 0;
	if (object && !found[0])
		found = document_text(json_object_get(object, "registration"), "uri");
	if (!url_is_valid(found, strnlen(found, URL_SIZE)))
		return fault_set(fault, FAULT_FAILED, "it does not say the account's URL");
	snprintf(url, URL_SIZE, "%s", found);
	return 0;
}
