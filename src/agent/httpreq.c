// SPDX-License-Identifier: GPL-3.0-or-later
/* httpreq.c - the API that lego's provider "httpreq" speaks: POST /present and /cleanup with {"fqdn", "value"}. */
#include "agent/provider.h"

#include <stdio.h>
#include <string.h>

#include "base/base64url.h"

#define LOGIN_MOST 255

/* Base64 (RFC 4648, 4), which differs from the alphabet of URLs by two characters and its padding. */
static void encode(char *text, const char *data, size_t length)
{
	size_t used = base64url_encode(text, data, length);

	for (size_t i = 0; i < used; i++)
		text[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	while (used % 4)
		text[used++] = '=';
	text[used] = '\0';
}

int httpreq_start(struct api *api, const char *secret, size_t length, struct fault *fault)
{
	char text[BASE64URL_LENGTH(LOGIN_MOST) + 4];

	if (!length)
		return 0;
	length = strcspn(secret, "\r\n");
	if (length > LOGIN_MOST || !memchr(secret, ':', length) || secret[length + strspn(secret + length, "\r\n")])
		return fault_set(fault, FAULT_USAGE, "%s: expected USER:PASSWORD, one line of at most %d characters",
				 api->secret_file, LOGIN_MOST);
	encode(text, secret, length);
	snprintf(api->header[0], sizeof(api->header[0]), "Authorization: Basic %s", text);
	explicit_bzero(text, sizeof(text));
	return 0;
}

static int ask(struct api *api, const char *path, const struct placed *placed, struct fault *fault)
{
	char body[NAME_SIZE + VALUE_SIZE + 32];

	snprintf(body, sizeof(body), "{\"fqdn\":\"%s.\",\"value\":\"%s\"}", placed->owner, placed->value);
	return api_ask(api, METHOD_POST, path, body, fault);
}

int httpreq_put(struct api *api, const struct placed *placed, struct fault *fault)
{
	return ask(api, "/present", placed, fault);
}

/* A service that looks for the value before it removes it may say that there is none. */
int httpreq_take(struct api *api, const struct placed *placed, struct fault *fault)
{
	return ask(api, "/cleanup", placed, fault) == 0 || api->exchange.status == 404 || api->exchange.status == 410 ? 0 : -1;
}
