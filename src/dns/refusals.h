/* SPDX-License-Identifier: GPL-3.0-or-later */
/* refusals.h - why a server refuses a signed message, or why its answer is not believed, and what to do; each server has its own way. */
#ifndef ACMEGATE_DNS_REFUSALS_H
#define ACMEGATE_DNS_REFUSALS_H

#include "base/dns.h"
#include "dns/rcode.h"
#include "dns/transport.h"

enum credence { SIGNATURE_GOOD, SIGNATURE_MISSING, SIGNATURE_OF_ANOTHER, SIGNATURE_BAD, SIGNATURE_OLD, SIGNATURE_CUT };

struct refusal {
	const struct server *server;
	const struct dns *dns;
	const char *what;  /* the name that the message is about */
	const char *types; /* of its records */
	const char *zone;  /* that it would change, or NULL for a question */
	enum rcode rcode;
	enum credence credence; /* on the answer */
	uint16_t tsig_error;	/* of the answer (RFC 8945, 3) */
	uint64_t their_time;	/* seconds since the epoch, if the answer says so; or 0 */
};

/* -1 */
int refusal_explain(const struct refusal *refusal, struct fault *fault);

/* A server that does not say what a zone has. -1: FAULT_LATER, as another one may. */
int refusal_to_tell(const struct server *server, enum rcode rcode, const char *name, struct fault *fault);

#endif
