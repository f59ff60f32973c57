/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mandate.h - what the signer signs beside renewals: the configured contacts at any time, the rest only if the command line asks for it.
 * acmegate itself, not the client, has put that task into the configuration.
 */
#ifndef ACMEGATE_AGENT_MANDATE_H
#define ACMEGATE_AGENT_MANDATE_H

#include "agent/signing.h"

/* In the name of the account: its contacts, its deactivation, its new key, a revocation. */
bool mandate_covers(const struct signer_role *signer, const struct draft *draft);

/* In the name of the certificate's key: its revocation. */
bool mandate_revokes(const struct signer_role *signer, const char *payload);

/* VERB_CONTACTS, VERB_REVOCATION, VERB_REVOKED, VERB_RETIRE. */
signing_handler mandate_on_contacts, mandate_on_revocation, mandate_on_revoked, mandate_on_retire;

#endif
