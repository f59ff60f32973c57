/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * call.h - one request to the CA until it has its answer: signed, on its way, refused and sent again, told to its owner. The owner fills a
 * struct acme_call; the functions are for acme.c, which runs a batch of them.
 */
#ifndef ACMEGATE_ACME_CALL_H
#define ACMEGATE_ACME_CALL_H

#include "acme/codec.h"
#include "acme/exchange.h"
#include "base/wire.h"

#define CALL_FINISHED (-1)

enum call_kind { CALL_SIGNED, CALL_SIGNED_WITH_KEY, CALL_PLAIN }; /* by account URL; by public key; a bare GET */

enum call_state { CALL_IDLE, CALL_FLYING, CALL_TOLD, CALL_ENDED }; /* told: its done() runs */

struct acme_call {
	enum call_kind kind;
	const char *step;    /* the caller's: each fault begins with it, or NULL */
	const char *url;     /* the caller's */
	const char *payload; /* the caller's; JSON, or NULL for POST-as-GET */
	void *context;	     /* the caller's */
	/*
	 * Takes an answer. fault NULL: a 2xx answer. Else the call has failed, and problem is the CA's, or NULL; exchange is NULL
	 * if there was no answer. Returns CALL_FINISHED, or the milliseconds until the call goes out again.
	 */
	int64_t (*done)(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
			const struct fault *fault);
	/* acme.c's and call.c's own from here on, zero at first */
	int64_t at; /* moment of its next turn by the transport's clock; while done() runs: now */
	char *body;
	enum call_state state;
	int tries, nonces;
};

struct acme;

#define HURRY_MOST 4000 /* ms: see acme_hurry() */

/* Signs it with the newest nonce, of which there must be one. */
int call_sign(struct acme *acme, struct acme_call *call, struct fault *fault) MUST_CHECK;

/* Sends it in this free slot. */
void call_fly(struct acme *acme, struct acme_call *call, struct exchange *slot);

/* It gets no nonce, for this fault: tells its owner. */
void call_fail_for_nonce(struct acme *acme, struct acme_call *call, struct fault *fault);

/* Takes its answer, or that none came. -1: the signer has failed. */
int call_take_answer(struct acme *acme, struct acme_call *call, struct exchange *exchange, int64_t now,
		     struct fault *fault) MUST_CHECK;

void call_end(struct acme_call *call);

/* ms; a longer Retry-After ends a call. */
int64_t call_patience(const struct acme *acme);

#endif
