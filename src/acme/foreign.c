// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/foreign.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "acme/exchange.h"
#include "base/base64url.h"

static void own_json(json_t **json)
{
	json_decref(*json);
}
#define OWN_JSON __attribute__((cleanup(own_json)))

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int take_part(const json_t *object, const char *name, enum jwk_part part, struct jwk *jwk)
{
	const char *text = text_of(object, name);
	size_t length = strlen(text);
	long n = length / 4 * 3 + 3 > JWK_NUMBER ? -1 : base64url_decode(jwk->part[part].byte, text, length);

	jwk->part[part].length = n > 0 ? (size_t)n : 0;
	return n < 0 ? -1 : 0;
}

int foreign_key(const char *text, size_t length, struct jwk *jwk, struct fault *fault)
{
	static const char *const names[JWK_PARTS] = { "n", "e", "d", "p", "q", "dp", "dq", "qi", "x", "y" };
	OWN_JSON json_t *object = json_loadb(text, length, 0, NULL);

	memset(jwk, 0, sizeof(*jwk));
	if (!json_is_object(object))
		return fault_set(fault, FAULT_FAILED, "it is neither PEM nor a key in JSON (JWK)");
	snprintf(jwk->curve, sizeof(jwk->curve), "%s", text_of(object, "crv"));
	if (!strcmp(text_of(object, "kty"), "RSA"))
		jwk->curve[0] = '\0';
	else if (strcmp(text_of(object, "kty"), "EC") != 0 || !jwk->curve[0])
		return fault_set(fault, FAULT_FAILED, "it is a key of a kind that acmegate does not use (kty, crv)");
	for (unsigned int i = 0; i < JWK_PARTS; i++)
		if (take_part(object, names[i], (enum jwk_part)i, jwk) < 0)
			return fault_set(fault, FAULT_FAILED, "its member \"%s\" is not a number in base64url", names[i]);
	return 0;
}

int foreign_account(const char *text, size_t length, char url[URL_SIZE], struct fault *fault)
{
	OWN_JSON json_t *object = length && text[0] == '{' ? json_loadb(text, length, 0, NULL) : NULL;
	const char *found = object ? text_of(object, "uri") : text;

	url[0] = '\0';
	if (!length)
		return 0;
	if (object && !found[0])
		found = text_of(json_object_get(object, "registration"), "uri");
	if (!url_is_valid(found, strnlen(found, URL_SIZE)))
		return fault_set(fault, FAULT_FAILED, "it does not say the account's URL");
	snprintf(url, URL_SIZE, "%s", found);
	return 0;
}
