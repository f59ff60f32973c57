/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * order.h - orders: from a section of the configuration to the chain that the CA issues (RFC 8555, 7.4).
 *
 * Each certificate has its own fault; one that fails never stops another. -1 means that everything has to stop.
 *
 *	issue_place -> proofs of all are made (authorization.h) -> issue_judge -> issue_finish -> issue_free
 */
#ifndef ACMEGATE_ACME_ORDER_H
#define ACMEGATE_ACME_ORDER_H

#include "acme/authorization.h"

enum issue_stage { STAGE_FINALIZE, STAGE_WATCH, STAGE_DOWNLOAD, STAGE_ALTERNATE };

struct issue {
	const struct config *config;
	const struct issue_signer *signer;
	uint32_t index;	    /* of the certificate in the configuration */
	struct fault fault; /* FAULT_NONE: all went well so far */
	char *url;	    /* of the order */
	struct order order;
	size_t *proof; /* indices in struct proofs, as many as order.authorizations */
	char *payload; /* of the next request */
	enum issue_stage stage;
	int64_t delay;	 /* ms to the next look */
	int finalized;	 /* how often we tried */
	bool no_account; /* the CA does not know our account */
	bool stored;
	/* while another chain than the CA's default one is wanted */
	char *chain;		     /* the default one, PEM */
	char *alternate[ALTERNATES]; /* where the CA has others, NULL: nowhere */
	size_t tried;		     /* of them */
	bool other_chain;	     /* stored, but not the chain that the configuration prefers */
};

/* What the holder of keys does for us; both return 0 or -1. */
struct issue_signer {
	void *context;
	/* Makes a key and the request for certificate `index`; *der is valid until the next call. */
	int (*request)(void *context, uint32_t index, const void **der, size_t *length, struct fault *fault);
	int (*install)(void *context, uint32_t index, const char *pem, size_t length, struct fault *fault);
	/* 1: the chain is the one that the configuration prefers. 0: it is another. */
	int (*prefers)(void *context, uint32_t index, const char *pem, size_t length, struct fault *fault);
};

const struct certificate *issue_certificate(const struct issue *issue);

/*
 * Places the orders of all n (those with a fault or an order already are left alone), takes their authorizations into
 * proofs and fetches them. What the CA answers with something old and lost is ordered once more. Proofs that an order
 * with a chance needs are wanted afterwards.
 */
int issue_place(struct issue *issues, size_t n, struct acme *acme, struct proofs *proofs,
		struct fault *fault) MUST_CHECK;

/* Did orders fail because the CA does not know our account? Then they are as new, for issue_place() with another one.
 */
bool issue_lacks_account(struct issue *issues, size_t n);

/* Gives each certificate with a name that could not be proved its fault. */
void issue_judge(struct issue *issues, size_t n, const struct proofs *proofs);

/* Finalizes, waits for, downloads and stores all that have no fault; at most so many milliseconds. */
int issue_finish(struct issue *issues, size_t n, struct acme *acme, int64_t most, struct fault *fault) MUST_CHECK;

void issue_free(struct issue *issue);

#endif
