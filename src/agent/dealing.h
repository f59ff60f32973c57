/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dealing.h - what the client does at the CA when its task is not to renew: the account, and revocation. */
#ifndef ACMEGATE_AGENT_DEALING_H
#define ACMEGATE_AGENT_DEALING_H

#include "agent/session.h"

/*
 * session->account is the signer's; without a key (jwk is "") the host has none at this CA. With TASK_PERSIST, session->work has the certificates.
 * -1: the task is not done. Logs what was done.
 */
int dealing_run(struct session *session, struct fault *fault) MUST_CHECK;

#endif
