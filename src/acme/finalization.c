// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/finalization.h"

#include <string.h>

#include "acme/jws.h"
#include "acme/problem.h"
#include "base/log.h"

#define FINALIZE_TRIES 5  /* against orderNotReady */
#define FIRST_POLL 10	  /* ms after finalize */
#define SLOWEST_POLL 5000 /* ms between two polls of an order, unless Retry-After asks for more */
#define PATIENCE 30000	  /* ms: the longest Retry-After */

static int64_t next_poll(struct order *order, const struct exchange *exchange)
{
	int64_t wish = exchange ? exchange_retry_after(exchange, order->delay, PATIENCE) : -1, delay = order->delay;

	order->delay = delay * 2 < SLOWEST_POLL ? delay * 2 : SLOWEST_POLL;
	return wish >= 0 ? wish : delay;
}

/* Gives the call the URL and payload of the next step for an order in this state. */
static int64_t go_on(struct acme_call *call, const struct exchange *exchange)
{
	struct order *order = call->context;
	const struct order_object *object = &order->object;

	if (order_check(object, &order->fault) < 0) {
		fault_at(&order->fault, "%s", call->step);
		order->outcome.result = object->state == STATE_INVALID ? RESULT_REFUSED : RESULT_UNKNOWN;
		return CALL_FINISHED;
	}
	call->payload = NULL;
	call->url = order->url;
	if (object->state == STATE_VALID) {
		order->stage = STAGE_DOWNLOAD;
		call->step = "certificate";
		call->url = object->certificate;
		return 0;
	}
	if (object->state == STATE_READY && order->finalized < FINALIZE_TRIES) {
		call->url = object->finalize;
		call->payload = order->payload;
		call->step = "finalization";
		order->stage = STAGE_FINALIZE;
		return order->finalized++ ? next_poll(order, exchange) : 0;
	}
	order->stage = STAGE_POLL;
	call->step = "order";
	return next_poll(order, exchange);
}

static int64_t install(struct order *order, const char *pem, size_t length)
{
	order->stored = order->signer->install(order->signer->context, order->index, pem, length, &order->fault) == 0;
	order->outcome = (struct outcome){ .result = RESULT_HOST, .step = STEP_STORE };
	if (order->stored)
		log_notice("certificate %s: stored", order_certificate(order)->name);
	return CALL_FINISHED;
}

/* Tries the next chain of the CA; after the last one it installs the default chain: any valid chain is better than none. */
static int64_t try_next(struct acme_call *call)
{
	struct order *order = call->context;

	if (order->tried < ALTERNATES && order->alternate[order->tried]) {
		call->url = order->alternate[order->tried++];
		return 0;
	}
	order->other_chain = true;
	return install(order, order->chain, strlen(order->chain));
}

static int64_t took_alternate(struct acme_call *call, const struct exchange *exchange)
{
	struct order *order = call->context;
	struct fault why;

	if (exchange->used == 0 || exchange->used > CHAIN_SIZE ||
	    order->signer->prefers(order->signer->context, order->index, exchange->data, exchange->used, &why) != 1 ||
	    order->signer->install(order->signer->context, order->index, exchange->data, exchange->used, &why) < 0)
		return try_next(call);
	order->stored = true;
	log_notice("certificate %s: stored", order_certificate(order)->name);
	return CALL_FINISHED;
}

/* Keeps the default chain and the URLs of the others until one of them is chosen. */
static int64_t keep_default(struct acme_call *call, const struct exchange *exchange)
{
	struct order *order = call->context;

	order->chain = strndup(exchange->data, exchange->used);
	for (size_t i = 0; i < ALTERNATES && exchange->alternate[i][0]; i++)
		order->alternate[i] = strdup(exchange->alternate[i]);
	if (!order->chain) {
		fault_set(&order->fault, FAULT_LATER, "not enough memory for a chain of certificates");
		return CALL_FINISHED;
	}
	order->stage = STAGE_ALTERNATE;
	return try_next(call);
}

static int64_t downloaded(struct acme_call *call, const struct exchange *exchange)
{
	struct order *order = call->context;
	int wanted = 1;

	if (exchange->used == 0 || exchange->used > CHAIN_SIZE) {
		fault_set(&order->fault, FAULT_FAILED, "certificate: the CA's chain has %zu bytes", exchange->used);
		return CALL_FINISHED;
	}
	if (order_certificate(order)->chain[0])
		wanted = order->signer->prefers(order->signer->context, order->index, exchange->data, exchange->used, &order->fault);
	if (wanted < 0)
		return CALL_FINISHED;
	return wanted ? install(order, exchange->data, exchange->used) : keep_default(call, exchange);
}

static int64_t progressed(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
			  const struct fault *fault)
{
	struct order *order = call->context;

	if (fault && order->stage == STAGE_FINALIZE && problem && problem->type == PROBLEM_ORDER_NOT_READY) {
		order->stage = STAGE_POLL;
		call->url = order->url;
		call->payload = NULL;
		call->step = "order";
		return next_poll(order, exchange);
	}
	if (order->stage == STAGE_ALTERNATE)
		return fault ? try_next(call) : took_alternate(call, exchange);
	order->outcome = (struct outcome){ .step = order->stage == STAGE_DOWNLOAD ? STEP_DOWNLOAD : STEP_FINALIZE };
	if (fault) {
		order->fault = *fault;
		order->outcome = problem_outcome(exchange, problem, fault);
		order->outcome.step = order->stage == STAGE_DOWNLOAD ? STEP_DOWNLOAD : STEP_FINALIZE;
		return CALL_FINISHED;
	}
	if (order->stage == STAGE_DOWNLOAD)
		return downloaded(call, exchange);
	return order_read(order, call, exchange) < 0 ? CALL_FINISHED : go_on(call, exchange);
}

/* Has the signer make a key, and prepares the payload of finalize. */
static int make_csr(struct order *order)
{
	const void *der;
	size_t length;

	if (order->signer->make_csr(order->signer->context, order->index, &der, &length, &order->fault) < 0)
		return -1;
	free(order->payload);
	order->payload = jws_finalize(der, length);
	return order->payload ? 0 : fault_set(&order->fault, FAULT_LATER, "not enough memory for a request");
}

int finalization_run(struct order *orders, size_t n, struct acme *acme, int64_t most, struct fault *fault)
{
	OWN_FREE struct acme_call *calls = calloc(n + 1, sizeof(*calls));
	size_t count = 0;

	if (!calls)
		return fault_errno(fault, FAULT_LATER, "finishing orders");
	for (size_t i = 0; i < n; i++) {
		struct order *order = &orders[i];
		struct acme_call *call = &calls[count];

		if (order->fault.kind != FAULT_NONE)
			continue;
		order->outcome = (struct outcome){ .result = RESULT_HOST, .step = STEP_FINALIZE };
		if (make_csr(order) < 0)
			continue;
		order->outcome.result = RESULT_UNKNOWN;
		/* All authorizations are valid now: a pending order is out of date. */
		if (order->object.state == STATE_PENDING)
			order->object.state = STATE_READY;
		order->delay = FIRST_POLL;
		call->step = "finalization";
		call->context = order;
		call->done = progressed;
		if (go_on(call, NULL) != CALL_FINISHED)
			count++;
	}
	return acme_run(acme, calls, count, most, fault);
}
