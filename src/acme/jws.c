// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/jws.h"

#include <stdio.h>
#include <string.h>

#include "base/base64url.h"
#include "base/config.h"
#include "base/wire.h"

char *jws_finalize(const void *csr, size_t length)
{
	static const char head[] = "{\"csr\":\"", tail[] = "\"}";
	char *text = malloc(sizeof(head) + BASE64URL_LENGTH(length) + sizeof(tail));

	if (!text)
		return NULL;
	memcpy(text, head, sizeof(head));
	length = base64url_encode(text + strlen(head), csr, length);
	memcpy(text + strlen(head) + length, tail, sizeof(tail));
	return text;
}

/* PEM is base64 of the DER that the CA wants in base64url. */
char *jws_revocation(const char *pem, size_t length, int reason)
{
	static const char head[] = "{\"certificate\":\"", tail[] = "\",\"reason\":%d}";
	const char *at = memchr(pem, '\n', length), *end = pem + length;
	char *text = malloc(sizeof(head) + length + sizeof(tail)), *out = text;

	if (!text)
		return NULL;
	memcpy(out, head, sizeof(head));
	out += strlen(head);
	for (; at && at < end && *at != '-'; at++)
		if (*at == '+' || *at == '/')
			*out++ = *at == '+' ? '-' : '_';
		else if (base64url_is(*at))
			*out++ = *at;
	snprintf(out, sizeof(tail), reason ? tail : "\"}", reason);
	return text;
}

char *jws_key_change(const char *account, const char *jwk)
{
	static const char format[] = "{\"account\":\"%s\",\"oldKey\":%s}";
	size_t room = sizeof(format) + strlen(account) + strlen(jwk);
	char *text = malloc(room);

	if (text)
		snprintf(text, room, format, account, jwk);
	return text;
}

bool jws_is_plain(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e || *text == '"' || *text == '\\')
			return false;
	return true;
}

char *jws_signing_input(const struct jws *jws)
{
	const char *payload = jws->payload ? jws->payload : "";
	char head[JWK_SIZE + 2 * URL_SIZE + 512], *input;
	int n;

	n = snprintf(head, sizeof(head), "{\"alg\":\"%s\",%s%s%s%s%s%s%s\"url\":\"%s\"}", jws->algorithm,
		     jws->jwk ? "\"jwk\":" : "\"kid\":\"", jws->jwk ? jws->jwk : jws->kid, jws->jwk ? "" : "\"", ",",
		     jws->nonce ? "\"nonce\":\"" : "", jws->nonce ? jws->nonce : "", jws->nonce ? "\"," : "", jws->url);
	if (n < 0 || (size_t)n >= sizeof(head))
		return NULL;
	input = malloc(BASE64URL_LENGTH((size_t)n) + BASE64URL_LENGTH(strlen(payload)) + 2);
	if (!input)
		return NULL;
	n = (int)base64url_encode(input, head, (size_t)n);
	input[n] = '.';
	base64url_encode(input + n + 1, payload, strlen(payload));
	return input;
}

char *jws_flatten(const char *input, const void *signature, size_t length)
{
	static const char format[] = "{\"protected\":\"%.*s\",\"payload\":\"%s\",\"signature\":\"";
	size_t dot = strcspn(input, "."), room = sizeof(format) + strlen(input) + BASE64URL_LENGTH(length) + 3;
	char *text = malloc(room);
	int n;

	if (!text)
		return NULL;
	n = snprintf(text, room, format, (int)dot, input, input[dot] ? input + dot + 1 : "");
	n += (int)base64url_encode(text + n, signature, length);
	memcpy(text + n, "\"}", 3);
	return text;
}
