// SPDX-License-Identifier: GPL-3.0-or-later
#include "proof.h"

#include <stdio.h>
#include <string.h>

#define FETCH_MOST   150000 /* ms for all authorizations, with their retries */
#define FIRST_LOOK   5	    /* ms after the answer: a CA nearby needs 4 */
#define SLOWEST_LOOK 5000   /* ms between two looks, also if Retry-After asks for more: a port is open */

static void lose(struct proof *proof, enum fault_kind kind, const char *why)
{
	free(proof->error);
	proof->error = strdup(why);
	proof->kind = kind;
	if (proof->state == STATE_VALID || proof->state == STATE_PENDING)
		proof->state = STATE_INVALID;
}

long proofs_add(struct proofs *proofs, const char *url)
{
	struct proof *proof;

	for (size_t i = 0; i < proofs->count; i++)
		if (strcmp(proofs->list[i].url, url) == 0)
			return (long)i;
	if (proofs->count == proofs->room) {
		size_t room = proofs->room ? proofs->room * 2 : 16;
		struct proof *larger = reallocarray(proofs->list, room, sizeof(*larger));

		if (!larger)
			return -1;
		proofs->list = larger;
		proofs->room = room;
	}
	proof = &proofs->list[proofs->count];
	memset(proof, 0, sizeof(*proof));
	proof->url = strdup(url);
	return proof->url ? (long)proofs->count++ : -1;
}

bool proof_is_pending(const struct proof *proof)
{
	return proof->state == STATE_PENDING && proof->wanted && !proof->error;
}

/* Makes the proof what a fetched authorization says of it. */
static void take_authorization(struct proof *proof, const struct authorization *authorization)
{
	char text[PROBLEM_SIZE + 64];

	proof->state = authorization->state;
	proof->under_way = authorization->challenge == STATE_PROCESSING || authorization->challenge == STATE_VALID;
	memcpy(proof->token, authorization->token, sizeof(proof->token));
	proof->name = strdup(authorization->identifier);
	if (proof->state == STATE_VALID)
		return;
	if (proof->state == STATE_PENDING && authorization->url[0]) {
		proof->challenge = strdup(authorization->url);
		if (!proof->challenge || !proof->name)
			lose(proof, FAULT_LATER, "not enough memory");
		return;
	}
	proof->stale = proof->state != STATE_PENDING;
	if (proof->stale)
		snprintf(text, sizeof(text), "the CA has an old authorization that is %s%s%s", state_name(proof->state),
			 authorization->error[0] ? ": " : "", authorization->error);
	else
		snprintf(text, sizeof(text), "the CA offers no http-01 challenge that we could answer");
	lose(proof, FAULT_FAILED, text);
}

static int64_t fetched(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
		       const struct fault *fault)
{
	struct proof *proof = call->context;
	struct authorization authorization;
	struct fault why;

	(void)problem;
	if (fault)
		lose(proof, fault->kind, fault->text);
	else if (codec_authorization(exchange->data, exchange->used, &authorization, &why) < 0)
		lose(proof, why.kind, why.text);
	else
		take_authorization(proof, &authorization);
	return CALL_FINISHED;
}

int proofs_fetch(struct proofs *proofs, struct acme *acme, struct fault *fault)
{
	size_t n = proofs->count - proofs->fetched;
	OWN_FREE struct acme_call *calls = calloc(n ? n : 1, sizeof(*calls));

	if (!calls)
		return fault_errno(fault, FAULT_LATER, "fetching authorizations");
	for (size_t i = 0; i < n; i++) {
		struct proof *proof = &proofs->list[proofs->fetched + i];

		calls[i].url = proof->url;
		calls[i].context = proof;
		calls[i].done = fetched;
	}
	proofs->fetched = proofs->count;
	return acme_run(acme, calls, n, FETCH_MOST, fault);
}

static int64_t next_look(struct proof *proof, const struct exchange *exchange)
{
	int64_t delay = proof->delay, wish = exchange_retry_after(exchange, delay, SLOWEST_LOOK);

	proof->delay = delay * 2 < SLOWEST_LOOK ? delay * 2 : SLOWEST_LOOK;
	return wish >= 0 ? wish : delay;
}

