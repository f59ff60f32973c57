// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * client.c - the agent's role that talks to the CA.
 *
 * It owns nothing: the signer signs, and has what is good stored, the responder answers the CA, the warden opens the port. This file is
 * the order of events; session.c has the channels to those three, src/acme has what it says to the CA.
 */
#include "agent/agent.h"

#include <string.h>

#include "acme/account.h"
#include "acme/directory.h"
#include "acme/finalization.h"
#include "acme/new_order.h"
#include "agent/dealing.h"
#include "agent/questions.h"
#include "agent/results.h"
#include "agent/skew.h"
#include "agent/suggestions.h"
#include "agent/upkeep.h"
#include "agent/validation.h"
#include "base/log.h"

#define FINISH_MOST 300000 /* ms from finalize to the stored certificates */

/* Keys, transport and directory: everything before the first question about a certificate. */
static int set_up(struct session *session, struct fault *fault)
{
	const struct config *config = session->config;
	int64_t date;

	if (session_connect(session, fault) < 0)
		return -1;
	if (directory_fetch(session->acme, config->acme.directory, &date, fault) < 0)
		return session_fail(session, STEP_DIRECTORY, RESULT_UNREACHABLE);
	if (config->task.kind != TASK_SHOW && config->task.kind != TASK_TERMS && config->task.kind != TASK_PERSIST &&
	    upkeep_run(session->acme, config, &session->account, fault) < 0)
		return session_fail(session, STEP_ACCOUNT, RESULT_REFUSED);
	return 0;
}

/* Asks signer and ledger about the certificate of each order. */
static int recall(struct session *session, struct prospect *prospect, struct fault *fault)
{
	*prospect = (struct prospect){ .lifetime = SKEW_SHORTEST_LIFETIME };
	for (size_t i = 0; i < session->count; i++) {
		struct order *order = &session->orders[i];
		struct identity identity;
		struct recalled recalled;

		if (questions_take(VERB_IDENTITY, order->index, &identity, sizeof(identity), fault) < 0 ||
		    questions_take(VERB_RECALL, order->index, &recalled, sizeof(recalled), fault) < 0)
			return -1;
		identity.certid[sizeof(identity.certid) - 1] = recalled.order[sizeof(recalled.order) - 1] = '\0';
		order->resume = url_is_valid(recalled.order, strlen(recalled.order)) ? strdup(recalled.order) : NULL;
		order->has_key = recalled.has_key;
		if (recalled.replaces && acme_directory(session->acme)->renewal_info[0])
			memcpy(order->replaces, identity.certid, sizeof(order->replaces));
		if (identity.lifetime > 0 && (i == 0 || identity.lifetime < prospect->lifetime))
			prospect->lifetime = identity.lifetime;
		if (i == 0 || recalled.backdated < prospect->backdated)
			prospect->backdated = recalled.backdated;
	}
	return 0;
}

static int get_account(struct session *session, struct fault *fault)
{
	struct fault ignored;
	bool made;

	if (account_register(session->acme, session->config, &made, fault) < 0)
		return session_fail(session, STEP_ACCOUNT, RESULT_REFUSED);
	log_notice("account: %s", acme_account(session->acme));
	if (made) /* else a later run tells its contacts */
		(void)!questions_ask(VERB_CONTACTS, 0, NULL, 0, &ignored);
	return upkeep_keep_url(session->acme, fault);
}

/* An account of another CA is none of ours; one that this CA has forgotten shows with the first order. */
static int place(struct session *session, struct fault *fault)
{
	const struct directory *directory = acme_directory(session->acme);
	const char *url = acme_account(session->acme);

	if (!url_same_origin(url, directory->new_account) && get_account(session, fault) < 0)
		return -1;
	if (new_order_place(session->orders, session->count, session->acme, &session->authorizations, fault) < 0)
		return -1;
	if (!order_lacks_account(session->orders, session->count))
		return 0;
	log_notice("account: the CA does not know %s any more", url);
	acme_set_account(session->acme, "");
	if (get_account(session, fault) < 0)
		return -1;
	return new_order_place(session->orders, session->count, session->acme, &session->authorizations, fault);
}

static int run(struct session *session, struct fault *fault)
{
	struct prospect prospect;

	if (session->config->task.kind != TASK_RENEW) {
		session->deaf = true; /* there is no responder */
		if (session->config->task.kind == TASK_PERSIST && session_take_work(session, fault) < 0)
			return -1;
		return set_up(session, fault) < 0 ? -1 : dealing_run(session, fault);
	}
	if (session->config->responder.mode == RESPONDER_WEBROOT)
		session->authorizations.webroot = session->config->responder.webroot;
	if (session_take_work(session, fault) < 0)
		return -1;
	if (session->count + session->asked == 0)
		return 0;
	session->outcome.result = RESULT_HOST;
	if (set_up(session, fault) < 0)
		return session->count == 0 && session->outcome.step == STEP_DIRECTORY ? suggestions_put_off(session, fault) : -1;
	if (suggestions_ask(session, fault) < 0)
		return -1;
	if (session->count == 0)
		return 0;
	if (recall(session, &prospect, fault) < 0 || skew_check(session, &prospect, fault) < 0 || place(session, fault) < 0)
		return -1;
	session->outcome = (struct outcome){ .result = RESULT_HOST, .step = STEP_VALIDATION };
	if (validation_run(session, fault) < 0)
		return -1;
	session->outcome.step = STEP_FINALIZE;
	session_drain_hits(session);
	validation_tell(session);
	order_judge(session->orders, session->count, &session->authorizations);
	return finalization_run(session->orders, session->count, session->acme, FINISH_MOST, fault);
}

int client_main(const struct config *config)
{
	struct session session = { .config = config, .dns = -1 };
	struct fault fault = { .kind = FAULT_NONE };
	int status;

	if (run(&session, &fault) < 0) {
		log_error("%s", fault.text);
		status = fault_status(&fault);
		results_keep(&session, &fault);
	} else {
		status = results_tell(&session);
		results_keep(&session, NULL);
	}
	session_end(&session);
	return status;
}
