/* SPDX-License-Identifier: GPL-3.0-or-later */
/* results.h - how the attempt at each certificate ended: for people, and for the ledger. */
#ifndef ACMEGATE_AGENT_RESULTS_H
#define ACMEGATE_AGENT_RESULTS_H

#include "agent/session.h"

/* Tells of each certificate that failed; the status of the process. */
int results_tell(const struct session *session);

/* For the ledger: how each attempt ended that stored nothing. fault: why all of them did; NULL: each has its own reason. */
void results_keep(const struct session *session, const struct fault *fault);

#endif
