/* SPDX-License-Identifier: GPL-3.0-or-later */
/* skew.h - is the clock of this host right enough for the certificates to come? */
#ifndef ACMEGATE_AGENT_SKEW_H
#define ACMEGATE_AGENT_SKEW_H

#include "agent/session.h"

#define SKEW_SHORTEST_LIFETIME \
	(6 * 86400) /* s that it may be ahead, where no certificate says how long they last: what public CAs sell */

/* The certificates to come, as far as those in use tell. */
struct prospect {
	int64_t lifetime;  /* s, of the one that lasts shortest */
	int64_t backdated; /* s that the CA dates each of them back, at least */
};

/* After an answer of the CA. -1: it is off by so much that a certificate would be refused here. */
int skew_check(struct session *session, const struct prospect *prospect, struct fault *fault) MUST_CHECK;

#endif
