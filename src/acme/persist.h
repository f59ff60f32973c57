/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * persist.h - the records of dns-persist-01 (draft-ietf-acme-dns-persist): is one good for this account, and how is it written down?
 *
 * A record is "ISSUER; accounturi=URI[; policy=wildcard][; persistUntil=SECONDS]" (RFC 8659, 4.2). Names of issuers, tags and policies are
 * compared without regard to case. Tags that are not known are passed over; one that is there twice spoils the record.
 */
#ifndef ACMEGATE_ACME_PERSIST_H
#define ACMEGATE_ACME_PERSIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/own.h"
#include "base/persist.h"

#define PERSIST_ISSUERS 10		    /* a challenge with more is malformed */
#define PERSIST_PREFIX_SIZE (URL_SIZE - 64) /* of accountHashPrefix: a hash comes behind it */

/* The directory's words. */
struct persist_meta {
	char hash_prefix[PERSIST_PREFIX_SIZE]; /* accountHashPrefix (draft -02), or "" */
	uint32_t issuers;		       /* issuerDomainNames */
	char issuer[PERSIST_ISSUERS][NAME_SIZE];
	bool wrong; /* they are malformed, or not all among caaIdentities */
};

/* The challenge's words. */
struct persist_offer {
	uint32_t issuers;
	char issuer[PERSIST_ISSUERS][NAME_SIZE];
	char account[URL_SIZE]; /* accounturi (draft -01), or "" */
};

/* The words that a record needs, for one name. */
struct persist_terms {
	uint32_t issuers;
	char issuer[PERSIST_ISSUERS][NAME_SIZE]; /* any of these; the first is written */
	uint32_t accounts;
	char account[2][URL_SIZE]; /* the same */
	bool wildcard;
	int64_t until; /* to be written, seconds since the epoch; 0: no end */
};

/* The better, the larger. */
enum persist_verdict {
	PERSIST_FOREIGN,   /* for another CA */
	PERSIST_MALFORMED, /* for this one, which refuses it */
	PERSIST_STRANGER,  /* for another account */
	PERSIST_NARROW,	   /* not for a wildcard, which is wanted */
	PERSIST_LAPSED,
	PERSIST_GOOD
};

/* *until: when a good record lapses, in seconds since the epoch; 0: never. */
enum persist_verdict persist_judge(const struct persist_terms *terms, const char *text, int64_t now, int64_t *until);

/* The record for this name in the form of a zone file, in strings of at most 255 octets. */
void persist_write(const struct persist_terms *terms, const char *name, char *text, size_t size);

/* May it be the name of an issuer: lower case, as A-labels, without a dot at its end? */
bool persist_is_issuer(const char *name);

#define ACCOUNT_LABEL_SIZE 18 /* "_", 16 characters, NUL */

/* The label of dns-account-01 before "_acme-challenge": hash is the SHA-256 of the URL of the account. */
void persist_account_label(const unsigned char *hash, char label[ACCOUNT_LABEL_SIZE]);

#endif
