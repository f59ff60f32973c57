/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bundle.h - keys and certificates as signer and storer hand them to each other: bytes to the storer. Part of wire.h.
 */
#ifndef ACMEGATE_BASE_BUNDLE_H
#define ACMEGATE_BASE_BUNDLE_H

#include <stdint.h>

#include "base/bounds.h"
#include "base/suggestion.h"

#define KEY_PEM_SIZE 4096 /* PKCS#8 of RSA 4096 takes 3272 characters */
#define SPKI_SIZE 32	  /* SHA-256 of a SubjectPublicKeyInfo: what a TLSA record 3 1 1 has of a key (RFC 6698) */

/* A private key and its chain, as bytes. Text has the key (PEM), the chain (PEM), and both as PKCS#12, or nothing. */
struct bundle {
	uint32_t key_length;	       /* 0: the key is elsewhere */
	uint32_t leaf_length;	       /* of the chain, which begins with the certificate itself */
	uint32_t form_length;	       /* of PKCS#12; 0: none */
	int64_t not_before, not_after; /* with VERB_SAVE, for the ledger: seconds since the epoch, and the certID */
	char certid[CERTID_SIZE];
	unsigned char spki[SPKI_SIZE]; /* with VERB_SAVE: of the key */
	char text[];
};
#define CHAIN_SIZE (WIRE_DATA - KEY_PEM_SIZE - sizeof(struct bundle))

struct verdict {
	uint8_t whole;		       /* key and chain belong together and are as we write them; 0: ignore the rest */
	uint8_t other_names;	       /* than the configured ones */
	uint8_t other_key;	       /* the same for the type of key */
	int64_t not_before, not_after; /* seconds since the epoch */
	char certid[CERTID_SIZE];      /* of RFC 9773, or "" */
	unsigned char spki[SPKI_SIZE]; /* of the key */
};

/* A key that no order has had yet. */
struct next_key {
	unsigned char spki[SPKI_SIZE];
	char pem[];
};

/* The account or the certificate that another client has left. */
struct estate {
	uint8_t account; /* 1: key (PEM, or JSON as certbot keeps it) and what the CA said (JSON, or the URL). 0: PEM in any sequence */
	uint32_t key_length; /* of text, for an account */
	char text[];
};

/* The importer's reply. */
struct found {
	uint8_t present;	       /* an account: there is one in the store, which stays */
	uint8_t key;		       /* enum key_type */
	int64_t not_before, not_after; /* of a certificate: seconds since the epoch */
	char url[URL_SIZE];	       /* of an account, or "" */
	char names[];		       /* of a certificate, separated by spaces */
};

#endif
