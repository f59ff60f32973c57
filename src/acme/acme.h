/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * acme.h - runs signed requests of RFC 8555 over the caller's transport and signer: it has no socket, no key and no clock.
 *
 * Work is a batch of calls. A call asks the CA about one resource again and again until its done() returns CALL_FINISHED. All calls
 * of a batch are on their way at once, as far as nonces and the transport permit. done() may change URL and payload, so that
 * one call can respond to a challenge and then poll the authorization.
 *
 *	acme_start -> acme_set_directory -> acme_set_account -> acme_run, ... -> acme_free
 */
#ifndef ACMEGATE_ACME_ACME_H
#define ACMEGATE_ACME_ACME_H

#include "acme/call.h"
#include "acme/signer.h"

/* account: the reply to VERB_ACCOUNT. NULL and a fault: no memory. */
struct acme *acme_start(const struct transport *transport, const struct signer *signer, const struct account *account,
			struct fault *fault) MUST_CHECK;
void acme_free(struct acme *acme);

/* The CA's URLs, from directory_fetch(); before every call but CALL_PLAIN. */
void acme_set_directory(struct acme *acme, const struct directory *directory);
const struct directory *acme_directory(const struct acme *acme);

/* The account URL for the calls; "": none. */
void acme_set_account(struct acme *acme, const char *url);
const char *acme_account(const struct acme *acme);

/* The signer signs with another key from now on: as it has described that. */
void acme_set_key(struct acme *acme, const struct account *account);

/* The thumbprint of the account key, for key authorizations (RFC 8555, 8.1). */
const char *acme_thumbprint(const struct acme *acme);

/* The external account binding of our key (RFC 8555, 7.3.4) as a JWS; the caller frees it. */
char *acme_bind(struct acme *acme, struct fault *fault) MUST_CHECK;

/* Fetches nonces until there are n, or 64 if n is larger; all at once. Of its own failure acme_failure() tells, and of no earlier one. */
int acme_gather_nonces(struct acme *acme, size_t n, struct fault *fault) MUST_CHECK;

/* Signs calls in advance while there are nonces, so that acme_run() sends them without delay. */
int acme_presign(struct acme *acme, struct acme_call *calls, size_t n, struct fault *fault) MUST_CHECK;

/*
 * Sets the moment of the next turn of a call that waits for it, or has not run yet. Returns false for all other calls: on their way,
 * ended, or waiting because the CA refused them or could not be reached.
 */
bool acme_move(struct acme_call *call, int64_t at);

/* For done(): has the CA perhaps got the same request before, and its answer was lost? */
bool acme_was_repeated(const struct acme_call *call);

/*
 * While a port is open: an exchange gets HURRY_MOST milliseconds instead of the transport's longest time and is then repeated at once,
 * and a longer Retry-After ends the call.
 */
void acme_hurry(struct acme *acme, bool hurry);

/* Ends a call in any state without telling its owner; also from a done(). */
void acme_finish(struct acme *acme, struct acme_call *call);

/* The end of the last call that failed, for the ledger; without its step. */
struct outcome acme_failure(const struct acme *acme);

/* Date of the CA's last answer that had one, in seconds since the epoch; 0: none had. */
int64_t acme_date(const struct acme *acme);

/* The time by the transport's clock, in milliseconds. */
int64_t acme_now(const struct acme *acme);

/* Releases calls that were signed in advance and will not run. */
void acme_discard(struct acme_call *calls, size_t n);

/*
 * Runs n calls to their end. Those that have not ended `most` milliseconds from now fail with FAULT_LATER. -1: the transport or the
 * signer has failed; no done() runs any more.
 */
int acme_run(struct acme *acme, struct acme_call *calls, size_t n, int64_t most, struct fault *fault) MUST_CHECK;

#endif
