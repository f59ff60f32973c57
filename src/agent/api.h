/* SPDX-License-Identifier: GPL-3.0-or-later */
/* api.h - requests to the API of a section [dns NAME], one at a time, and why one failed. */
#ifndef ACMEGATE_AGENT_API_H
#define ACMEGATE_AGENT_API_H

#include "acme/exchange.h"
#include "agent/http.h"
#include "base/config.h"

#define API_HEADERS 4
#define API_HEADER_SIZE 640

struct api {
	const struct dns *dns;
	const char *secret_file; /* for messages */
	struct http *http;
	struct exchange exchange;		       /* the last one, with its answer */
	char header[API_HEADERS - 1][API_HEADER_SIZE]; /* of every request, or "": what lets it in, with the secret */
};

/*
 * path: behind the section's URL. body: JSON, or NULL. 0: the answer has a status of success. -1: another one, which is then in
 * exchange.status, or none (0). FAULT_USAGE: it was refused, so that nothing was changed.
 */
int api_ask(struct api *api, enum method method, const char *path, const char *body, struct fault *fault) MUST_CHECK;

/* May it be part of a header or of a URL? Printable ASCII without white space, 1 to so many characters. */
bool api_is_word(const char *text, size_t most);

#endif
