/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * storing.h - what the files of the storer share: storer.c serves signer and warden, attempts.c keeps the ledgers of certificates,
 * next_key.c the keys of reuse_key.
 */
#ifndef ACMEGATE_AGENT_STORING_H
#define ACMEGATE_AGENT_STORING_H

#include "agent/webroot.h"
#include "base/wire.h"
#include "store/ledger.h"
#include "store/secret.h"
#include "store/store.h"

#define EAB_FILE_SIZE 4096

struct storer {
	const struct config *config;
	struct store store;
	struct webroot webroot;
	int ledgers; /* their directory */
	struct secret secret;
	struct ledger ledger; /* the last one read */
	struct seen {
		bool present, broken, other_names, other_key, deploy, due;
		bool asked;	/* the CA has answered when it suggests to renew it */
		bool attempted; /* an attempt has begun, and has not ended */
		bool saved;
		bool unusable; /* its request is */
	} seen[MAX_CERTIFICATES];
	bool saved_account;
	bool warden_lost;
	bool failed; /* something that a later success does not make good */
};

struct reply {
	size_t length;
	union {
		struct stored_account account;
		struct renewal renewal;
		struct recalled recalled;
		char text[EAB_FILE_SIZE];
	} data;
};

static inline const struct certificate *certificate_of(const struct storer *storer, uint32_t index)
{
	return &storer->config->certificate[index];
}

/* The ledger of a certificate, which is then in storer->ledger. */
int storing_read_ledger(struct storer *storer, const struct certificate *certificate, struct fault *fault) MUST_CHECK;
int storing_write_ledger(const struct storer *storer, const struct certificate *certificate, struct fault *fault) MUST_CHECK;

/* A certificate that an attempt is made for; its ledger has been read. */
int storing_find_attempt(struct storer *storer, const struct record *record, struct fault *fault) MUST_CHECK;

/* Serves one verb; what it puts into the reply goes back to who asked. -1: refused, or failed. */
typedef int storer_serve(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault);

#endif
