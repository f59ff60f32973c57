/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * problem.h - what to do about an answer of the CA that is no success (RFC 8555, 6.7).
 */
#ifndef ACMEGATE_ACME_PROBLEM_H
#define ACMEGATE_ACME_PROBLEM_H

#include "acme/codec.h"
#include "acme/exchange.h"

/* What a problem means for us. */
enum remedy {
	REMEDY_NONE,	 /* permanent: asking again gives the same answer */
	REMEDY_NONCE,	 /* at once, with another nonce */
	REMEDY_RETRY,	 /* soon: the CA or the network had a moment of weakness */
	REMEDY_BACK_OFF, /* later, not before what the CA says */
	REMEDY_OPERATOR, /* somebody has to act, at the page that the CA names */
};

/* Only the directory may be redirected, and then http.c follows. */
bool remedy_is_redirect(unsigned int status);

enum remedy remedy_of(unsigned int status, const struct problem *problem);

/* How many milliseconds to wait after so many failed tries (0: after the first) when the CA does not say. */
int64_t remedy_delay(int tries);

/* Turns a problem into the fault that a person reads, with what the CA asks for. */
void remedy_explain(struct fault *fault, const struct exchange *exchange, const struct problem *problem,
		    enum remedy remedy);

#endif
