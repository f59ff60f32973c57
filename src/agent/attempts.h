/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * attempts.h - the ledgers of certificates, as the storer keeps them: what is live, when it is due, and each attempt, which is written
 * down before the CA is asked.
 */
#ifndef ACMEGATE_AGENT_ATTEMPTS_H
#define ACMEGATE_AGENT_ATTEMPTS_H

#include "agent/storing.h"

/* Reads the ledger of a certificate, and has it say what is live. */
int attempts_look_up(struct storer *storer, uint32_t index, const struct stored *stored, struct fault *fault) MUST_CHECK;

/* Is the certificate due, whose ledger was read last? */
struct renewal attempts_decide(struct storer *storer, uint32_t index);

/* Serves VERB_ATTEMPT of the warden, before the client is started. */
int attempts_begin(struct storer *storer, const struct record *record, struct fault *fault) MUST_CHECK;

/*
 * The certificate is stored, and stays so whatever becomes of this: without it a later run would not know what was ordered.
 */
void attempts_stored(struct storer *storer, uint32_t index, const struct bundle *bundle);

/* The signer asks for these. */
storer_serve attempts_outcome, attempts_suggestion, attempts_recall, attempts_placed, attempts_save_key, attempts_load_key,
	attempts_lapse;

/* The certificate of the task is revoked: a renewal obtains another one at once. */
storer_serve attempts_revoked;

#endif
