/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * chain.h - a certificate with the certificates of its issuers, as a CA sent them.
 */
#ifndef ACMEGATE_STORE_CHAIN_H
#define ACMEGATE_STORE_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/fault.h"
#include "base/suggestion.h"
#include "store/key.h"

struct chain;

/* The content of a certificate, spelled as in struct config. */
struct facts {
	int64_t not_before, not_after; /* seconds since the epoch */
	char certid[CERTID_SIZE];      /* how the CA names it (RFC 9773, 4.1), or "" */
	enum key_type key;	       /* KEY_TYPES: another type than ours */
	unsigned char spki[SPKI_SIZE]; /* SHA-256 of its key */
	bool other_names;	       /* it also carries names that no configuration can ask for */
	uint32_t names;
	char name[MAX_NAMES_EACH][NAME_SIZE];
};

/*
 * Reads a PEM chain, leaf first: only CERTIFICATE blocks and white space (RFC 8555, 11.4); lines may end in CRLF.
 * NULL on failure; the caller releases it with chain_free().
 */
struct chain *chain_read(const char *pem, size_t length, struct fault *fault) MUST_CHECK;

void chain_free(struct chain *chain);

/* The chain as clean PEM that lives as long as the chain: *length bytes, the first *leaf of them are the leaf. */
const char *chain_text(const struct chain *chain, size_t *leaf, size_t *length);

/* Is this the common name of the topmost certificate's issuer: of the root, unless the chain ends below it? */
bool chain_is_from(const struct chain *chain, const char *issuer);

/* The common name of the leaf's issuer, or without one its organization, as far as there is room; "": it has neither. */
void chain_issuer(const struct chain *chain, char text[CHAIN_NAME_SIZE]);

/* The content of the leaf. */
int chain_facts(const struct chain *chain, struct facts *facts, struct fault *fault) MUST_CHECK;

/* Is the leaf's public key the one of this private key? */
bool chain_has_key(const struct chain *chain, const struct key *key);

/* Are these the same names, in any sequence? */
bool chain_facts_have_names(const struct facts *facts, const char (*names)[NAME_SIZE], uint32_t count);

static inline void own_chain(struct chain **chain)
{
	chain_free(*chain);
}

#define OWN_CHAIN __attribute__((cleanup(own_chain)))

#endif
