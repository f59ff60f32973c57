// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/api.h"

#include <stdio.h>
#include <string.h>

#include "acme/document.h"
#include "base/seam.h"

#define MOST_SECONDS 15 /* for one request and its answer */
#define EXCERPT 160	/* characters of what the service says */

bool api_is_word(const char *text, size_t most)
{
	size_t length = strnlen(text, most + 1);

	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return length > 0 && length <= most;
}

/* The reason as most services give it: a member of the object that they answer with. */
static void excerpt(const struct exchange *exchange, char text[EXCERPT + 8])
{
	static const char *const members[] = { "message", "error", "detail" };
	OWN_JSON json_t *object = document_parse(exchange->data, exchange->used);
	const char *said = "";

	for (size_t i = 0; i < LENGTH_OF(members) && !said[0]; i++)
		said = document_text(object, members[i]);
	snprintf(text, EXCERPT + 8, said[0] ? " (\"%.*s\")" : "%.*s", EXCERPT, said);
}

/* The message says what happened, where, and what helps. */
static int explain_status(const struct api *api, struct fault *fault)
{
	const unsigned int status = api->exchange.status;
	const char *url = api->exchange.url;
	char said[EXCERPT + 8];

	excerpt(&api->exchange, said);
	if (status >= 300 && status < 400)
		return fault_set(
			fault, FAULT_USAGE,
			"%s: status %u: it redirects, and is not followed, since the request has a secret; url must be where that leads",
			url, status);
	if (status == 401 || status == 403)
		return fault_set(fault, FAULT_USAGE, "%s: status %u%s: it does not accept %s%s", url, status, said,
				 api->secret_file[0] ? "what is in " :
						       "a request without a user; put USER:PASSWORD into a credentials_file",
				 api->secret_file);
	if (status == 404 || status == 405)
		return fault_set(fault, FAULT_USAGE, "%s: status %u%s: is url = %s right?", url, status, said, api->dns->url);
	if (status == 429)
		return fault_set(fault, FAULT_LATER, "%s: status 429%s: too many requests; the next run tries again", url, said);
	if (status >= 500)
		return fault_set(fault, FAULT_LATER,
				 "%s: status %u%s: the service has a fault, which its log names; the next run tries again", url,
				 status, said);
	return fault_set(fault, FAULT_USAGE, "%s: status %u%s: it does not do that; its manual says why", url, status, said);
}

static int explain_silence(const struct api *api, struct fault *fault)
{
	const struct exchange *exchange = &api->exchange;

	if (exchange->stalled)
		return fault_set(fault, FAULT_LATER,
				 "%s: no answer in %lld s; does it run, and does a firewall let this host reach it?", exchange->url,
				 (long long)exchange->most / 1000);
	return fault_set(fault, exchange->kind, "%s: %s%s", exchange->url, exchange->reason,
			 exchange->kind == FAULT_LATER ? "; is url right, and does the service run?" : "");
}

static int carry(struct api *api, struct fault *fault)
{
	static const int nobody[HTTP_WATCHED] = { -1, -1 };
	struct exchange *done = NULL;
	int n;

	http_begin(api->http, &api->exchange);
	n = http_next(api->http, api->exchange.most + 1000, nobody, &done, fault);
	if (n == 0) {
		http_cancel(api->http, &api->exchange);
		api->exchange.stalled = true;
	}
	return n < 0 ? -1 : 0;
}

int api_ask(struct api *api, enum method method, const char *path, const char *body, struct fault *fault)
{
	const char *headers[API_HEADERS + 1] = { "Content-Type: application/json", NULL };
	struct exchange *exchange = &api->exchange;
	char url[URL_SIZE * 2];
	int rc;

	for (size_t i = 0, n = 1; i < LENGTH_OF(api->header); i++)
		if (api->header[i][0])
			headers[n++] = api->header[i];
	snprintf(url, sizeof(url), "%s%s", api->dns->url, path);
	exchange_reset(exchange);
	exchange->method = method;
	exchange->url = url;
	exchange->body = body ? body : "";
	exchange->length = strlen(exchange->body);
	exchange->headers = headers;
	exchange->most = seam("hasty") ? 1000 : MOST_SECONDS * 1000;
	rc = carry(api, fault);
	if (rc == 0 && !exchange->status)
		rc = explain_silence(api, fault);
	else if (rc == 0 && (exchange->status < 200 || exchange->status > 299))
		rc = explain_status(api, fault);
	exchange->url = NULL;
	return rc;
}
