/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * problem.h - decides what to do when the CA answers with a problem (RFC 8555, 6.7).
 */
#ifndef ACMEGATE_ACME_PROBLEM_H
#define ACMEGATE_ACME_PROBLEM_H

#include "acme/codec.h"
#include "acme/exchange.h"

enum problem_action {
	ACTION_FAIL,	     /* asking again gives the same answer */
	ACTION_NEW_NONCE,    /* repeat at once with another nonce */
	ACTION_RETRY,	     /* repeat soon: the CA or the network had a moment of weakness */
	ACTION_BACK_OFF,     /* repeat later, not before the CA's Retry-After */
	ACTION_ASK_OPERATOR, /* the administrator has to act, on the page that the CA names */
};

/* Is it a redirect? Only the directory may be redirected, and http.c follows that one. */
bool problem_is_redirect(unsigned int status);

enum problem_action problem_action(unsigned int status, const struct problem *problem);

/* The milliseconds to wait after so many failed tries (0: after the first) when the CA does not say. */
int64_t problem_delay(int tries);

/*
 * The end of an attempt that fails here, for the ledger; the caller adds the step. exchange NULL: the CA has not answered; problem NULL:
 * its answer makes no sense.
 */
struct outcome problem_outcome(const struct exchange *exchange, const struct problem *problem, const struct fault *fault);

/*
 * May newOrder succeed without the certificate that the order would replace? CAs refuse `replaces` by many types and statuses (RFC 9773,
 * 5; 500 too), so only what is certainly about something else says no.
 */
bool problem_may_be_replaces(unsigned int status, const struct problem *problem);

/* Turns a problem into a fault for the administrator, with the CA's Retry-After or page. */
void problem_explain(struct fault *fault, const struct exchange *exchange, const struct problem *problem, enum problem_action action);

#endif
