/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * key.h - a private key that we made ourselves, for an account or a certificate. It is wiped when it is released.
 */
#ifndef ACMEGATE_STORE_KEY_H
#define ACMEGATE_STORE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/fault.h"
#include "base/wire.h"

#define SIGNATURE_SIZE 512 /* RSA 4096 */

struct key;

/* A fresh key; the caller releases it with key_free(). NULL on failure. */
struct key *key_generate(enum key_type type, struct fault *fault) MUST_CHECK;

/* Reads an unencrypted PEM private key of one of our types. NULL on failure; the caller releases it with key_free(). */
struct key *key_read(const char *pem, size_t length, struct fault *fault) MUST_CHECK;

/* Writes the key as PKCS#8 PEM, NUL-terminated; the caller wipes it. */
int key_write(const struct key *key, char pem[KEY_PEM_SIZE], struct fault *fault) MUST_CHECK;

void key_free(struct key *key);

bool key_is(const struct key *key, enum key_type type);

/* SHA-256 of its SubjectPublicKeyInfo. */
int key_spki(const struct key *key, unsigned char spki[SPKI_SIZE], struct fault *fault) MUST_CHECK;

/* Fills algorithm, jwk and thumbprint (RFC 7518, 6; RFC 7638, 3); leaves url alone. */
int key_describe(const struct key *key, struct account *account, struct fault *fault) MUST_CHECK;

/* A raw JWS signature over data (RFC 7518, 3.3 and 3.4). Returns its length in bytes or -1. */
int key_sign(const struct key *key, const void *data, size_t length, unsigned char signature[SIGNATURE_SIZE],
	     struct fault *fault) MUST_CHECK;

/*
 * A PKCS#10 request in DER (RFC 2986): empty subject, the names as dNSName or iPAddress (RFC 8738, 3) and nothing else.
 * Returns its length in bytes or -1, also when it exceeds size.
 */
int key_request(const struct key *key, const char (*names)[NAME_SIZE], uint32_t count, unsigned char *der, size_t size,
		struct fault *fault) MUST_CHECK;

static inline void own_key(struct key **key)
{
	key_free(*key);
}

#define OWN_KEY __attribute__((cleanup(own_key)))

#endif
