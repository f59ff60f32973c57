// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/session.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "acme/challenge.h"
#include "agent/agent.h"
#include "agent/questions.h"
#include "base/clock.h"
#include "store/crypto.h"

#define HITS_AT_ONCE 256

struct record session_record; /* the last one received: 64 KiB that no stack should carry */

static int64_t now(void *context)
{
	(void)context;
	return clock_milliseconds();
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void begin(void *context, struct exchange *exchange)
{
	struct session *session = context;

	http_begin(session->http, exchange);
}

static void cancel(void *context, struct exchange *exchange)
{
	struct session *session = context;

	http_cancel(session->http, exchange);
}

/* Not for ever: a responder that has gone mad would keep us from everything else. */
void session_drain_hits(struct session *session)
{
	struct fault fault;
	struct hit hit;

	for (int i = 0; i < HITS_AT_ONCE && !session->deaf && is_readable(FD_RESPONDER); i++) {
		if (wire_receive(FD_RESPONDER, &session_record, &fault) != 1 || session_record.verb != VERB_HIT) {
			session->deaf = true; /* the warden sees to it; we only miss the numbers */
			return;
		}
		memcpy(&hit, session_record.data, sizeof(hit));
		challenges_hit(&session->authorizations, &hit, clock_milliseconds());
	}
}

/* The next word of the warden. */
static int judge_word(int n, enum verb wanted, struct fault *fault)
{
	if (n < 0)
		return -1;
	if (n == 0)
		return fault_set(fault, FAULT_FAILED, "the warden has ended");
	if (session_record.verb == wanted)
		return 0;
	if (session_record.verb == VERB_REFUSED && wanted == VERB_OPENED)
		return 1;
	if (session_record.verb == VERB_CLOSED)
		return fault_set(fault, FAULT_FAILED, "the warden has closed the port before the validations ended");
	return fault_set(fault, FAULT_FAILED, "the warden says %s", verb_name((enum verb)session_record.verb));
}

int session_hear(enum verb wanted, struct fault *fault)
{
	return judge_word(wire_receive(FD_WARDEN, &session_record, fault), wanted, fault);
}

int session_tell_validated(struct session *session, struct fault *fault)
{
	const struct authorizations *list = &session->authorizations;
	struct validated validated = { 0, (uint32_t)list->pending };

	for (size_t i = 0; i < list->count && session->validated; i++)
		validated.done += list->item[i].challenge && challenge_kinds[list->item[i].type].window == list->window &&
				  (list->item[i].state == STATE_VALID || list->item[i].seen);
	if (validated.done < session->validated || validated.done > validated.of)
		return 0;
	session->validated = validated.done + 1;
	return wire_send(FD_WARDEN, VERB_VALIDATED, 0, &validated, sizeof(validated), fault);
}

static int next(void *context, int64_t milliseconds, struct exchange **exchange, struct fault *fault)
{
	struct session *session = context;
	const int watched[] = { FD_WARDEN, session->deaf ? -1 : FD_RESPONDER };
	int n = http_next(session->http, milliseconds, watched, exchange, fault);

	session_drain_hits(session);
	if (session->validated && session_tell_validated(session, fault) < 0)
		return -1;
	if (n == 0 && is_readable(FD_WARDEN)) /* nothing is awaited from it here: VERBS is no verb */
		return session_hear(VERBS, fault) < 0 ? -1 : fault_set(fault, FAULT_FAILED, "the warden speaks unasked");
	return n;
}

void session_add_order(struct session *session, uint32_t index)
{
	session->orders[session->count++] =
		(struct order){ .config = session->config, .signer = &questions_order_signer, .index = index };
}

int session_take_work(struct session *session, struct fault *fault)
{
	const struct config *config = session->config;
	int given[2] = { -1, -1 };
	struct work *work = &session->work;
	int n = wire_receive_with(FD_WARDEN, &session_record, given, fault);

	session->dns = given[0];
	close_fd(&given[1]);
	if (judge_word(n, VERB_WORK, fault) < 0)
		return -1;
	memcpy(work, session_record.data, sizeof(*work));
	session->orders = calloc(config->certificates + 1, sizeof(*session->orders));
	session->asks = calloc(config->certificates + 1, sizeof(*session->asks));
	if (!session->orders || !session->asks)
		return fault_errno(fault, FAULT_LATER, "taking the work");
	for (uint32_t i = 0; i < config->certificates; i++) {
		if (work->wanted[i] == WORK_OBTAIN)
			session_add_order(session, i);
		else if (work->wanted[i] == WORK_ASK)
			session->asks[session->asked++].index = i;
	}
	return 0;
}

int session_fail(struct session *session, enum step step, enum result otherwise)
{
	session->outcome = acme_failure(session->acme);
	session->outcome.step = step;
	if (session->outcome.result == RESULT_UNKNOWN)
		session->outcome.result = otherwise;
	return -1;
}

int session_connect(struct session *session, struct fault *fault)
{
	const struct config *config = session->config;
	struct transport transport = { session, begin, next, cancel, now };

	if (questions_take(VERB_ACCOUNT, 0, &session->account, sizeof(session->account), fault) < 0)
		return fault_at(fault, "account key");
	crypto_start(); /* before libcurl does it in its way, with openssl.cnf and what that loads */
	session->http = http_start(config->acme.ca_file[0] ? FD_CA_FILE : -1, config->acme.proxy, fault);
	if (!session->http)
		return -1;
	session->acme = acme_start(&transport, &questions_signer, &session->account, fault);
	return session->acme ? 0 : -1;
}

void session_end(struct session *session)
{
	for (size_t i = 0; i < session->count; i++)
		order_free(&session->orders[i]);
	free(session->orders);
	free(session->asks);
	authorizations_free(&session->authorizations);
	acme_free(session->acme);
	http_free(session->http);
	close_fd(&session->dns);
}
