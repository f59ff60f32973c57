/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * exchange.h - one HTTP request with its answer, and the transport for it: the interface between acme.c and http.c.
 *
 * acme.c fills in the request, hands the exchange to transport.start(), and does not touch it until transport.next() returns it. The
 * exchange keeps its buffer from one use to the next.
 */
#ifndef ACMEGATE_ACME_EXCHANGE_H
#define ACMEGATE_ACME_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

#define BODY_MOST (256 * 1024) /* of an answer; a chain has about 10 KiB */
#define ALTERNATES 3
#define EXCHANGES_MOST 32 /* on their way at once */

enum method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_DELETE };

struct exchange {
	/* the request; the caller keeps body until the answer */
	enum method method;
	const char *url;
	const char *body;
	size_t length;
	const char *const *headers; /* "NAME: VALUE", NULL behind the last, in the place of those of ACME; or NULL */
	int64_t most;		    /* ms; 0: as long as the transport lets an exchange last */
	void *owner;		    /* the caller's */

	/* the answer */
	unsigned int status; /* HTTP status; 0: there was no answer, see kind and reason */
	enum fault_kind kind;
	bool stalled; /* no answer within the time */
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
	/* Sends the request. A failure becomes the answer. At most EXCHANGES_MOST at once. */
	void (*start)(void *context, struct exchange *exchange);
	/* 1: *exchange has its answer. 0: the time is over. -1: everything has to stop, see fault. */
	int (*next)(void *context, int64_t milliseconds, struct exchange **exchange, struct fault *fault);
	/* Ends an exchange that was started and that next() has not returned. */
	void (*cancel)(void *context, struct exchange *exchange);
	/* A clock in milliseconds that only goes forward. */
	int64_t (*now)(void *context);
};

/* Empties the answer before the next use. */
void exchange_reset(struct exchange *exchange);

/* Adds to the body of the answer. -1: more than BODY_MOST, or no memory. */
int exchange_append(struct exchange *exchange, const void *data, size_t length) MUST_CHECK;

/* Takes one header of the answer into the fields above; the name in any case. Skips malformed headers. */
void exchange_header(struct exchange *exchange, const char *name, const char *value);

/* Retry-After in milliseconds, within [least, most], or -1: there is none. A date counts from Date. */
int64_t exchange_retry_after(const struct exchange *exchange, int64_t least, int64_t most);

void exchange_free(struct exchange *exchange);

/* All exchanges that can be on their way at once; zero at first, but for the transport. */
struct exchanges {
	struct transport transport;
	int64_t most;			      /* ms for each; 0: as long as the transport lets it last */
	struct exchange slot[EXCHANGES_MOST]; /* free when it has no owner */
};

/* NULL: all are in use. */
struct exchange *exchanges_find_free(struct exchanges *exchanges);

/* Starts a free exchange with its request. */
void exchanges_start(struct exchanges *exchanges, struct exchange *exchange, void *owner);

/* Ends all exchanges of this owner. */
void exchanges_cancel(struct exchanges *exchanges, const void *owner);

/* The same, and releases all. */
void exchanges_free(struct exchanges *exchanges, const void *owner);

/* Is it an https URL of fewer than URL_SIZE characters, all of them allowed by RFC 3986 (so no quote, no backslash)? */
bool url_is_valid(const char *url, size_t length);

/* The host of a valid URL, without its port, in place; *length 0: there is none, or there is a user before it. */
const char *url_host(const char *url, size_t *length);

/* Have both the same scheme, host and port? */
bool url_same_origin(const char *one, const char *other);

#endif
