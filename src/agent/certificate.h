/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * certificate.h - the keys of certificates: requests for them, and checks of the chains that the CA and the storer send.
 */
#ifndef ACMEGATE_AGENT_CERTIFICATE_H
#define ACMEGATE_AGENT_CERTIFICATE_H

#include "agent/signing.h"

signing_handler certificate_on_csr, certificate_on_prefers, certificate_on_install, certificate_on_identity;

/*
 * Serves one record of the storer: checks a stored key and chain, and keeps the chain for certificate_on_install(); or judges the next key of
 * reuse_key, and makes another if it is none of the configured type. 1: served. 0: the storer has gone, as it does at the end. -1: it makes no
 * sense.
 */
int certificate_serve_storer(void *role, struct fault *fault) MUST_CHECK;

/* Sends key, chain and PKCS#12 to be stored. */
int certificate_save(struct signer_role *signer, uint32_t index, const struct key *key, const struct chain *chain,
		     struct fault *fault) MUST_CHECK;

void certificate_forget(struct pending *pending);

#endif
