/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * signing.h - the state of the signer, and its questions to the storer.
 */
#ifndef ACMEGATE_AGENT_SIGNING_H
#define ACMEGATE_AGENT_SIGNING_H

#include "acme/jws.h"
#include "base/config.h"
#include "base/wire.h"
#include "store/chain.h"

/* The certificate that we have asked the CA for. */
struct pending {
	struct key *key;
	char *finalize; /* the payload with our request, which is what may be signed for it */
	bool finalized; /* it was signed for the CA */
};

/* The content of FD_TRUST or FD_CA_FILE, read when it is needed. */
struct roots {
	bool looked;
	char *text;
	size_t length;
};

struct signer_role {
	const struct config *config;
	struct key *account_key;
	struct account account;
	char *binding;		 /* the external account binding that we made */
	struct key *other_key;	 /* of the account: the new one or the old one, while it is being changed */
	bool other_is_old;	 /* the account key in hand is the new one */
	char *key_change;	 /* the JWS by the new key that we made */
	struct key *revoked_key; /* of the certificate that is to be revoked */
	char *revocation;	 /* the payload for it that we made */
	struct pending pending[MAX_CERTIFICATES];
	struct chain *live[MAX_CERTIFICATES];	    /* the ones in use; NULL: none, or broken */
	struct identity identity[MAX_CERTIFICATES]; /* of them */
	struct roots roots[2];
	bool failed; /* something that a later success does not make good */
};

/* Room for the largest reply. */
struct reply {
	size_t length;
	char data[WIRE_DATA];
};

const struct certificate *signing_certificate(const struct signer_role *signer, uint32_t index);

const char (*signing_names(const struct signer_role *signer, const struct certificate *certificate))[NAME_SIZE];

/* Asks the storer, whose reply is then in signing_reply. */
extern struct record signing_reply;
int signing_ask(enum verb verb, uint32_t index, const void *data, size_t length, struct fault *fault) MUST_CHECK;

/* Takes over the key (NULL: there was a fault), and has the storer save it with that verb: it is durable then. NULL on failure. */
struct key *signing_keep_key(struct key *key, enum verb verb, uint32_t index, struct fault *fault) MUST_CHECK;

/*
 * May a request go to this URL? On the directory's host, whatever the port, or on one that the configuration names: CAs with more than
 * one host are rare.
 */
int signing_check_url(const struct signer_role *signer, const char *url, struct fault *fault) MUST_CHECK;

/* The JWS by this key; the caller frees it. NULL on failure. */
char *signing_jws(const struct key *key, const struct jws *jws, struct fault *fault) MUST_CHECK;

/* Fails until the account key is there. */
int signing_require_account(const struct signer_role *signer, struct fault *fault) MUST_CHECK;

/* The reply is this text; NULL: there was no memory for it. */
int signing_give_text(struct reply *reply, const char *text, struct fault *fault) MUST_CHECK;

/* Serves one verb of the client. */
typedef int signing_handler(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault);

#endif
