/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * authorization.h - authorizations: that the names are ours, as seen by the CA (RFC 8555, 7.5 and 8.3).
 *
 * All orders of a run share one list, so that one window serves all; an authorization that stands in two orders is in
 * it once.
 *
 *	proofs_add, proofs_fetch -> proofs_group -> proofs_arm -> (tokens out, window opens) proofs_answer (window
 *closes) -> proof_tell
 */
#ifndef ACMEGATE_ACME_AUTHORIZATION_H
#define ACMEGATE_ACME_AUTHORIZATION_H

#include "acme/poll.h"

struct proof {
	struct proofs *proofs; /* that it is in */
	char *url;	       /* of the authorization */
	char *name;	       /* of what it is about, as the CA spells it */
	char *challenge;       /* URL of its http-01 challenge */
	char token[TOKEN_SIZE];
	enum state state;
	char *error;	      /* why it is lost; NULL: valid, or not final yet */
	enum fault_kind kind; /* of error */
	bool wanted;	      /* an order that may still succeed needs it */
	bool stale;	      /* lost before we did anything: another order may do better */
	bool under_way;	      /* its challenge has been answered by an earlier run */
	bool doubtful;	      /* the CA refused our answer, perhaps because it needed none */
	bool seen;	      /* its token was fetched, or the CA has said that it is through with it */
	char *old_word;	      /* of an earlier run, what follows; or NULL */
	char *word;	      /* what the CA holds against it while it is pending, or NULL */
	int64_t word_at;      /* since when; 0: the CA says that it goes on trying */
	int64_t answered_at;
	struct look look;
	unsigned int hits;
	char visitors[256]; /* addresses that fetched the token, separated by ", " */
};

/*
 * The authorizations of one order: as soon as it is ready all of them are valid (RFC 8555, 7.1.6), so that one look at
 * the order says what takes as many looks as there are names otherwise.
 */
struct group {
	const char *url; /* of the order */
	const size_t *member;
	size_t members;
	struct proofs *proofs;
	struct look look;
};

struct proofs {
	const char *webroot; /* where a web server finds the tokens, whose visitors we do not see; or NULL */
	struct proof *list;
	size_t count, room, fetched;
	struct group *group;
	size_t groups, group_room;
	struct acme *acme;	 /* once armed, as the following */
	struct acme_call *calls; /* one for each pending one, then one for each group */
	size_t pending;
	struct closed closed; /* what the firewall saw, once the window is closed */
};

/* Takes the URL of an authorization; returns its index, the old one when it is known. -1: no memory. */
long proofs_add(struct proofs *proofs, const char *url) MUST_CHECK;

/* Fetches those added since the last time, all at once. -1: everything has to stop. */
int proofs_fetch(struct proofs *proofs, struct acme *acme, struct fault *fault) MUST_CHECK;

/* These belong to one order; its URL and the indices stay the caller's and live as long. -1: no memory. */
int proofs_group(struct proofs *proofs, const char *url, const size_t *member, size_t members) MUST_CHECK;

/* Is a window needed for this one? */
bool proof_is_pending(const struct proof *proof);

/* Once: prepares the answers of all pending ones: nonces, signatures. Afterwards proofs->pending says how many there
 * are. */
int proofs_arm(struct proofs *proofs, struct acme *acme, struct fault *fault) MUST_CHECK;

/* Answers the challenges and watches until all are final, at most so many milliseconds. */
int proofs_answer(struct proofs *proofs, struct acme *acme, int64_t most, struct fault *fault) MUST_CHECK;

/* Ends all pending ones with this reason. */
void proofs_drop(struct proofs *proofs, enum fault_kind kind, const char *why);

/* Somebody at that address has fetched the token: now, by the transport's clock. */
void proofs_hit(struct proofs *proofs, const struct hit *hit, int64_t now);

/*
 * "N requests from A, B were answered", or as far as that is known, whether packets came to the port at all. For one that is lost
 * the text says what that means.
 */
void proof_tell(const struct proof *proof, char *text, size_t size);

void proofs_free(struct proofs *proofs);

#endif
