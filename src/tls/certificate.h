/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * certificate.h - the certificate that proves a name to the CA (RFC 8737, 3): self-signed, for this name alone, with the digest of the key
 * authorization in a critical extension.
 */
#ifndef ACMEGATE_TLS_CERTIFICATE_H
#define ACMEGATE_TLS_CERTIFICATE_H

#include <openssl/types.h>

#include "base/fault.h"
#include "base/wire.h"

/* A key on P-256 for the life of the process; the caller owns it. NULL: a fault. */
EVP_PKEY *certificate_make_key(struct fault *fault) MUST_CHECK;

/* The certificate; the caller owns it. NULL: OpenSSL has refused. */
X509 *certificate_make(const struct digest *digest, EVP_PKEY *key) MUST_CHECK;

#endif
