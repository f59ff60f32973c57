/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_answer.h - what libcurl hands over of an answer, within bounds. For http.c. */
#ifndef ACMEGATE_AGENT_HTTP_ANSWER_H
#define ACMEGATE_AGENT_HTTP_ANSWER_H

#include <curl/curl.h>

#include "acme/exchange.h"

struct http_answer {
	struct exchange *exchange;
	size_t headers; /* bytes of them so far */
};

/* For CURLOPT_WRITEFUNCTION, with the exchange, and CURLOPT_HEADERFUNCTION, with the answer. */
size_t http_answer_take_body(char *data, size_t size, size_t n, void *exchange);
size_t http_answer_take_header(char *data, size_t size, size_t n, void *answer);

/* The headers of the last answer, when it was redirected, into the exchange. */
void http_answer_read(CURL *easy, struct exchange *exchange);

#endif
