// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/call.h"

#include <string.h>

#include "acme/acme_state.h"
#include "acme/problem.h"

#define NONCE_TRIES 12 /* badNonce in a row for one call */
#define TRIES 4	       /* of the same call, when the CA or the network is weak */
#define PATIENCE 10000 /* ms; a longer Retry-After ends the call: another run tries again */

int call_sign(struct acme *acme, struct acme_call *call, struct fault *fault)
{
	OWN_FREE char *nonce = nonces_take(&acme->nonces);

	free(call->body);
	call->body = acme->signer.sign(acme->signer.context, call->kind == CALL_SIGNED_WITH_KEY, call->url, nonce, call->payload,
				       fault);
	return call->body ? 0 : -1;
}

void call_end(struct acme_call *call)
{
	free(call->body);
	call->body = NULL;
	call->state = CALL_ENDED;
}

/* While done() runs, nobody else can move the call. */
static void tell(struct acme_call *call, const struct exchange *exchange, const struct problem *problem, const struct fault *fault)
{
	int64_t again;

	call->state = CALL_TOLD;
	again = call->done(call, exchange, problem, fault);
	if (again == CALL_FINISHED)
		call_end(call);
	else
		call->at += again;
	if (call->state == CALL_TOLD)
		call->state = CALL_IDLE;
}

/* Its done() may go on with another request, which has all tries before it. */
static void fail(struct acme *acme, struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
		 struct fault *fault)
{
	if (call->step)
		fault_at(fault, "%s", call->step);
	acme->failure = problem_outcome(exchange, problem, fault);
	tell(call, exchange, problem, fault);
	call->tries = call->nonces = 0;
}

void call_fail_for_nonce(struct acme *acme, struct acme_call *call, struct fault *fault)
{
	struct problem problem;
	const struct exchange *refusal = nonces_refusal(&acme->nonces, &problem);

	fail(acme, call, refusal, refusal ? &problem : NULL, fault);
}

void call_fly(struct acme *acme, struct acme_call *call, struct exchange *slot)
{
	slot->method = call->kind == CALL_PLAIN ? METHOD_GET : METHOD_POST;
	slot->url = call->url;
	slot->body = call->body;
	slot->length = call->body ? strlen(call->body) : 0;
	call->state = CALL_FLYING;
	exchanges_start(&acme->exchanges, slot, call);
}

int64_t call_patience(const struct acme *acme)
{
	return acme->hurry ? HURRY_MOST : PATIENCE;
}

/* Returns the milliseconds until a refused call goes out again, or -1: not again. */
static int64_t second_chance(const struct acme *acme, struct acme_call *call, const struct exchange *exchange,
			     enum problem_action action)
{
	int64_t wish = exchange_retry_after(exchange, 0, INT32_MAX);

	if (action == ACTION_NEW_NONCE)
		return ++call->nonces < NONCE_TRIES ? 0 : -1;
	if (action != ACTION_RETRY && (action != ACTION_BACK_OFF || wish < 0))
		return -1;
	if (wish > call_patience(acme) || ++call->tries >= TRIES)
		return -1;
	return wish >= 0 ? wish : problem_delay(call->tries - 1);
}

/* The CA has answered with a problem: tries again within limits, then tells the owner. */
static int refused(struct acme *acme, struct acme_call *call, struct exchange *exchange, struct fault *fault)
{
	struct problem problem;
	struct fault why;
	enum problem_action action;
	int64_t again;

	codec_problem(exchange->data, exchange->used, exchange->status, &problem);
	action = problem_action(exchange->status, &problem);
	again = second_chance(acme, call, exchange, action);
	if (again < 0) {
		problem_explain(&why, exchange, &problem, action);
		fail(acme, call, exchange, &problem, &why);
		return 0;
	}
	call->at += again;
	if (action == ACTION_NEW_NONCE && exchange->nonce[0]) /* now, before another call takes that nonce */
		return call_sign(acme, call, fault);
	return 0;
}

/* No answer came. A stalled call has waited long enough; the transport takes another connection for it. */
static void unanswered(struct acme *acme, struct acme_call *call, const struct exchange *exchange)
{
	struct fault why;

	if (exchange->kind == FAULT_LATER && ++call->tries < TRIES) {
		call->at += acme->hurry && exchange->stalled ? 0 : problem_delay(call->tries - 1);
		return;
	}
	fault_set(&why, exchange->kind, "%s: %s", exchange->url, exchange->reason);
	fail(acme, call, NULL, NULL, &why);
}

int call_take_answer(struct acme *acme, struct acme_call *call, struct exchange *exchange, int64_t now, struct fault *fault)
{
	free(call->body);
	call->body = NULL;
	call->state = CALL_IDLE;
	call->at = now;
	if (exchange->status == 0) {
		unanswered(acme, call, exchange);
		return 0;
	}
	if (exchange->status < 200 || exchange->status > 299)
		return refused(acme, call, exchange, fault);
	call->tries = call->nonces = 0;
	tell(call, exchange, NULL, NULL);
	return 0;
}
