/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * terms.h - what a record of dns-persist-01 has to say at a CA: the dialects of the drafts, by what directory and challenge say.
 *
 * With accountHashPrefix in the directory the account is hashed (draft -02); else the record has its URL, which the challenge may repeat (-01)
 * or not (-00).
 */
#ifndef ACMEGATE_AGENT_TERMS_H
#define ACMEGATE_AGENT_TERMS_H

#include "acme/codec.h"

/* A name whose record is looked for. */
struct subject {
	const char *name; /* without "*." */
	bool wildcard;
	uint32_t index; /* of the certificate */
	int64_t until;	/* for the record that is written; 0: no end */
};

struct account_name {
	const char *url, *thumbprint; /* of its key */
};

/*
 * offer: of the challenge; NULL: there is none yet, and the directory has to say what the CA is called. url: of the directory. FAULT_FAILED:
 * directory or challenge are malformed, or not for this account.
 */
int terms_set(struct persist_terms *terms, const struct account_name *account, const struct directory *directory,
	      const struct persist_offer *offer, const struct subject *subject, const char *url, struct fault *fault) MUST_CHECK;

/* The hash that stands for an account in a record for this name, as base64url; "*": in one for any name. */
int terms_hash(const struct account_name *account, const char *name, char hash[VALUE_SIZE], struct fault *fault) MUST_CHECK;

#endif
