/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nonces.h - the nonces that the CA has sent, and when to ask for more (RFC 8555, 6.5 and 7.2).
 */
#ifndef ACMEGATE_ACME_NONCES_H
#define ACMEGATE_ACME_NONCES_H

#include "acme/codec.h"
#include "acme/exchange.h"

#define NONCES_KEPT 128 /* a CA forgets old ones, and there are never more in use at once */

struct nonces {
	char *value[NONCES_KEPT];
	size_t count;
	size_t fetching;	/* newNonce requests on their way */
	int64_t fetch_at;	/* no newNonce before this moment */
	int failures;		/* of newNonce in a row */
	char reason[320];	/* of the last failure */
	struct exchange failed; /* its answer, without the body; status 0: there was none */
};

/* Forgets earlier failures of newNonce. */
void nonces_reset(struct nonces *nonces, int64_t now);

/* Keeps the nonce of an answer, if it has one. */
void nonces_keep(struct nonces *nonces, const char *value);

/* The newest nonce, of which there must be one; the caller frees it. */
char *nonces_take(struct nonces *nonces);

/* Sends newNonce requests to the URL until `wanted` are on their way, as far as there are free exchanges. */
void nonces_fetch(struct nonces *nonces, size_t wanted, int64_t now, struct exchanges *exchanges, const char *url, void *owner);

/*
 * Takes the answer to a newNonce request. After a failure the next request waits as long as the CA asks; for longer than `patience` ms nobody
 * waits, and newNonce has failed. at_once: where the CA does not ask, it need not wait.
 */
void nonces_fetched(struct nonces *nonces, const struct exchange *exchange, int64_t now, int64_t patience, bool at_once);

/* Has newNonce failed too often? Then the fault says why. */
bool nonces_fail(const struct nonces *nonces, struct fault *fault);

/* The refusal of newNonce, whose Retry-After is for the ledger; NULL: there was no answer, or one that says nothing of the CA's load. */
const struct exchange *nonces_refusal(const struct nonces *nonces, struct problem *problem);

void nonces_free(struct nonces *nonces);

#endif
