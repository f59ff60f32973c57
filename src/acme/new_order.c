// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/new_order.h"

#include <string.h>

#include "acme/payload.h"
#include "acme/problem.h"
#include "base/log.h"

#define PLACE_MOST 150000 /* ms for all new orders, with their retries */
#define ATTEMPTS 2	  /* new orders for one certificate in one run */

/* An order that replaces nothing costs more of the CA's limits, and is better than none. */
static int64_t place_plainly(struct acme_call *call, const struct fault *fault)
{
	struct order *order = call->context;
	const struct certificate *certificate = order_certificate(order);

	log_notice("certificate %s: the CA does not take the order as a replacement, so it is placed as a new one: %s",
		   certificate->name, fault->text);
	order->replaces[0] = '\0';
	free(order->payload);
	order->payload = payload_new_order(order_names(order), certificate->names, certificate->profile, "");
	call->payload = order->payload;
	if (order->payload)
		return 0;
	fault_set(&order->fault, FAULT_LATER, "not enough memory for an order");
	return CALL_FINISHED;
}

static int64_t placed(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
		      const struct fault *fault)
{
	struct order *order = call->context;

	if (fault && problem && order->replaces[0] && problem_may_be_replaces(exchange->status, problem))
		return place_plainly(call, fault);
	if (fault) {
		order_fail(order, exchange, problem, fault);
	} else if (order_read(order, call, exchange) < 0) {
		return CALL_FINISHED;
	} else if (!exchange->location[0]) {
		fault_set(&order->fault, FAULT_FAILED, "the CA sends no https URL of the order (Location)");
	} else if (!codec_order_is_for(exchange->data, exchange->used, order_names(order), order_certificate(order)->names)) {
		fault_set(&order->fault, FAULT_FAILED, "the CA's order is for other names than those asked for");
	} else {
		order->url = strdup(exchange->location);
		if (!order->url)
			fault_errno(&order->fault, FAULT_LATER, "taking an order");
		else
			order->signer->placed(order->signer->context, order->index, order->url);
	}
	return CALL_FINISHED;
}

/* The CA makes no certificate of the earlier order any more: a new one takes its place. */
static int64_t forget_earlier(struct order *order, const char *why)
{
	log_notice("certificate %s: the order of an earlier run cannot be resumed: %s", order_certificate(order)->name, why);
	order->signer->placed(order->signer->context, order->index, NULL);
	codec_order_free(&order->object);
	order->object = (struct order_object){ .state = STATE_UNKNOWN };
	order->fault.kind = FAULT_NONE;
	return CALL_FINISHED;
}

/* Does this refusal mean that there is no such order for us? Anything else may be otherwise in the next run. */
static bool is_gone(const struct exchange *exchange, const struct problem *problem)
{
	return problem && problem->type != PROBLEM_ACCOUNT_DOES_NOT_EXIST &&
	       problem_action(exchange->status, problem) == ACTION_FAIL && exchange->status >= 400;
}

/*
 * The authorizations of an order that has them behind it may have expired since. What was finalized is for the key of then: without
 * that, its certificate is of no use.
 */
static int64_t resumed(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
		       const struct fault *fault)
{
	struct order *order = call->context;
	enum state state;

	if (fault && is_gone(exchange, problem))
		return forget_earlier(order, fault->text);
	if (fault) {
		order_fail(order, exchange, problem, fault);
		return CALL_FINISHED;
	}
	if (order_read(order, call, exchange) < 0)
		return CALL_FINISHED;
	state = order->object.state;
	if (order_check(&order->object, &order->fault) < 0)
		return forget_earlier(order, order->fault.text);
	if ((state == STATE_PROCESSING || state == STATE_VALID) && !order->has_key)
		return forget_earlier(order, "its key is lost");
	if (!codec_order_is_for(exchange->data, exchange->used, order_names(order), order_certificate(order)->names))
		return forget_earlier(order, "it is for other names");
	if (state != STATE_PENDING)
		codec_order_free(&order->object);
	log_notice("certificate %s: the order of an earlier run is resumed, which is %s", order_certificate(order)->name,
		   state_name(state));
	order->url = order->resume;
	order->resume = NULL;
	order->resumed = true;
	return CALL_FINISHED;
}

static int resume_orders(struct order *orders, size_t n, struct acme *acme, struct fault *fault)
{
	OWN_FREE struct acme_call *calls = calloc(n + 1, sizeof(*calls));
	size_t count = 0;
	int rc;

	if (!calls)
		return fault_errno(fault, FAULT_LATER, "resuming orders");
	for (size_t i = 0; i < n; i++)
		if (orders[i].resume && orders[i].fault.kind == FAULT_NONE)
			calls[count++] = (struct acme_call){
				.step = "order", .url = orders[i].resume, .context = &orders[i], .done = resumed
			};
	rc = acme_run(acme, calls, count, PLACE_MOST, fault);
	for (size_t i = 0; i < n; i++) {
		free(orders[i].resume);
		orders[i].resume = NULL;
	}
	return rc;
}

