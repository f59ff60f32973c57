/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * acme.h - the protocol of RFC 8555 over a transport and a signer that it is given: no sockets, no keys, no clock of
 * its own.
 *
 * Work is a batch of calls. Each is one resource that is asked again and again until its done() says that this was the
 * last time; all calls of a batch are on their way at once, as far as nonces and the transport permit. done() may
 * change URL and payload, so that one call can answer a challenge and then watch the authorization.
 *
 *	acme_start -> acme_set_directory -> acme_set_account -> acme_run, ... -> acme_free
 */
#ifndef ACMEGATE_ACME_ACME_H
#define ACMEGATE_ACME_ACME_H

#include "acme/codec.h"
#include "acme/exchange.h"
#include "base/wire.h"

/* Both give a JWS (RFC 7515, 7.2.2) that the caller frees, or NULL: then everything ends. */
struct signer {
	void *context;
	/* A request to this URL, payload NULL for POST-as-GET; in the name of the key for newAccount, else of the account. */
	char *(*sign)(void *context, bool by_key, const char *url, const char *nonce, const char *payload, struct fault *fault);
	/* The external account binding of our key, for newAccount at this URL. */
	char *(*bind)(void *context, const char *url, struct fault *fault);
};

#define CALL_FINISHED (-1)

enum call_kind { CALL_SIGNED, CALL_SIGNED_WITH_KEY, CALL_PLAIN }; /* by account URL; by public key; a bare GET */

struct acme_call {
	enum call_kind kind;
	const char *step;    /* the caller's: what it is for; every failure begins with it. NULL: nothing */
	const char *url;     /* the caller's */
	const char *payload; /* the caller's; JSON, or NULL for POST-as-GET */
	void *context;	     /* the caller's */
	/*
	 * Takes an answer. fault NULL: a 2xx answer. Else it is final: problem is the CA's if it sent one, exchange may
	 * be NULL (no answer). Returns CALL_FINISHED, or after how many milliseconds the call goes out again.
	 */
	int64_t (*done)(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
			const struct fault *fault);
	/* acme.c's own from here on, zero at first */
	int64_t at; /* of its next turn by the transport's clock; while done() runs: now */
	char *body;
	int state, tries, nonces;
};

struct acme;

/* account: as VERB_ACCOUNT gives it. NULL and a fault: no memory, or it is unusable. */
struct acme *acme_start(const struct transport *transport, const struct signer *signer, const struct account *account,
			struct fault *fault) MUST_CHECK;
void acme_free(struct acme *acme);

/* What the CA's URLs are; account.h fetches it. It comes before every call but CALL_PLAIN. */
void acme_set_directory(struct acme *acme, const struct directory *directory);
const struct directory *acme_directory(const struct acme *acme);

/* Makes the calls use this account URL; "": there is none. */
void acme_set_account(struct acme *acme, const char *url);
const char *acme_account(const struct acme *acme);

/* Of the account key, for the answers to challenges (RFC 8555, 8.1). */
const char *acme_thumbprint(const struct acme *acme);

/* The external account binding of our key (RFC 8555, 7.3.4) as a JWS; the caller frees it. */
char *acme_bind(struct acme *acme, struct fault *fault) MUST_CHECK;

/* Has at least n nonces ready, or as many as one keeps; fetches what is missing, all at once. */
int acme_gather_nonces(struct acme *acme, size_t n, struct fault *fault) MUST_CHECK;

/* Signs calls in advance, as far as there are nonces, so that acme_run() sends them without delay. */
int acme_presign(struct acme *acme, struct acme_call *calls, size_t n, struct fault *fault) MUST_CHECK;

/*
 * Gives a call that waits for its next turn, or has not run yet, another moment for it. false: it does not wait: it is
 * on its way or ended, or the CA refused it or could not be reached.
 */
bool acme_move(struct acme_call *call, int64_t at);

/* Has the CA possibly got the same request before, whose answer was lost? For done(). */
bool acme_was_repeated(const struct acme_call *call);

/*
 * While a port is open: an exchange gets HURRY_MOST milliseconds instead of the transport's longest time, is repeated at once
 * when they are over, and a Retry-After of more than that is not waited for.
 */
#define HURRY_MOST 4000
void acme_hurry(struct acme *acme, bool hurry);

/* Ends a call without telling its owner, whatever it is doing; also from a done(). */
void acme_finish(struct acme *acme, struct acme_call *call);

/* By the transport's clock. */
int64_t acme_now(const struct acme *acme);

/* Forgets calls that were signed in advance and will not run. */
void acme_discard(struct acme_call *calls, size_t n);

/*
 * Runs n calls to their end. Those not finished `most` milliseconds from now end with a FAULT_LATER. -1: the transport
 * or the signer said stop; done() is not called any more.
 */
int acme_run(struct acme *acme, struct acme_call *calls, size_t n, int64_t most, struct fault *fault) MUST_CHECK;

#endif
