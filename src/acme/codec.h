/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec.h - the JSON of ACME (RFC 8555): the only user of jansson.
 *
 * What comes from the CA is checked here once and for all: URLs by url_is_valid(), tokens by their alphabet and length,
 * texts reduced to printable ASCII. A member that is missing, null or of another type reads as empty; a function fails
 * only when what it is asked for cannot be had.
 */
#ifndef ACMEGATE_ACME_CODEC_H
#define ACMEGATE_ACME_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "base/fault.h"
#include "base/wire.h"

struct directory {
	char new_nonce[URL_SIZE];
	char new_account[URL_SIZE];
	char new_order[URL_SIZE];
	char terms[URL_SIZE];  /* meta.termsOfService (a link to show, of any scheme), or "" */
	bool account_required; /* meta.externalAccountRequired */
	char profiles[320];    /* names in meta.profiles, separated by ", ", or "" */
};

/* The states of accounts, orders, authorizations and challenges (RFC 8555, 7.1.6) in one: their words do not collide.
 */
enum state {
	STATE_UNKNOWN,
	STATE_PENDING,
	STATE_READY,
	STATE_PROCESSING,
	STATE_VALID,
	STATE_INVALID,
	STATE_DEACTIVATED,
	STATE_EXPIRED,
	STATE_REVOKED,
	STATES
};

#define PROBLEM_SIZE 1024
struct problem {
	char type[64];		 /* "badNonce": without the prefix urn:ietf:params:acme:error:, or "" */
	char text[PROBLEM_SIZE]; /* type and detail, then those of each subproblem with its identifier */
	char instance[URL_SIZE]; /* a page for the operator, or "" */
};

struct order {
	enum state state;
	char finalize[URL_SIZE];    /* or "" */
	char certificate[URL_SIZE]; /* or "" */
	char **authorization;	    /* malloc'ed URLs */
	size_t authorizations;
	char error[PROBLEM_SIZE]; /* why it is invalid, or "" */
};

struct authorization {
	enum state state;
	char identifier[NAME_SIZE];
	enum state challenge; /* of http-01 */
	char url[URL_SIZE];   /* of the http-01 challenge, or "" when none (usable) is offered */
	char token[TOKEN_SIZE];
	char error[PROBLEM_SIZE]; /* of the http-01 challenge or of another that failed, or "" */
	bool own_error;		  /* it is that of the http-01 challenge */
};

const char *state_name(enum state state);

/* Fails when one of the three URLs is missing. */
int codec_directory(const char *text, size_t length, struct directory *directory, struct fault *fault) MUST_CHECK;

/* Never fails: what is no problem document is an empty one with a text that says so. */
void codec_problem(const char *text, size_t length, unsigned int status, struct problem *problem);

int codec_account(const char *text, size_t length, enum state *state, struct fault *fault) MUST_CHECK;

/* Fills the order, which is then released by order_free(). */
int codec_order(const char *text, size_t length, struct order *order, struct fault *fault) MUST_CHECK;
void order_free(struct order *order);

/* Are the identifiers of this order document exactly these names, in any order? */
bool codec_order_is_for(const char *text, size_t length, const char (*names)[NAME_SIZE], size_t count);

/* Is what the CA calls an identifier our name? Addresses are compared by value. */
bool codec_same_name(const char *theirs, const char *ours);

int codec_authorization(const char *text, size_t length, struct authorization *authorization,
			struct fault *fault) MUST_CHECK;

/* What the CA says of a challenge when it was told to look: its state and why it failed, or "". Never fails. */
enum state codec_challenge(const char *text, size_t length, char error[PROBLEM_SIZE]);

/* Payloads, freed by the caller; NULL: no memory (or a text that is not UTF-8). */
char *codec_new_account(const char *contact, bool agreed, bool only_existing, const char *binding) MUST_CHECK;
char *codec_new_order(const char (*names)[NAME_SIZE], size_t count, const char *profile) MUST_CHECK;

#endif
