// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/order.h"

#include <stdio.h>
#include <string.h>

#include "acme/problem.h"
#include "base/log.h"

const struct certificate *order_certificate(const struct order *order)
{
	return &order->config->certificate[order->index];
}

const char (*order_names(const struct order *order))[NAME_SIZE]
{
	return &order->config->name[order_certificate(order)->first_name];
}

void order_start_over(struct order *order)
{
	codec_order_free(&order->object);
	free(order->url);
	free(order->authorization);
	free(order->payload);
	free(order->chain);
	for (size_t i = 0; i < ALTERNATES; i++) {
		free(order->alternate[i]);
		order->alternate[i] = NULL;
	}
	order->url = order->payload = order->chain = NULL;
	order->authorization = NULL;
	order->fault.kind = FAULT_NONE;
	order->no_account = false;
}

void order_free(struct order *order)
{
	order_start_over(order);
	free(order->resume);
	order->resume = NULL;
}

void order_fail(struct order *order, const struct exchange *exchange, const struct problem *problem, const struct fault *fault)
{
	order->fault = *fault;
	order->outcome = problem_outcome(exchange, problem, fault);
	order->outcome.step = STEP_ORDER;
	order->no_account = problem && problem->type == PROBLEM_ACCOUNT_DOES_NOT_EXIST;
}

struct outcome order_outcome(const struct order *order)
{
	struct outcome outcome = order->outcome;
	struct fault why = order->fault;

	if (order->stored)
		return (struct outcome){ .result = RESULT_STORED, .step = STEP_STORE };
	if (outcome.result == RESULT_UNKNOWN) /* the CA's answer made no sense */
		outcome.result = RESULT_UNREACHABLE;
	if (order->evidence) /* first: what the CA says may fill all of it */
		(void)!fault_at(&why, "%s", order->evidence);
	snprintf(outcome.detail, sizeof(outcome.detail), "%.*s", (int)sizeof(outcome.detail) - 1, why.text);
	return outcome;
}

bool order_is_open(const struct order *order)
{
	if (order->stored || !order->url || order->outcome.result == RESULT_INVALID || order->outcome.result == RESULT_REFUSED)
		return false;
	return !(order->resumed && order->outcome.step == STEP_STORE && order->fault.kind == FAULT_FAILED);
}

int order_check(const struct order_object *object, struct fault *fault)
{
	if ((object->state == STATE_PENDING || object->state == STATE_READY) && !object->finalize[0])
		return fault_set(fault, FAULT_FAILED, "the CA's order has no https URL to finalize it");
	if (object->state == STATE_VALID && !object->certificate[0])
		return fault_set(fault, FAULT_FAILED, "the CA's order is valid but has no https URL of the certificate");
	if (object->state == STATE_INVALID)
		return fault_set(fault, FAULT_FAILED, "the CA has given up the order: %s",
				 object->error[0] ? object->error : "it does not say why");
	if (object->state != STATE_PENDING && object->state != STATE_READY && object->state != STATE_PROCESSING &&
	    object->state != STATE_VALID)
		return fault_set(fault, FAULT_FAILED, "the CA's order has no status that an order can have");
	return 0;
}

int order_read(struct order *order, const struct acme_call *call, const struct exchange *exchange)
{
	struct order_object object;

	if (codec_order(exchange->data, exchange->used, &object, &order->fault) < 0)
		return fault_at(&order->fault, "%s", call->step);
	codec_order_free(&order->object);
	order->object = object;
	log_trace("the order of certificate %s is %s", order_certificate(order)->name, state_name(object.state));
	return 0;
}

/* The first authorization that keeps the order from getting ready, one with an error before one without; NULL: none. */
static const struct authorization *obstacle(const struct order *order, const struct authorizations *list, bool final)
{
	const struct authorization *found = NULL;

	for (size_t i = 0; i < order->object.authorizations; i++) {
		const struct authorization *authorization = &list->item[order->authorization[i]];

		if (authorization->state == STATE_VALID || (authorization->state == STATE_PENDING && !authorization->error && !final))
			continue;
		if (!found || (!found->error && authorization->error))
			found = authorization;
	}
	return found;
}

int order_want(const struct order *orders, size_t n, struct authorizations *list, struct fault *fault)
{
	list->groups = 0;
	for (size_t i = 0; i < list->count; i++)
		list->item[i].wanted = false;
	for (size_t i = 0; i < n; i++) {
		if (orders[i].fault.kind != FAULT_NONE || !orders[i].authorization || obstacle(&orders[i], list, false))
			continue;
		for (size_t k = 0; k < orders[i].object.authorizations; k++)
			list->item[orders[i].authorization[k]].wanted = true;
		if (authorizations_group(list, orders[i].url, orders[i].authorization, orders[i].object.authorizations) < 0)
			return fault_set(fault, FAULT_LATER, "not enough memory for authorizations");
	}
	return 0;
}

bool order_lacks_account(struct order *orders, size_t n)
{
	bool lacks = false;

	for (size_t i = 0; i < n; i++) {
		if (!orders[i].no_account)
			continue;
		order_start_over(&orders[i]);
		lacks = true;
	}
	return lacks;
}

void order_judge(struct order *orders, size_t n, const struct authorizations *list)
{
	char visits[896];

	for (size_t i = 0; i < n; i++) {
		const struct authorization *authorization = NULL;

		if (orders[i].fault.kind == FAULT_NONE && orders[i].authorization)
			authorization = obstacle(&orders[i], list, true);
		if (!authorization)
			continue;
		orders[i].dropped = authorization->dropped;
		orders[i].outcome = authorization->outcome;
		orders[i].outcome.step = STEP_VALIDATION;
		orders[i].evidence = authorization_evidence(authorization);
		authorization_describe(authorization, visits, sizeof(visits));
		fault_set(&orders[i].fault, authorization->error ? authorization->kind : FAULT_LATER, "%s: %s%s%s",
			  authorization->name ? authorization->name : authorization->url,
			  authorization->error ? authorization->error : "not validated", authorization->challenge ? "; " : "",
			  authorization->challenge ? visits : "");
	}
}
