/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jws.h - the signed envelope of every request (RFC 8555, 6.2). Plain strings: nothing in it needs escaping.
 */
#ifndef ACMEGATE_ACME_JWS_H
#define ACMEGATE_ACME_JWS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/own.h"

/*
 * The signing input of a JWS: base64url(protected header) "." base64url(payload) (RFC 7515, 5.1). Exactly one of jwk (JSON) and
 * kid; nonce may be NULL (external account binding). All arguments consist of characters that JSON needs not escape.
 * The caller frees it; NULL: no memory.
 */
struct jws {
	const char *algorithm, *jwk, *kid, *nonce, *url, *payload;
};
char *jws_signing_input(const struct jws *jws) MUST_CHECK;

/* The flattened JSON serialisation of a signing input and its signature (RFC 7515, 7.2.2). As above. */
char *jws_flatten(const char *input, const void *signature, size_t length) MUST_CHECK;

/* The payload of finalize for a PKCS#10 request in DER (RFC 8555, 7.4). As above. */
char *jws_finalize(const void *csr, size_t length) MUST_CHECK;

/* The payload of revokeCert (RFC 8555, 7.6) for the certificate that this PEM is; reason: of RFC 5280, 0 for none. As above. */
char *jws_revocation(const char *pem, size_t length, int reason) MUST_CHECK;

/* The payload inside keyChange (RFC 8555, 7.3.5): the account's URL, and the public key that it has had so far. As above. */
char *jws_key_change(const char *account, const char *jwk) MUST_CHECK;

/* The protected header takes the key identifier of the CA unchanged: printable, without quote and backslash. */
bool jws_is_plain(const char *text);

#endif
