/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http.h - HTTPS by libcurl, as the transport of exchange.h: the only user of libcurl.
 *
 * One connection with HTTP/2 carries all exchanges at once where the server can; a few connections where it cannot.
 * TLS 1.2 at least. Names are resolved in place, without a thread, and once: so the window of a validation has no
 * lookup in it.
 */
#ifndef ACMEGATE_AGENT_HTTP_H
#define ACMEGATE_AGENT_HTTP_H

#include "acme/exchange.h"

struct http;

/*
 * ca_fd: a PEM file to verify servers with, or -1 for the system's. proxy: http(s)://[user:password@]host:port, or "". The descriptor
 * and the text are not needed any more afterwards. NULL and a fault on failure.
 */
struct http *http_start(int ca_fd, const char *proxy, struct fault *fault) MUST_CHECK;

/*
 * For the host's own web server: only http, whatever the name in the URL, to this address and port ("[::1]:80"), and no redirect is followed.
 * The text must stay. NULL and a fault on failure.
 */
struct http *http_start_plain(const char *address, struct fault *fault) MUST_CHECK;

/*
 * For the API of a section [dns NAME], whose requests have a secret: no redirect is followed, and a URL that begins with http: is one of this
 * host. section: "dns NAME", for messages; the text must stay. NULL and a fault on failure.
 */
struct http *http_start_api(int ca_fd, const char *section, struct fault *fault) MUST_CHECK;

void http_free(struct http *http);

/* The members of struct transport; next also returns 0 as soon as one of `watched` is readable (-1: no descriptor). */
#define HTTP_WATCHED 2
void http_begin(struct http *http, struct exchange *exchange);
int http_next(struct http *http, int64_t milliseconds, const int watched[HTTP_WATCHED], struct exchange **exchange,
	      struct fault *fault) MUST_CHECK;
void http_cancel(struct http *http, struct exchange *exchange);

#endif
