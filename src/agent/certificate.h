/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * certificate.h - the keys of certificates: requests for them, and checks of the chains that the CA and the storer send.
 */
#ifndef ACMEGATE_AGENT_CERTIFICATE_H
#define ACMEGATE_AGENT_CERTIFICATE_H

#include "agent/signing.h"

signing_handler certificate_on_csr, certificate_on_prefers, certificate_on_install, certificate_on_identity;

/*
 * Checks a stored key and chain, and keeps the chain for certificate_on_install(). The reply is that of VERB_VERDICT. -1: no memory.
 */
int certificate_examine(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault) MUST_CHECK;

/* Judges the next key of reuse_key, and makes another if it is none of the configured type. The reply is that of VERB_NEXT_KEY. */
int certificate_prepare(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault) MUST_CHECK;

void certificate_forget(struct pending *pending);

#endif
