/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * exchange.h - one HTTP request with its answer, and what carries it: the seam between the protocol (acme) and libcurl
 * (http).
 *
 * The asking side fills the request and hands the exchange to transport.start(); it stays untouched by that side until
 * transport.next() gives it back. Its buffer is kept from one use to the next.
 */
#ifndef ACMEGATE_ACME_EXCHANGE_H
#define ACMEGATE_ACME_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

#define BODY_MOST      (256 * 1024) /* of an answer; a chain has some 10 KiB */
#define ALTERNATES     3
#define EXCHANGES_MOST 32 /* on their way at once */

enum method { METHOD_GET, METHOD_HEAD, METHOD_POST };

struct exchange {
	/* the request; body is the caller's and lives until the answer */
	enum method method;
	const char *url;
	const char *body;
	size_t length;
	int64_t most; /* ms; 0: as long as the transport lets an exchange last */
	void *owner;  /* the caller's */

	/* the answer */
	unsigned int status; /* HTTP status; 0: there was none, see fault and reason */
	enum fault_kind kind;
	bool stalled; /* no answer because its time was over */
	char reason[320];
	char *data; /* the body, a NUL behind it; NULL when there was none */
	size_t used, room;
	char nonce[NONCE_SIZE];		      /* Replay-Nonce, or "" */
	char location[URL_SIZE];	      /* Location if it is an https URL, or "" */
	char alternate[ALTERNATES][URL_SIZE]; /* Link: <...>;rel="alternate", or "" */
	int64_t date;			      /* Date as seconds since the epoch, or 0 */
	int64_t retry_at;		      /* Retry-After as a date, or 0 */
	int64_t retry_seconds;		      /* Retry-After as a number, or -1 */
};

struct transport {
	void *context;
	/* Sends the request of the exchange; whatever goes wrong becomes its answer. At most EXCHANGES_MOST at once. */
	void (*start)(void *context, struct exchange *exchange);
	/* 1: *exchange has its answer. 0: the time is over. -1: everything has to stop, see fault. */
	int (*next)(void *context, int64_t milliseconds, struct exchange **exchange, struct fault *fault);
	/* Gives up an exchange that was started and has not come back. */
	void (*cancel)(void *context, struct exchange *exchange);
	/* A clock in milliseconds that only goes forward. */
	int64_t (*now)(void *context);
};

/* Empties the answer before the next use. */
void exchange_reset(struct exchange *exchange);

/* Adds to the body. -1: it would exceed BODY_MOST, or memory is short. */
int exchange_append(struct exchange *exchange, const void *data, size_t length) MUST_CHECK;

/* Takes one header of the answer into the fields above; name in any case. What is malformed is left out. */
void exchange_header(struct exchange *exchange, const char *name, const char *value);

/* The wish of Retry-After in milliseconds within [least, most], or -1 when there is none. A date counts from Date. */
int64_t exchange_retry_after(const struct exchange *exchange, int64_t least, int64_t most);

void exchange_free(struct exchange *exchange);

/* Is it an https URL of fewer than URL_SIZE characters, all of them allowed by RFC 3986 (so no quote, no backslash)? */
bool url_is_valid(const char *url, size_t length);

/* Have both the same scheme, host and port? */
bool url_same_origin(const char *one, const char *other);

#endif
