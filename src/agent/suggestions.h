/* SPDX-License-Identifier: GPL-3.0-or-later */
/* suggestions.h - asks the CA when certificates are due that are so only if it suggests it (RFC 9773), and tells the ledger. */
#ifndef ACMEGATE_AGENT_SUGGESTIONS_H
#define ACMEGATE_AGENT_SUGGESTIONS_H

#include "agent/session.h"

/* Adds an order for each certificate that is due by the answer. Nothing about renewal information is a failure. */
int suggestions_ask(struct session *session, struct fault *fault) MUST_CHECK;

/* The CA is out of reach, for this fault, while nothing is due: it is asked again later. */
int suggestions_put_off(struct session *session, struct fault *fault) MUST_CHECK;

#endif
