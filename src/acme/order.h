/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * order.h - orders: from a section of the configuration to the certificate of the CA (RFC 8555, 7.4).
 *
 * Each order has its own fault; one that fails never stops another. A result of -1 means that everything has to stop.
 *
 *	new_order.h -> challenge.h -> order_judge -> finalization_run -> order_free
 */
#ifndef ACMEGATE_ACME_ORDER_H
#define ACMEGATE_ACME_ORDER_H

#include "acme/authorization.h"

enum order_stage { STAGE_FINALIZE, STAGE_POLL, STAGE_DOWNLOAD, STAGE_ALTERNATE };

struct order {
	const struct config *config;
	const struct order_signer *signer;
	uint32_t index;	    /* of the certificate in the configuration */
	struct fault fault; /* FAULT_NONE: no step has failed so far */
	char *url;
	struct order_object object; /* as the CA sent it last */
	size_t *authorization;	    /* indices in struct authorizations, object.authorizations of them */
	char *payload;		    /* of the next request */
	enum order_stage stage;
	int64_t delay;	 /* ms to the next poll */
	int finalized;	 /* how often we tried */
	bool no_account; /* the CA does not know our account */
	bool dropped;	 /* its fault is that the warden did not open the port; the warden has said why */
	bool stored;
	char replaces[CERTID_SIZE]; /* the certificate that it replaces (RFC 9773, 5), or "" */
	char *resume;		    /* URL of an order that an earlier run has placed, or NULL */
	bool has_key;		    /* the signer has the key that belongs to that order */
	bool resumed;		    /* url is that one */
	struct outcome outcome;	    /* if it fails: what is known of it, see order_outcome() */
	const char *evidence;	    /* of the firewall, where a validation failed: struct closed, traced; or NULL */
	/* if the configuration prefers another chain than the CA's default one */
	char *chain;		     /* the default one, PEM */
	char *alternate[ALTERNATES]; /* URLs of the others, or NULL */
	size_t tried;		     /* of them */
	bool other_chain;	     /* stored, but not the chain that the configuration prefers */
};

/* The services of the process that holds the keys; all return -1 and a fault on failure. */
struct order_signer {
	void *context;
	/* Makes a key and the PKCS#10 request for certificate `index`; *der is valid until the next call. */
	int (*make_csr)(void *context, uint32_t index, const void **der, size_t *length, struct fault *fault);
	int (*install)(void *context, uint32_t index, const char *pem, size_t length, struct fault *fault);
	/* The order has this URL; NULL: there is no order that a later run could resume. It is on the disk when this returns. */
	void (*placed)(void *context, uint32_t index, const char *url);
	/* 1: the chain is the one that the configuration prefers. 0: it is another. */
	int (*prefers)(void *context, uint32_t index, const char *pem, size_t length, struct fault *fault);
};

const struct certificate *order_certificate(const struct order *order);
const char (*order_names(const struct order *order))[NAME_SIZE];

/* Marks the authorizations that orders need which may still succeed. */
int order_want(const struct order *orders, size_t n, struct authorizations *list, struct fault *fault) MUST_CHECK;

/* Did orders fail because the CA does not know our account? Resets these for new_order_place() with another account. */
bool order_lacks_account(struct order *orders, size_t n);

/* Gives each order with an authorization that is not valid its fault. */
void order_judge(struct order *orders, size_t n, const struct authorizations *list);

/* Refuses an order object that no waiting can turn into a certificate. */
int order_check(const struct order_object *object, struct fault *fault) MUST_CHECK;

/* Takes the order object of an answer. -1: order->fault says why not. */
int order_read(struct order *order, const struct acme_call *call, const struct exchange *exchange) MUST_CHECK;

/* A request about it has failed. */
void order_fail(struct order *order, const struct exchange *exchange, const struct problem *problem, const struct fault *fault);

/* Forgets the order and its fault; another order can be placed. */
void order_start_over(struct order *order);

/* The end of the attempt. */
struct outcome order_outcome(const struct order *order);

/* Is there an order at the CA that a later run should resume? Not if the CA has refused it, or it was resumed in vain. */
bool order_is_open(const struct order *order);

void order_free(struct order *order);

#endif
