// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/order.h"

#include <stdio.h>
#include <string.h>

#include "acme/jws.h"

#define PLACE_MOST     150000 /* ms for all new orders, with their retries */
#define ATTEMPTS       2      /* new orders for one certificate in one run */
#define FINALIZE_TRIES 5      /* against orderNotReady */
#define FIRST_LOOK     10     /* ms after finalize */
#define SLOWEST_LOOK   5000   /* ms between two looks at an order, unless Retry-After asks for more */
#define PATIENCE       30000  /* ms: the longest Retry-After */

const struct certificate *issue_certificate(const struct issue *issue)
{
	return &issue->config->certificate[issue->index];
}

static const char (*names_of(const struct issue *issue))[NAME_SIZE]
{
	return &issue->config->name[issue_certificate(issue)->first_name];
}

/* Back to before the order, the fault included. */
static void start_over(struct issue *issue)
{
	order_free(&issue->order);
	free(issue->url);
	free(issue->proof);
	free(issue->payload);
	free(issue->chain);
	for (size_t i = 0; i < ALTERNATES; i++) {
		free(issue->alternate[i]);
		issue->alternate[i] = NULL;
	}
	issue->url = issue->payload = issue->chain = NULL;
	issue->proof = NULL;
	issue->fault.kind = FAULT_NONE;
	issue->no_account = false;
}

void issue_free(struct issue *issue)
{
	start_over(issue);
}

/* What no wait could make good; said at once, so that no window is opened for it. */
static int check_order(const struct order *order, struct fault *fault)
{
	if ((order->state == STATE_PENDING || order->state == STATE_READY) && !order->finalize[0])
		return fault_set(fault, FAULT_FAILED, "the CA's order has no https URL to finalize it");
	if (order->state == STATE_VALID && !order->certificate[0])
		return fault_set(fault, FAULT_FAILED, "the CA's order is valid but has no https URL of the certificate");
	if (order->state == STATE_INVALID)
		return fault_set(fault, FAULT_FAILED, "the CA has given the order up: %s",
				 order->error[0] ? order->error : "it does not say why");
	if (order->state != STATE_PENDING && order->state != STATE_READY && order->state != STATE_PROCESSING &&
	    order->state != STATE_VALID)
		return fault_set(fault, FAULT_FAILED, "the CA's order has no status that an order can have");
	return 0;
}

static int read_order(struct issue *issue, const struct acme_call *call, const struct exchange *exchange)
{
	struct order order;

	if (codec_order(exchange->data, exchange->used, &order, &issue->fault) < 0)
		return fault_at(&issue->fault, "%s", call->step);
	order_free(&issue->order);
	issue->order = order;
	return 0;
}

static int64_t placed(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
		      const struct fault *fault)
{
	struct issue *issue = call->context;

	if (fault) {
		issue->fault = *fault;
		issue->no_account = problem && strcmp(problem->type, "accountDoesNotExist") == 0;
	} else if (read_order(issue, call, exchange) < 0) {
		return CALL_FINISHED;
	} else if (!exchange->location[0]) {
		fault_set(&issue->fault, FAULT_FAILED, "the CA does not say where the order is (no Location)");
	} else if (!codec_order_is_for(exchange->data, exchange->used, names_of(issue),
				       issue_certificate(issue)->names)) {
		fault_set(&issue->fault, FAULT_FAILED, "the CA's order is for other names than those asked for");
	} else {
		issue->url = strdup(exchange->location);
		if (!issue->url)
			fault_errno(&issue->fault, FAULT_LATER, "taking an order");
	}
	return CALL_FINISHED;
}

