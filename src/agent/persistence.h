/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * persistence.h - dns-persist-01 as the client does it: a record stays in the DNS, and says that the CA may issue to this account. Nothing
 * is written and nothing opens. acmegate-dns finds the record, acme/persist.h judges it.
 */
#ifndef ACMEGATE_AGENT_PERSISTENCE_H
#define ACMEGATE_AGENT_PERSISTENCE_H

#include "acme/order.h"
#include "agent/proof.h"

/*
 * Looks for the record of each authorization that has such a challenge. Where all servers of the zone give a good one, the challenge is
 * used; else it is passed over, for the next type of the certificate's, or the authorization fails with the record to set. -1: everything
 * has to stop.
 */
int persistence_settle(const struct proof *proof, struct acme *acme, const struct config *config, struct fault *fault) MUST_CHECK;

/* Tells the ledger of each of these orders when the first of its records lapses. */
void persistence_report(const struct order *orders, size_t n, const struct authorizations *list);

/* Tells the warden of the records of these certificates: VERB_TELL for each name, see told() in persistence.c. */
int persistence_tell(struct acme *acme, const struct config *config, const struct work *work, int dns, struct fault *fault) MUST_CHECK;

#endif
