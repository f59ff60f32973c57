// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/http_answer.h"

#include <stdio.h>

#define HEADERS_MOST (64 * 1024) /* bytes of an answer */

size_t http_answer_take_body(char *data, size_t size, size_t n, void *context)
{
	struct exchange *exchange = context;

	if (exchange_append(exchange, data, size * n) == 0)
		return size * n;
	snprintf(exchange->reason, sizeof(exchange->reason), "the answer is larger than %d bytes", BODY_MOST);
	return CURL_WRITEFUNC_ERROR;
}

/* libcurl would take 300 KB and then be out of memory. */
size_t http_answer_take_header(char *data, size_t size, size_t n, void *context)
{
	struct http_answer *answer = context;

	(void)data;
	answer->headers += size * n;
	if (answer->headers <= HEADERS_MOST)
		return size * n;
	snprintf(answer->exchange->reason, sizeof(answer->exchange->reason), "the headers of the answer are larger than %d bytes",
		 HEADERS_MOST);
	return CURL_WRITEFUNC_ERROR;
}

void http_answer_read(CURL *easy, struct exchange *exchange)
{
	static const char *const wanted[] = { "Replay-Nonce", "Location", "Date", "Retry-After", "Link" };
	struct curl_header *header;

	for (size_t i = 0; i < LENGTH_OF(wanted); i++) {
		size_t amount = 1;

		for (size_t k = 0; k < amount; k++) { /* -1: of the last answer, when it was redirected */
			if (curl_easy_header(easy, wanted[i], k, CURLH_HEADER, -1, &header) != CURLHE_OK)
				break;
			amount = header->amount;
			exchange_header(exchange, wanted[i], header->value);
		}
	}
}