static int place_orders(struct issue *issues, size_t n, struct acme *acme, struct fault *fault)
{
	OWN_FREE struct acme_call *calls = calloc(n + 1, sizeof(*calls));
	size_t count = 0;

	if (!calls)
		return fault_errno(fault, FAULT_LATER, "placing orders");
	for (size_t i = 0; i < n; i++) {
		const struct certificate *certificate = issue_certificate(&issues[i]);

		if (issues[i].fault.kind != FAULT_NONE || issues[i].url)
			continue;
		free(issues[i].payload);
		issues[i].payload = codec_new_order(names_of(&issues[i]), certificate->names, certificate->profile);
		if (!issues[i].payload)
			/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): OWN_FREE releases, which clang 14 does not know */
			return fault_set(fault, FAULT_LATER, "not enough memory for an order");
		calls[count].step = "new order";
		calls[count].url = acme_directory(acme)->new_order;
		calls[count].payload = issues[i].payload;
		calls[count].context = &issues[i];
		calls[count++].done = placed;
	}
	return acme_run(acme, calls, count, PLACE_MOST, fault);
}

/* Puts the authorizations of a new order into the common list. */
static void list_proofs(struct issue *issue, struct proofs *proofs)
{
	size_t count = issue->order.authorizations;

	issue->proof = calloc(count + 1, sizeof(*issue->proof));
	for (size_t i = 0; i < count && issue->proof; i++) {
		long index = proofs_add(proofs, issue->order.authorization[i]);

		if (index < 0)
			fault_set(&issue->fault, FAULT_LATER, "not enough memory for authorizations");
		issue->proof[i] = index < 0 ? 0 : (size_t)index;
	}
	if (!issue->proof)
		fault_set(&issue->fault, FAULT_LATER, "not enough memory for authorizations");
}

/* An order that was lost before we did anything for it: the CA gave us an old one. */
static bool is_stale(const struct issue *issue, const struct proofs *proofs)
{
	if (issue->fault.kind != FAULT_NONE || !issue->url)
		return false;
	for (size_t i = 0; i < issue->order.authorizations; i++)
		if (proofs->list[issue->proof[i]].stale)
			return true;
	return issue->order.state == STATE_INVALID;
}

static bool asks_for(const struct issue *issue, const char *name)
{
	const char(*names)[NAME_SIZE] = names_of(issue);

	for (uint32_t i = 0; i < issue_certificate(issue)->names; i++)
		if (codec_same_name(name, names[i]))
			return true;
	return false;
}

/* We prove only what we were asked to prove, whatever the CA lists. */
static void check_names(struct issue *issue, const struct proofs *proofs)
{
	for (size_t i = 0; i < issue->order.authorizations && issue->fault.kind == FAULT_NONE; i++) {
		const struct proof *proof = &proofs->list[issue->proof[i]];

		if (proof->name && !asks_for(issue, proof->name))
			fault_set(&issue->fault, FAULT_FAILED, "the CA's order has an authorization for \"%s\"",
				  proof->name);
	}
}

/* Whatever it says, the order that came is the one that we have. */
static void check_new(struct issue *issue)
{
	const struct order *order = &issue->order;

	if (issue->fault.kind != FAULT_NONE)
		return;
	if (order->authorizations == 0 && order->state == STATE_PENDING)
		fault_set(&issue->fault, FAULT_FAILED, "new order: the CA's order is pending but has no authorizations");
	else if (check_order(order, &issue->fault) < 0)
		fault_at(&issue->fault, "new order");
}

/* The first name that stands in the way, one with a reason before one without; NULL: none does. */
static const struct proof *obstacle(const struct issue *issue, const struct proofs *proofs, bool final)
{
	const struct proof *found = NULL;

	for (size_t i = 0; i < issue->order.authorizations; i++) {
		const struct proof *proof = &proofs->list[issue->proof[i]];

		if (proof->state == STATE_VALID || (proof->state == STATE_PENDING && !proof->error && !final))
			continue;
		if (!found || (!found->error && proof->error))
			found = proof;
	}
	return found;
}

/* Nothing is answered for an order that is lost anyhow. */
static int want_proofs(const struct issue *issues, size_t n, struct proofs *proofs, struct fault *fault)
{
	proofs->groups = 0;
	for (size_t i = 0; i < proofs->count; i++)
		proofs->list[i].wanted = false;
	for (size_t i = 0; i < n; i++) {
		if (issues[i].fault.kind != FAULT_NONE || !issues[i].proof || obstacle(&issues[i], proofs, false))
			continue;
		for (size_t k = 0; k < issues[i].order.authorizations; k++)
			proofs->list[issues[i].proof[k]].wanted = true;
		if (proofs_group(proofs, issues[i].url, issues[i].proof, issues[i].order.authorizations) < 0)
			return fault_set(fault, FAULT_LATER, "not enough memory for authorizations");
	}
	return 0;
}

