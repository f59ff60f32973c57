/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * upkeep.h - keeps the account at the CA as this host has it: a change of its key that an earlier run began is ended, and the CA is told
 * other contacts. For the client.
 */
#ifndef ACMEGATE_AGENT_UPKEEP_H
#define ACMEGATE_AGENT_UPKEEP_H

#include <stdbool.h>

#include "acme/acme.h"

/*
 * Asks the CA which of two keys the account has, and keeps that one. 1: the new one. 0: the old one. -1: the CA did not say: both are
 * kept. *account becomes that of the key.
 */
int upkeep_settle(struct acme *acme, struct account *account, struct fault *fault) MUST_CHECK;

/* The account's URL for all further requests, kept in the store; it comes from acme_account(). */
int upkeep_keep_url(const struct acme *acme, struct fault *fault) MUST_CHECK;

/*
 * Tells the CA the configured contacts. What the CA refuses is not tried again until they change, or acmegate account update does.
 * 0: the CA has them. -1: it has not.
 */
int upkeep_tell(struct acme *acme, const struct config *config, struct fault *fault) MUST_CHECK;

/*
 * Both, as far as there is something to do; before orders. Contacts only in a renewal. An account of another CA is left alone. -1: it is not known which key the
 * account has. That contacts could not be told is no reason to stop: it is logged.
 */
int upkeep_run(struct acme *acme, const struct config *config, struct account *account, struct fault *fault) MUST_CHECK;

#endif