static int64_t looked(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
		      const struct fault *fault)
{
	struct proof *proof = call->context;
	struct authorization authorization;
	struct fault why;

	(void)problem;
	if (fault) {
		lose(proof, fault->kind, fault->text);
		return CALL_FINISHED;
	}
	if (codec_authorization(exchange->data, exchange->used, &authorization, &why) < 0) {
		lose(proof, why.kind, why.text);
		return CALL_FINISHED;
	}
	if (authorization.state == STATE_PENDING && !proof->doubtful)
		return next_look(proof, exchange);
	if (authorization.state == STATE_VALID) {
		free(proof->error);
		proof->error = NULL;
		proof->state = STATE_VALID;
	} else if (authorization.state != STATE_PENDING) { /* else the CA's refusal stands as the reason */
		lose(proof, FAULT_FAILED,
		     authorization.error[0] ? authorization.error : "the CA says no more than that it is invalid");
	}
	return CALL_FINISHED;
}

/* From answering the challenge to watching the authorization, in the same call. */
static int64_t answered(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
			const struct fault *fault)
{
	struct proof *proof = call->context;

	(void)exchange;
	if (fault) {
		lose(proof, fault->kind, fault->text);
		proof->doubtful = problem && strcmp(problem->type, "malformed") == 0;
		if (!proof->doubtful)
			return CALL_FINISHED;
	}
	call->url = proof->url;
	call->payload = NULL;
	call->done = looked;
	return proof->delay;
}

int proofs_arm(struct proofs *proofs, struct acme *acme, struct fault *fault)
{
	for (size_t i = 0; i < proofs->count; i++)
		proofs->pending += proof_is_pending(&proofs->list[i]);
	proofs->calls = calloc(proofs->pending + 1, sizeof(*proofs->calls));
	if (!proofs->calls)
		return fault_errno(fault, FAULT_LATER, "preparing the answers");
	for (size_t i = 0, k = 0; i < proofs->count; i++) {
		struct proof *proof = &proofs->list[i];

		if (!proof_is_pending(proof))
			continue;
		proof->delay = FIRST_LOOK;
		proofs->calls[k++] = (struct acme_call){
			.url = proof->under_way ? proof->url : proof->challenge,
			.payload = proof->under_way ? NULL : "{}",
			.done = proof->under_way ? looked : answered,
			.context = proof,
		};
	}
	if (acme_gather_nonces(acme, proofs->pending, fault) < 0)
		return -1;
	return acme_presign(acme, proofs->calls, proofs->pending, fault);
}

int proofs_answer(struct proofs *proofs, struct acme *acme, int64_t most, struct fault *fault)
{
	return acme_run(acme, proofs->calls, proofs->pending, most, fault);
}

void proofs_drop(struct proofs *proofs, enum fault_kind kind, const char *why)
{
	for (size_t i = 0; i < proofs->count; i++)
		if (proof_is_pending(&proofs->list[i]))
			lose(&proofs->list[i], kind, why);
}

void proofs_hit(struct proofs *proofs, const struct hit *hit)
{
	for (size_t i = 0; i < proofs->count; i++) {
		struct proof *proof = &proofs->list[i];
		size_t used = strlen(proof->visitors);

		if (!proof->token[0] || strcmp(proof->token, hit->token) != 0)
			continue;
		proof->hits++;
		if (!strstr(proof->visitors, hit->address) && used + strlen(hit->address) + 3 < sizeof(proof->visitors))
			snprintf(proof->visitors + used, sizeof(proof->visitors) - used, "%s%s", used ? ", " : "",
				 hit->address);
		return;
	}
}

void proof_tell(const struct proof *proof, char *text, size_t size)
{
	if (proof->hits == 0)
		snprintf(text, size, "no validation request reached this host");
	else
		snprintf(text, size, "%u request%s from %s %s answered", proof->hits, proof->hits == 1 ? "" : "s",
			 proof->visitors, proof->hits == 1 ? "was" : "were");
}

void proofs_free(struct proofs *proofs)
{
	for (size_t i = 0; i < proofs->count; i++) {
		free(proofs->list[i].url);
		free(proofs->list[i].name);
		free(proofs->list[i].challenge);
		free(proofs->list[i].error);
	}
	free(proofs->list);
	acme_discard(proofs->calls, proofs->calls ? proofs->pending : 0);
	free(proofs->calls);
	memset(proofs, 0, sizeof(*proofs));
}
