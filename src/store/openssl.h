/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * openssl.h - what crypto.c, key.c, jwk.c, chain.c, csr.c, pkcs12.c and trust.c share about OpenSSL; nobody else includes OpenSSL (libcrypto 3).
 */
#ifndef ACMEGATE_STORE_OPENSSL_H
#define ACMEGATE_STORE_OPENSSL_H

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>

#include "base/config.h"
#include "base/fault.h"
#include "base/wire.h"

struct key {
	EVP_PKEY *pkey;
	enum key_type type;
};

#define CHAIN_MAX 8 /* certificates in one chain */

struct chain {
	size_t count;
	X509 *certificate[CHAIN_MAX];
	BIO *text;
	size_t leaf; /* bytes of text that are the leaf's */
};

/* NOLINTBEGIN(bugprone-macro-parentheses): a type takes none */
#define OWN_OPENSSL(type, release) \
	static inline void own_##release(type **pointer) \
	{ \
		release(*pointer); \
	}
/* NOLINTEND(bugprone-macro-parentheses) */
#define OWN(release) __attribute__((cleanup(own_##release)))
OWN_OPENSSL(BIO, BIO_free_all)

/* OpenSSL has refused: a fault with its reason, and an empty error queue. Returns -1. */
int openssl_fault(struct fault *fault, const char *what);

/* Takes over pkey, whatever becomes of it. */
struct key *openssl_wrap(EVP_PKEY *pkey, enum key_type type, struct fault *fault) MUST_CHECK;

/* The type of this key; KEY_TYPES: none of ours. */
enum key_type openssl_key_type(const EVP_PKEY *pkey);

/* SHA-256 of the public key in DER (SubjectPublicKeyInfo). */
int openssl_spki(const EVP_PKEY *pkey, unsigned char spki[SPKI_SIZE], struct fault *fault) MUST_CHECK;

/* Takes over pkey, and releases it if it is of no type of ours: NULL. */
struct key *openssl_take_key(EVP_PKEY *pkey, struct fault *fault) MUST_CHECK;

/* Seconds since the epoch, or 0. */
int64_t openssl_seconds(const ASN1_TIME *time);

/* The octets of an address (RFC 8738, 3: an iPAddress of 4 or 16); returns their number, 0 for a DNS name. */
int openssl_address(const char *name, unsigned char address[16]);

/* Adds these names to the facts. */
struct facts;
void openssl_take_names(const GENERAL_NAMES *list, struct facts *facts);

/* PEM text from at to end. */
struct cursor {
	const char *at, *end;
};

/*
 * Decodes the next CERTIFICATE block into scratch, which is as long as the text. Returns the bytes of DER, 0 at the end of the
 * text, -1 for anything but a block; PEM_read_bio() skips other text.
 */
int openssl_next_block(struct cursor *cursor, unsigned char *scratch);

#endif
