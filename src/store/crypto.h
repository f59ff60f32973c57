/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * crypto.h - keys and certificate chains; the only user of OpenSSL (libcrypto 3, no deprecated call).
 *
 * Two nouns: a struct key is a private key that we made ourselves (account or certificate), a struct chain is what a CA
 * sent. Private parts are wiped when they are released. Faults: FAULT_LATER when memory is short, else FAULT_FAILED.
 */
#ifndef ACMEGATE_STORE_CRYPTO_H
#define ACMEGATE_STORE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/fault.h"
#include "base/wire.h"

#define SIGNATURE_SIZE 512	/* RSA 4096 */
#define SHA256_SIZE 32
#define CHAIN_MAX 8		/* certificates in one chain */

struct key;
struct chain;

/* What a certificate says of itself, in the spelling of struct config. */
struct facts {
	int64_t not_before, not_after;	/* seconds since the epoch */
	enum key_type key;		/* KEY_TYPES: none of those that we make */
	bool other_names;		/* it also carries names that no configuration can ask for */
	uint32_t names;
	char name[MAX_NAMES_EACH][NAME_SIZE];
};

/* Call once before the others: keeps OpenSSL from reading openssl.cnf, which a sandboxed process cannot. */
void crypto_start(void);

/* Overwrites a secret before its memory is given up; the compiler may not leave it out. */
void crypto_wipe(void *secret, size_t length);

int crypto_sha256(const void *data, size_t length, unsigned char digest[SHA256_SIZE], struct fault *fault) MUST_CHECK;

/* HMAC-SHA256 (RFC 2104), for external account binding. */
int crypto_hmac(const void *secret, size_t secret_length, const void *data, size_t length,
		unsigned char mac[SHA256_SIZE], struct fault *fault) MUST_CHECK;

/* A fresh key; the caller releases it with key_free(). NULL on failure. */
struct key *key_generate(enum key_type type, struct fault *fault) MUST_CHECK;

/* Reads an unencrypted PEM private key of one of our types. NULL on failure; the caller releases it with key_free(). */
struct key *key_read(const char *pem, size_t length, struct fault *fault) MUST_CHECK;

/* Writes the key as PKCS#8 PEM, NUL-terminated; the caller wipes it. */
int key_write(const struct key *key, char pem[KEY_PEM_SIZE], struct fault *fault) MUST_CHECK;

void key_free(struct key *key);

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

/*
 * Reads a PEM chain, leaf first: only CERTIFICATE blocks and white space (RFC 8555, 11.4); lines may end in CRLF.
 * NULL on failure; the caller releases it with chain_free().
 */
struct chain *chain_read(const char *pem, size_t length, struct fault *fault) MUST_CHECK;

void chain_free(struct chain *chain);

/* The chain as clean PEM that lives as long as the chain: *length bytes, the first *leaf of them are the leaf. */
const char *chain_text(const struct chain *chain, size_t *leaf, size_t *length);

/* Is this the common name of whoever issued the topmost certificate: of the root, unless the chain stops before that? */
bool chain_is_from(const struct chain *chain, const char *issuer);

/* What the leaf says of itself. */
int chain_facts(const struct chain *chain, struct facts *facts, struct fault *fault) MUST_CHECK;

/* Is the leaf's public key the one of this private key? */
bool chain_has_key(const struct chain *chain, const struct key *key);

/*
 * What must hold before a chain is installed, at the time now (seconds since the epoch): the leaf has our key, names exactly these
 * names, is in its lifetime, is for TLS servers and no CA, and each certificate is signed by the next one.
 */
int chain_verify(const struct chain *chain, const struct key *key, const char (*names)[NAME_SIZE], uint32_t count,
		 int64_t now, struct fault *fault) MUST_CHECK;

/*
 * Has one of these roots (PEM, with any text between) signed the chain, or what it leads up to? As OpenSSL verifies it: signatures,
 * dates, constraints, for a TLS server. A root that signs without an intermediate is as good.
 */
bool chain_leads_to(const struct chain *chain, const char *roots, size_t length, int64_t now);

/*
 * Where no root is known: is it what a CA would issue? Up to the topmost certificate it verifies as above, there is at least one
 * above the leaf, and the lifetime is at most 398 days.
 */
int chain_is_plausible(const struct chain *chain, int64_t now, struct fault *fault) MUST_CHECK;

/* Are these the same names, whatever their order? */
bool facts_have_names(const struct facts *facts, const char (*names)[NAME_SIZE], uint32_t count);

static inline void own_key(struct key **key)
{
	key_free(*key);
}

static inline void own_chain(struct chain **chain)
{
	chain_free(*chain);
}

#define OWN_KEY __attribute__((cleanup(own_key)))
#define OWN_CHAIN __attribute__((cleanup(own_chain)))

#endif
