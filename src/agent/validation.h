/* SPDX-License-Identifier: GPL-3.0-or-later */
/* validation.h - the client has the CA validate the names that are pending: through the DNS first, then those that need the window. */
#ifndef ACMEGATE_AGENT_VALIDATION_H
#define ACMEGATE_AGENT_VALIDATION_H

#include "agent/session.h"

/* An order that has failed through the DNS needs no window for its other names. */
int validation_run(struct session *session, struct fault *fault) MUST_CHECK;

/* Logs the names that are valid, with their visitors. */
void validation_tell(const struct session *session);

#endif