static int place_orders(struct order *orders, size_t n, struct acme *acme, struct fault *fault)
{
	OWN_FREE struct acme_call *calls = calloc(n + 1, sizeof(*calls));
	size_t count = 0;

	if (!calls)
		return fault_errno(fault, FAULT_LATER, "placing orders");
	for (size_t i = 0; i < n; i++) {
		const struct certificate *certificate = order_certificate(&orders[i]);

		if (orders[i].fault.kind != FAULT_NONE || orders[i].url)
			continue;
		free(orders[i].payload);
		orders[i].payload = payload_new_order(order_names(&orders[i]), certificate->names, certificate->profile,
						      orders[i].replaces);
		if (!orders[i].payload)
			/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): OWN_FREE releases, which clang 14 does not know */
			return fault_set(fault, FAULT_LATER, "not enough memory for an order");
		calls[count].step = "new order";
		calls[count].url = acme_directory(acme)->new_order;
		calls[count].payload = orders[i].payload;
		calls[count].context = &orders[i];
		calls[count++].done = placed;
	}
	return acme_run(acme, calls, count, PLACE_MOST, fault);
}

/* Adds the authorizations of a new order to the common list. */
static void list_authorizations(struct order *order, struct authorizations *list)
{
	size_t count = order->object.authorizations;

	order->authorization = calloc(count + 1, sizeof(*order->authorization));
	for (size_t i = 0; i < count && order->authorization; i++) {
		long index = authorizations_add(list, order->object.authorization[i], order_certificate(order), order->index);

		if (index < 0)
			fault_set(&order->fault, FAULT_LATER, "not enough memory for authorizations");
		order->authorization[i] = index < 0 ? 0 : (size_t)index;
	}
	if (!order->authorization)
		fault_set(&order->fault, FAULT_LATER, "not enough memory for authorizations");
}

/* Did it fail before we did anything for it? Then the CA gave us an old order. */
static bool is_stale(const struct order *order, const struct authorizations *list)
{
	if (order->fault.kind != FAULT_NONE || !order->url)
		return false;
	for (size_t i = 0; i < order->object.authorizations; i++)
		if (list->item[order->authorization[i]].stale)
			return true;
	return order->object.state == STATE_INVALID;
}

static bool asks_for(const struct order *order, const char *name)
{
	const char(*names)[NAME_SIZE] = order_names(order);

	for (uint32_t i = 0; i < order_certificate(order)->names; i++)
		if (codec_same_name(name, names[i]) || (names[i][0] == '*' && codec_same_name(name, names[i] + 2)))
			return true;
	return false;
}

/* Refuses authorizations for names that are not in the configuration. */
static void check_names(struct order *order, const struct authorizations *list)
{
	for (size_t i = 0; i < order->object.authorizations && order->fault.kind == FAULT_NONE; i++) {
		const struct authorization *authorization = &list->item[order->authorization[i]];

		if (authorization->name && !asks_for(order, authorization->name))
			fault_set(&order->fault, FAULT_FAILED, "the CA's order has an authorization for \"%s\"", authorization->name);
	}
}

static void check_new(struct order *order)
{
	const struct order_object *object = &order->object;

	if (order->fault.kind != FAULT_NONE)
		return;
	if (object->authorizations == 0 && object->state == STATE_PENDING)
		fault_set(&order->fault, FAULT_FAILED, "new order: the CA's order is pending but has no authorizations");
	else if (order_check(object, &order->fault) < 0)
		fault_at(&order->fault, "new order");
}

int new_order_place(struct order *orders, size_t n, struct acme *acme, struct authorizations *list, struct fault *fault)
{
	bool again = true;

	for (size_t i = 0; i < n; i++)
		orders[i].outcome = (struct outcome){ .step = STEP_ORDER };
	if (resume_orders(orders, n, acme, fault) < 0)
		return -1;
	for (int attempt = 0; attempt < ATTEMPTS && again; attempt++) {
		again = false;
		if (place_orders(orders, n, acme, fault) < 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			if (orders[i].url && !orders[i].authorization)
				list_authorizations(&orders[i], list);
		if (authorizations_fetch(list, acme, fault) < 0)
			return -1;
		for (size_t i = 0; i < n; i++) {
			if (attempt + 1 < ATTEMPTS && is_stale(&orders[i], list)) {
				order_start_over(&orders[i]);
				again = true;
			} else if (orders[i].authorization) {
				check_names(&orders[i], list);
				check_new(&orders[i]);
			}
		}
	}
	return order_want(orders, n, list, fault);
}
