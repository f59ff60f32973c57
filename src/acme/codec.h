/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec.h - the JSON objects of ACME (RFC 8555, 7.1): the only user of jansson.
 *
 * This is the one place that checks the CA's data: URLs by url_is_valid(), tokens by alphabet and length; texts are reduced to
 * printable ASCII. A member that is missing, null or of another type reads as empty. A function fails only if a member is missing
 * that the caller cannot do without.
 */
#ifndef ACMEGATE_ACME_CODEC_H
#define ACMEGATE_ACME_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "acme/offer.h"
#include "acme/state.h"
#include "base/config.h"
#include "base/fault.h"
#include "base/wire.h"

struct directory {
	char new_nonce[URL_SIZE];
	char new_account[URL_SIZE];
	char new_order[URL_SIZE];
	char revoke_cert[URL_SIZE];  /* or "" */
	char key_change[URL_SIZE];   /* or "" */
	char renewal_info[URL_SIZE]; /* renewalInfo (RFC 9773), or "" */
	char terms[URL_SIZE];	     /* meta.termsOfService (a link to show, of any scheme), or "" */
	bool account_required;	     /* meta.externalAccountRequired */
	char profiles[320];	     /* names in meta.profiles, separated by ", ", or "" */
	char caa[320];		     /* meta.caaIdentities, the same */
	struct persist_meta persist;
};

/* The types of problems (RFC 8555, 6.7) that change what acmegate does. */
enum problem_type {
	PROBLEM_OTHER, /* any other, or none */
	PROBLEM_ACCOUNT_DOES_NOT_EXIST,
	PROBLEM_ALREADY_REVOKED,
	PROBLEM_BAD_NONCE,
	PROBLEM_CAA,
	PROBLEM_CONFLICT, /* of boulder: another request for the same object was faster */
	PROBLEM_EXTERNAL_ACCOUNT_REQUIRED,
	PROBLEM_MALFORMED,
	PROBLEM_ORDER_NOT_READY,
	PROBLEM_RATE_LIMITED,
	PROBLEM_REJECTED_IDENTIFIER,
	PROBLEM_SERVER_INTERNAL,
	PROBLEM_UNAUTHORIZED,
	PROBLEM_UNSUPPORTED_IDENTIFIER,
	PROBLEM_USER_ACTION_REQUIRED,
	PROBLEM_TYPES
};

#define PROBLEM_SIZE 1024
struct problem {
	enum problem_type type;
	char name[sizeof(((struct outcome *)0)->type)]; /* of the type, without "urn:ietf:params:acme:error:" */
	char text[PROBLEM_SIZE];			/* type and detail, then those of each subproblem with its identifier */
	char instance[URL_SIZE];			/* a page for the operator, or "" */
};

struct account_object {
	enum state state;
	char contact[CONTACT_SIZE]; /* separated by ", ", without "mailto:"; or "": none, or the CA does not tell */
};

struct order_object {
	enum state state;
	char finalize[URL_SIZE];    /* or "" */
	char certificate[URL_SIZE]; /* or "" */
	char **authorization;	    /* malloc'ed URLs */
	size_t authorizations;
	char error[PROBLEM_SIZE]; /* why it is invalid, or "" */
};

struct authorization_object {
	enum state state;
	char identifier[NAME_SIZE];
	bool wildcard;	  /* for *.identifier */
	char offers[128]; /* types of the challenges that the CA offers, for messages */
	enum challenge_type type;
	enum state challenge;	      /* of the one of this type */
	char url[URL_SIZE];	      /* of that challenge, or "" when none (usable) is offered */
	char token[TOKEN_SIZE];	      /* "": a kind without one */
	struct persist_offer offer;   /* of that kind */
	char spoiled[OFFER_WHY_SIZE]; /* a challenge was passed over: what is wrong with it; or "" */
	char error[PROBLEM_SIZE];     /* of a challenge of ours, else of another that failed, or "" */
	char error_type[sizeof(((struct outcome *)0)->type)];
	bool own_error; /* error is that of a challenge of ours */
};

struct renewal_info_object {
	char start[64], end[64];    /* of the suggested window, as the CA spells them; "" when missing or longer */
	char explanation[URL_SIZE]; /* or "" */
};

/* Fails when one of the three URLs is missing. */
int codec_directory(const char *text, size_t length, struct directory *directory, struct fault *fault) MUST_CHECK;

/* Fails when it is no JSON object. */
int codec_renewal_info(const char *text, size_t length, struct renewal_info_object *object, struct fault *fault) MUST_CHECK;

/* Never fails: without a problem document the text says so. */
void codec_problem(const char *text, size_t length, unsigned int status, struct problem *problem);

int codec_account(const char *text, size_t length, struct account_object *object, struct fault *fault) MUST_CHECK;

/* The caller releases the object with codec_order_free(). */
int codec_order(const char *text, size_t length, struct order_object *object, struct fault *fault) MUST_CHECK;
void codec_order_free(struct order_object *object);

/* Are the identifiers of this order object exactly these names, in any sequence? */
bool codec_order_is_for(const char *text, size_t length, const char (*names)[NAME_SIZE], size_t count);

/* Is the CA's identifier our name? Compares addresses by value. */
bool codec_same_name(const char *theirs, const char *ours);

/* wanted: n types of challenges, the preferred one first: the first that the CA offers is taken. */
int codec_authorization(const char *text, size_t length, const uint8_t *wanted, size_t n, struct authorization_object *object,
			struct fault *fault) MUST_CHECK;

/* The CA's answer to our response to a challenge: returns the state, and why it failed in error, or "". Never fails. */
enum state codec_challenge(const char *text, size_t length, char error[PROBLEM_SIZE]);

#endif
