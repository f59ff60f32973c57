/* SPDX-License-Identifier: GPL-3.0-or-later */
/* revocation.h - asks the CA to revoke a certificate (RFC 8555, 7.6). */
#ifndef ACMEGATE_ACME_REVOCATION_H
#define ACMEGATE_ACME_REVOCATION_H

#include "acme/acme.h"

/*
 * payload: as the signer has written it. with_key: in the name of the certificate's key, not of the account. 1: revoked. 0: it was revoked
 * already. -1: not revoked.
 */
int revocation_send(struct acme *acme, bool with_key, const char *payload, struct fault *fault) MUST_CHECK;

#endif