int issue_place(struct issue *issues, size_t n, struct acme *acme, struct proofs *proofs, struct fault *fault)
{
	bool again = true;

	for (int attempt = 0; attempt < ATTEMPTS && again; attempt++) {
		again = false;
		if (place_orders(issues, n, acme, fault) < 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			if (issues[i].url && !issues[i].proof)
				list_proofs(&issues[i], proofs);
		if (proofs_fetch(proofs, acme, fault) < 0)
			return -1;
		for (size_t i = 0; i < n; i++) {
			if (attempt + 1 < ATTEMPTS && is_stale(&issues[i], proofs)) {
				start_over(&issues[i]);
				again = true;
			} else if (issues[i].proof) {
				check_names(&issues[i], proofs);
				check_new(&issues[i]);
			}
		}
	}
	return want_proofs(issues, n, proofs, fault);
}

bool issue_lacks_account(struct issue *issues, size_t n)
{
	bool lacks = false;

	for (size_t i = 0; i < n; i++) {
		if (!issues[i].no_account)
			continue;
		start_over(&issues[i]);
		lacks = true;
	}
	return lacks;
}

void issue_judge(struct issue *issues, size_t n, const struct proofs *proofs)
{
	char visits[640];

	for (size_t i = 0; i < n; i++) {
		const struct proof *proof = NULL;

		if (issues[i].fault.kind == FAULT_NONE && issues[i].proof)
			proof = obstacle(&issues[i], proofs, true);
		if (!proof)
			continue;
		proof_tell(proof, visits, sizeof(visits));
		fault_set(&issues[i].fault, proof->error ? proof->kind : FAULT_LATER, "%s: %s%s%s",
			  proof->name ? proof->name : proof->url, proof->error ? proof->error : "not proved",
			  proof->challenge ? "; " : "", proof->challenge ? visits : "");
	}
}

static int64_t next_look(struct issue *issue, const struct exchange *exchange)
{
	int64_t wish = exchange ? exchange_retry_after(exchange, issue->delay, PATIENCE) : -1, delay = issue->delay;

	issue->delay = delay * 2 < SLOWEST_LOOK ? delay * 2 : SLOWEST_LOOK;
	return wish >= 0 ? wish : delay;
}

/* Aims the call at what comes next for an order in this state. */
static int64_t move_on(struct acme_call *call, const struct exchange *exchange)
{
	struct issue *issue = call->context;
	const struct order *order = &issue->order;

	if (check_order(order, &issue->fault) < 0) {
		fault_at(&issue->fault, "%s", call->step);
		return CALL_FINISHED;
	}
	call->payload = NULL;
	call->url = issue->url;
	if (order->state == STATE_VALID) {
		issue->stage = STAGE_DOWNLOAD;
		call->step = "certificate";
		call->url = order->certificate;
		return 0;
	}
	if (order->state == STATE_READY && issue->finalized < FINALIZE_TRIES) {
		call->url = order->finalize;
		call->payload = issue->payload;
		call->step = "finalization";
		issue->stage = STAGE_FINALIZE;
		return issue->finalized++ ? next_look(issue, exchange) : 0;
	}
	issue->stage = STAGE_WATCH;
	call->step = "order";
	return next_look(issue, exchange);
}

static int64_t install(struct issue *issue, const char *pem, size_t length)
{
	issue->stored = issue->signer->install(issue->signer->context, issue->index, pem, length, &issue->fault) == 0;
	return CALL_FINISHED;
}

/* The next chain that the CA has, or in the end the default one after all: any valid chain is better than none. */
static int64_t try_next(struct acme_call *call)
{
	struct issue *issue = call->context;

	if (issue->tried < ALTERNATES && issue->alternate[issue->tried]) {
		call->url = issue->alternate[issue->tried++];
		return 0;
	}
	issue->other_chain = true;
	return install(issue, issue->chain, strlen(issue->chain));
}

static int64_t took_alternate(struct acme_call *call, const struct exchange *exchange)
{
	struct issue *issue = call->context;
	struct fault why;

	if (exchange->used == 0 || exchange->used > CHAIN_SIZE ||
	    issue->signer->prefers(issue->signer->context, issue->index, exchange->data, exchange->used, &why) != 1 ||
	    issue->signer->install(issue->signer->context, issue->index, exchange->data, exchange->used, &why) < 0)
		return try_next(call);
	issue->stored = true;
	return CALL_FINISHED;
}

/* Keeps the default chain and where the others are, until it is clear which one it will be. */
static int64_t look_for_another(struct acme_call *call, const struct exchange *exchange)
{
	struct issue *issue = call->context;

	issue->chain = strndup(exchange->data, exchange->used);
	for (size_t i = 0; i < ALTERNATES && exchange->alternate[i][0]; i++)
		issue->alternate[i] = strdup(exchange->alternate[i]);
	if (!issue->chain) {
		fault_set(&issue->fault, FAULT_LATER, "not enough memory for a chain of certificates");
		return CALL_FINISHED;
	}
	issue->stage = STAGE_ALTERNATE;
	return try_next(call);
}

static int64_t downloaded(struct acme_call *call, const struct exchange *exchange)
{
	struct issue *issue = call->context;
	int wanted = 1;

	if (exchange->used == 0 || exchange->used > CHAIN_SIZE) {
		fault_set(&issue->fault, FAULT_FAILED, "certificate: the CA's chain has %zu bytes", exchange->used);
		return CALL_FINISHED;
	}
	if (issue_certificate(issue)->chain[0])
		wanted = issue->signer->prefers(issue->signer->context, issue->index, exchange->data, exchange->used,
						&issue->fault);
	if (wanted < 0)
		return CALL_FINISHED;
	return wanted ? install(issue, exchange->data, exchange->used) : look_for_another(call, exchange);
}

static int64_t progressed(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
			  const struct fault *fault)
{
	struct issue *issue = call->context;

	if (fault && issue->stage == STAGE_FINALIZE && problem && strcmp(problem->type, "orderNotReady") == 0) {
		issue->stage = STAGE_WATCH;
		call->url = issue->url;
		call->payload = NULL;
		call->step = "order";
		return next_look(issue, exchange);
	}
	if (issue->stage == STAGE_ALTERNATE)
		return fault ? try_next(call) : took_alternate(call, exchange);
	if (fault) {
		issue->fault = *fault;
		return CALL_FINISHED;
	}
	if (issue->stage == STAGE_DOWNLOAD)
		return downloaded(call, exchange);
	return read_order(issue, call, exchange) < 0 ? CALL_FINISHED : move_on(call, exchange);
}

/* Has the key made and the payload of finalize ready. */
static int make_request(struct issue *issue)
{
	const void *der;
	size_t length;

	if (issue->signer->request(issue->signer->context, issue->index, &der, &length, &issue->fault) < 0)
		return -1;
	free(issue->payload);
	issue->payload = jws_finalize(der, length);
	return issue->payload ? 0 : fault_set(&issue->fault, FAULT_LATER, "not enough memory for a request");
}

int issue_finish(struct issue *issues, size_t n, struct acme *acme, int64_t most, struct fault *fault)
{
	OWN_FREE struct acme_call *calls = calloc(n + 1, sizeof(*calls));
	size_t count = 0;

	if (!calls)
		return fault_errno(fault, FAULT_LATER, "finishing orders");
	for (size_t i = 0; i < n; i++) {
		struct issue *issue = &issues[i];
		struct acme_call *call = &calls[count];

		if (issue->fault.kind != FAULT_NONE || make_request(issue) < 0)
			continue;
		/* All authorizations are valid: what the CA said of the order before that is past. */
		if (issue->order.state == STATE_PENDING)
			issue->order.state = STATE_READY;
		issue->delay = FIRST_LOOK;
		call->step = "finalization";
		call->context = issue;
		call->done = progressed;
		if (move_on(call, NULL) != CALL_FINISHED)
			count++;
	}
	return acme_run(acme, calls, count, most, fault);
}
