// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/validation.h"

#include <string.h>

#include "acme/challenge.h"
#include "agent/agent.h"
#include "agent/idna.h"
#include "agent/persistence.h"
#include "agent/proof.h"
#include "agent/whereabouts.h"
#include "base/clock.h"
#include "base/log.h"

#define DNS_MOST 180000 /* ms that a CA may take to look values up: nothing is open for it */

/* The time that we try: so much less than what is left of the warden's limit that it never has to use it. */
static int64_t window_most(const struct session *session)
{
	int64_t most = (int64_t)session->config->gate.max_open * 1000 - session->stood;

	return most - 2000 > most / 2 ? most - 2000 : most / 2;
}

/* Those for which there is room. */
static int prove_round(struct session *session, const struct proof *proof, struct fault *fault)
{
	struct authorizations *authorizations = &session->authorizations;
	int64_t began = clock_milliseconds();

	if (proof_publish(proof, WINDOW_NONE, fault) < 0)
		return -1;
	if (challenges_prepare(authorizations, WINDOW_NONE, session->acme, fault) < 0)
		return session_fail(session, STEP_VALIDATION, RESULT_HOST);
	if (session_tell_validated(session, fault) < 0 ||
	    (authorizations->pending && challenges_respond(authorizations, session->acme, DNS_MOST, fault) < 0))
		return -1;
	proof_withdraw(proof, WINDOW_NONE);
	log_notice("validation of %zu name%s through the DNS took %lld ms", authorizations->pending,
		   authorizations->pending == 1 ? "" : "s", (long long)(clock_milliseconds() - began));
	return 0;
}

/* Validates the names that need no window; those that found no room once more, as long as that makes them fewer. */
static int prove_without(struct session *session, struct fault *fault)
{
	struct authorizations *authorizations = &session->authorizations;
	const struct proof proof = { authorizations, acme_thumbprint(session->acme), acme_account(session->acme), session->dns };
	size_t waiting = SIZE_MAX, before;

	if (persistence_settle(&proof, session->acme, session->config, fault) < 0)
		return -1;
	do {
		before = waiting;
		if (order_want(session->orders, session->count, authorizations, fault) < 0)
			return -1;
		if (before == SIZE_MAX)
			persistence_report(session->orders, session->count, authorizations);
		if (authorizations_pend(authorizations, WINDOW_NONE) && prove_round(session, &proof, fault) < 0)
			return -1;
		waiting = authorizations_resume(authorizations);
	} while (waiting && waiting < before);
	session->validated = 0;
	return 0;
}

/* The window: from VERB_OPEN to VERB_CLOSED nothing happens but the validation itself. */
static int prove(struct session *session, enum challenge_window window, struct fault *fault)
{
	struct authorizations *authorizations = &session->authorizations;
	const struct proof proof = { authorizations, acme_thumbprint(session->acme), acme_account(session->acme), session->dns };
	struct whereabouts_search search;
	int64_t opened, closed;
	int n;

	if (!authorizations_pend(authorizations, window))
		return 0;
	if (challenges_prepare(authorizations, window, session->acme, fault) < 0)
		return session_fail(session, STEP_VALIDATION, RESULT_HOST);
	whereabouts_begin(&search);
	for (size_t i = 0; i < authorizations->count; i++)
		if (authorization_is_at_hand(&authorizations->item[i], window))
			whereabouts_look(&search, authorizations->item[i].name);
	if (proof_publish(&proof, window, fault) < 0 ||
	    wire_send(FD_WARDEN, VERB_OPEN, window == WINDOW_TLS, &search.found, sizeof(search.found), fault) < 0)
		return -1;
	n = session_hear(VERB_OPENED, fault);
	if (n < 0)
		return -1;
	if (n == 1) {
		authorizations_drop(authorizations);
		return 0;
	}
	session->opened[window] = true;
	opened = clock_milliseconds();
	if (session_tell_validated(session, fault) < 0 ||
	    challenges_respond(authorizations, session->acme, window_most(session), fault) < 0 ||
	    wire_send(FD_WARDEN, VERB_CLOSE, 0, NULL, 0, fault) < 0)
		return -1;
	session->validated = 0;
	closed = clock_milliseconds();
	if (session_hear(VERB_CLOSED, fault) < 0)
		return -1;
	memcpy(&authorizations->closed[window], session_record.data, sizeof(authorizations->closed[window]));
	proof_withdraw(&proof, window);
	session_drain_hits(session);
	session->stood += closed - opened;
	log_notice("validation of %zu name%s%s took %lld ms", authorizations->pending, authorizations->pending == 1 ? "" : "s",
		   window == WINDOW_TLS ? " over TLS" : "", (long long)(closed - opened));
	return 0;
}

/*
 * One port after the other; that of tls-alpn-01 again if certificates share a name. An order that has failed by then needs no other window
 * for its other names.
 */
int validation_run(struct session *session, struct fault *fault)
{
	static const enum challenge_window windows[] = { WINDOW_HTTP, WINDOW_TLS, WINDOW_TLS, WINDOW_TLS };

	if (prove_without(session, fault) < 0)
		return -1;
	for (size_t i = 0; i < LENGTH_OF(windows); i++)
		if (order_want(session->orders, session->count, &session->authorizations, fault) < 0 ||
		    prove(session, windows[i], fault) < 0)
			return -1;
	return 0;
}

void validation_tell(const struct session *session)
{
	char visits[640], foreign[FOREIGN_NAME_SIZE];

	for (size_t i = 0; i < session->authorizations.count; i++) {
		const struct authorization *authorization = &session->authorizations.item[i];

		if (authorization->state != STATE_VALID || !authorization->name)
			continue;
		authorization_describe(authorization, visits, sizeof(visits));
		idna_unicode(authorization->name, foreign);
		log_notice("%s%s%s%s is valid (%s)", authorization->name, *foreign ? " (" : "", foreign, *foreign ? ")" : "",
			   authorization->challenge ? visits : "it was already");
	}
}
