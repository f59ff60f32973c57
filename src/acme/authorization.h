/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * authorization.h - authorizations: the CA's view whether this host controls a name (RFC 8555, 7.5).
 *
 * All orders of a run share one list, so that the port opens once for all. An authorization that two orders have is in it once.
 *
 *	authorizations_add, authorizations_fetch -> authorizations_group -> challenge.h -> authorization_describe
 */
#ifndef ACMEGATE_ACME_AUTHORIZATION_H
#define ACMEGATE_ACME_AUTHORIZATION_H

#include "acme/poll.h"

struct authorization {
	struct authorizations *list; /* that it is in */
	char *url;
	bool fetched;
	uint32_t index;			       /* of the certificate whose order has brought it, */
	const struct certificate *certificate; /* and that certificate; NULL (tests): one with http-01 alone */
	char *name;			       /* its identifier, as the CA spells it, with "*." if it is for a wildcard */
	char *challenge;		       /* URL of the challenge of this type */
	enum challenge_type type;
	char token[TOKEN_SIZE];
	struct persist_offer *offer; /* of a challenge for a standing record; NULL: there is none */
	int64_t lapse;		     /* when that record lapses; seconds since the epoch, 0: never, or none was found */
	uint32_t passed_over;	     /* a bit for each type of challenge that was of no use */
	char *reason;		     /* why; NULL: none was */
	enum state state;
	char *error;		/* why it failed; NULL: valid, or not final yet */
	enum fault_kind kind;	/* of error */
	struct outcome outcome; /* of the attempt, for the ledger, if it fails here; without its step */
	bool wanted;		/* an order that may still succeed needs it */
	bool waits;	/* for the next window: a name over TLS has one certificate, and another authorization is for it, too */
	bool stale;	/* it had failed before we did anything: another order may do better */
	bool under_way; /* an earlier run has responded to its challenge */
	bool doubtful;	/* the CA refused our response, perhaps because it needed none */
	bool dropped;	/* it failed because the warden did not open the port */
	bool published; /* through the DNS: its value is there */
	bool seen;	/* somebody has fetched its token, or the CA has a result */
	char *old_challenge_error;  /* challenge_error of an earlier run, or NULL */
	char *challenge_error;	    /* the challenge's error while the authorization is pending, or NULL */
	int64_t challenge_error_at; /* since when; 0: the CA goes on trying */
	int64_t responded_at;
	struct poll poll;
	unsigned int hits;
	char visitors[256]; /* addresses that fetched the token, separated by ", " */
};

/*
 * The authorizations of one order. An order is ready only if all of them are valid (RFC 8555, 7.1.6), so one poll of the order takes
 * the place of one poll for each name.
 */
struct group {
	const char *url; /* of the order */
	const size_t *member;
	size_t members;
	struct authorizations *list;
	struct poll poll;
};

struct authorizations {
	const char *webroot; /* of http-01: where a web server, whose visitors we do not see, finds the tokens; or NULL */
	struct authorization *item;
	size_t count, room;
	struct group *group;
	size_t groups, group_room;
	struct acme *acme;	      /* from challenges_prepare() on, as the following */
	struct acme_call *calls;      /* one for each pending authorization, then one for each group */
	enum challenge_window window; /* they are those that need this one */
	size_t pending, called;
	struct closed closed[CHALLENGE_WINDOWS]; /* the firewall's counts, once the port is closed */
};

/* Adds the authorization with this URL of an order for this certificate, unless the list has it. Returns its index, or -1: no memory. */
long authorizations_add(struct authorizations *list, const char *url, const struct certificate *certificate,
			uint32_t index) MUST_CHECK;

/* Fetches those that were added or passed over since the last time, all at once. -1: everything has to stop. */
int authorizations_fetch(struct authorizations *list, struct acme *acme, struct fault *fault) MUST_CHECK;

/* These belong to one order. The caller keeps its URL and the indices as long as the list. -1: no memory. */
int authorizations_group(struct authorizations *list, const char *url, const size_t *member, size_t members) MUST_CHECK;

/*
 * Its challenge is of no use on this host, for this reason: authorizations_fetch() fetches it once more, for the next type that the
 * certificate allows. If there is none, it fails.
 */
void authorization_pass_over(struct authorization *authorization, enum fault_kind kind, const char *reason);

/* Is it pending, and does an order want it? */
bool authorization_is_pending(const struct authorization *authorization);

/* Is it pending, does its challenge need this window, and does it not wait for the next? */
bool authorization_is_at_hand(const struct authorization *authorization, enum challenge_window window);

/* Before a window over TLS: of those that are pending for the same name the first is at hand, and the others wait. */
void authorizations_take_turns(struct authorizations *list);

/* Those that need no window and wait for room in the DNS may be at hand again. How many they are. */
size_t authorizations_resume(struct authorizations *list);

/* Is one pending whose challenge needs this window, or the next of its kind? */
bool authorizations_pend(const struct authorizations *list, enum challenge_window window);

void authorization_fail(struct authorization *authorization, enum fault_kind kind, const char *why);

/* The same, because a request for it failed; as done() is told. */
void authorization_fail_request(struct authorization *authorization, const struct exchange *exchange, const struct problem *problem,
				const struct fault *fault);

/* The same, because the CA could not validate the name; type: of its problem, or "". */
void authorization_fail_validation(struct authorization *authorization, const char *type, const char *why);

/* Fails all pending ones of the window at hand: the warden has refused to open the port. */
void authorizations_drop(struct authorizations *list);

/* Notes the error of the challenge of a pending authorization; "": it has none. */
void authorization_note_error(struct authorization *authorization, const char *error, int64_t at);

int authorization_read(const struct acme_call *call, const struct exchange *exchange, struct authorization_object *object,
		       struct fault *fault) MUST_CHECK;

/*
 * Writes "N requests from A, B were answered", or whether packets reached the port at all if that is known. For a failed
 * authorization the text says what to look at.
 */
void authorization_describe(const struct authorization *authorization, char *text, size_t size);

/* Of challenges that were prepared. */
void authorizations_discard_calls(struct authorizations *list);

/* The way of the CA's packets through the firewall, where they were traced, or NULL. It lives as long as the list. */
const char *authorization_evidence(const struct authorization *authorization);

void authorizations_free(struct authorizations *list);

#endif
