// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/authorization.h"

#include <stdio.h>
#include <string.h>

#define FETCH_MOST   150000 /* ms for all authorizations, with their retries */
#define FIRST_LOOK   1000   /* ms after the answer, when nobody fetches the token */
#define FIRST_BLIND  50	    /* the same where we do not see who fetches it */
#define FIRST_BESIDE 2000   /* ms after the answer, while the order is looked at instead */
#define SECOND_LOOK  1000   /* ms after the CA has told why it did not validate a name and yet left it pending */
#define OLD_WORD     5000   /* ms after the answer that what an earlier run was told is not taken for what this one is */

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
	proof->proofs = proofs;
	proof->url = strdup(url);
	return proof->url ? (long)proofs->count++ : -1;
}

bool proof_is_pending(const struct proof *proof)
{
	return proof->state == STATE_PENDING && proof->wanted && !proof->error;
}

/* What the CA holds against a challenge that it leaves pending; "": nothing. */
static void take_word(struct proof *proof, const char *word, int64_t at)
{
	free(proof->word);
	proof->word = *word ? strdup(word) : NULL;
	proof->word_at = at;
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
		if (authorization->own_error)
			proof->old_word = strdup(authorization->error);
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

static int read_authorization(const struct acme_call *call, const struct exchange *exchange,
			      struct authorization *authorization, struct fault *fault)
{
	if (codec_authorization(exchange->data, exchange->used, authorization, fault) < 0)
		return fault_at(fault, "%s", call->step);
	return 0;
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
	else if (read_authorization(call, exchange, &authorization, &why) < 0)
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

		calls[i].step = "authorization";
		calls[i].url = proof->url;
		calls[i].context = proof;
		calls[i].done = fetched;
	}
	proofs->fetched = proofs->count;
	return acme_run(acme, calls, n, FETCH_MOST, fault);
}

int proofs_group(struct proofs *proofs, const char *url, const size_t *member, size_t members)
{
	if (proofs->groups == proofs->group_room) {
		size_t room = proofs->group_room ? proofs->group_room * 2 : 4;
		struct group *larger = reallocarray(proofs->group, room, sizeof(*larger));

		if (!larger)
			return -1;
		proofs->group = larger;
		proofs->group_room = room;
	}
	proofs->group[proofs->groups++] =
		(struct group){.url = url, .member = member, .members = members, .proofs = proofs};
	return 0;
}

static struct proof *member_of(const struct group *group, size_t i)
{
	return &group->proofs->list[group->member[i]];
}

/* From here on each of them is looked at by itself. */
static void disband(struct group *group, int64_t now)
{
	look_end(&group->look, group->proofs->acme);
	for (size_t i = 0; i < group->members; i++)
		if (proof_is_pending(member_of(group, i)))
			look_soon(&member_of(group, i)->look, now);
}

/* After news of a member: an order with a lost name never gets ready, one with all tokens fetched soon. */
static void consider(struct group *group, int64_t now)
{
	size_t pending = 0, visited = 0, lost = 0;

	if (!group->look.call)
		return;
	for (size_t i = 0; i < group->members; i++) {
		const struct proof *proof = member_of(group, i);

		pending += proof_is_pending(proof);
		visited += proof_is_pending(proof) && proof->seen;
		lost += proof->error || proof->word;
	}
	if (lost)
		disband(group, now);
	else if (pending == 0)
		look_end(&group->look, group->proofs->acme);
	else if (visited == pending)
		look_soon(&group->look, now);
}

/* Is there a group that is looked at instead of this one? Each that it is in hears of it. */
static bool tell_groups(const struct proof *proof, int64_t now)
{
	struct proofs *proofs = proof->proofs;
	bool in_one = false;

	for (size_t i = 0; i < proofs->groups; i++) {
		struct group *group = &proofs->group[i];

		for (size_t k = 0; group->look.call && k < group->members; k++) {
			if (member_of(group, k) != proof)
				continue;
			consider(group, now);
			in_one |= group->look.call != NULL;
		}
	}
	return in_one;
}

static void win(struct proof *proof)
{
	free(proof->error);
	proof->error = NULL;
	proof->state = STATE_VALID;
}

/* The order says it for all of them, those included that another order has, too. */
static void win_all(struct group *group, int64_t now)
{
	look_end(&group->look, group->proofs->acme);
	for (size_t i = 0; i < group->members; i++) {
		struct proof *proof = member_of(group, i);

		if (!proof_is_pending(proof))
			continue;
		win(proof);
		look_end(&proof->look, group->proofs->acme);
		tell_groups(proof, now);
	}
}

static int64_t looked_at_order(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
			       const struct fault *fault)
{
	struct group *group = call->context;
	struct order order;
	struct fault why;
	enum state state = STATE_UNKNOWN;

	(void)problem;
	if (!fault && codec_order(exchange->data, exchange->used, &order, &why) == 0) {
		state = order.state;
		order_free(&order);
	}
	if (state == STATE_PENDING)
		return look_again(&group->look, exchange);
	if (state == STATE_READY || state == STATE_PROCESSING || state == STATE_VALID)
		win_all(group, call->at);
	else /* lost, or an answer that tells us nothing: the authorizations will say why */
		disband(group, call->at);
	return CALL_FINISHED;
}

/* Final: its groups may be, too. */
static int64_t finished(struct proof *proof, int64_t now)
{
	tell_groups(proof, now);
	return CALL_FINISHED;
}

static bool is_at_it(const struct authorization *authorization)
{
	return authorization->challenge == STATE_PROCESSING || authorization->challenge == STATE_VALID;
}

/* From now on it is looked at by itself: its order will hardly get ready. */
static int64_t distrust(struct proof *proof, const char *word, int64_t now)
{
	take_word(proof, word, now);
	tell_groups(proof, now);
	return look_after(&proof->look, SECOND_LOOK);
}

/*
 * Some CAs (smallstep and what is built on it) leave an authorization pending after a failed validation, and say why in
 * its challenge. Nothing more comes then: a second look later it is lost. What was there before our answer is not about
 * it, unless it stays; and a CA that goes on trying by itself has the challenge in "processing" (RFC 8555, 8.2).
 */
static int64_t still_pending(struct proof *proof, const struct authorization *authorization, const struct exchange *exchange)
{
	const char *word = authorization->own_error ? authorization->error : "";
	bool old = proof->old_word && strcmp(proof->old_word, word) == 0;
	int64_t now = proof->look.call->at;
	char text[PROBLEM_SIZE + 64];

	if (is_at_it(authorization) || !*word || (old && now - proof->answered_at < OLD_WORD)) {
		take_word(proof, word, 0);
		return look_again(&proof->look, exchange);
	}
	if (!proof->word || !proof->word_at)
		return distrust(proof, word, now);
	if (now - proof->word_at < SECOND_LOOK)
		return look_after(&proof->look, proof->word_at + SECOND_LOOK - now);
	snprintf(text, sizeof(text), "%s (the CA leaves the authorization pending)", word);
	lose(proof, FAULT_FAILED, text);
	return finished(proof, now);
}

/* No final answer came. If the CA has told meanwhile what is wrong, that is the reason to look for. */
static void lose_unanswered(struct proof *proof, const struct fault *fault)
{
	char text[FAULT_TEXT_SIZE + PROBLEM_SIZE + 64];

	snprintf(text, sizeof(text), "%s%s%s", fault->text, proof->word ? "; the CA's last word was " : "",
		 proof->word ? proof->word : "");
	lose(proof, fault->kind, text);
}

static int64_t looked(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
		      const struct fault *fault)
{
	struct proof *proof = call->context;
	struct authorization authorization;
	struct fault why;

	(void)problem;
	if (fault)
		lose_unanswered(proof, fault);
	else if (read_authorization(call, exchange, &authorization, &why) < 0)
		lose(proof, why.kind, why.text);
	else if (authorization.state == STATE_PENDING && (!proof->doubtful || is_at_it(&authorization)))
		return still_pending(proof, &authorization, exchange);
	else if (authorization.state == STATE_VALID)
		win(proof);
	else if (authorization.state != STATE_PENDING) /* else the CA's refusal stands as the reason */
		lose(proof, FAULT_FAILED,
		     authorization.error[0] ? authorization.error : "the CA says no more than that it is invalid");
	return finished(proof, call->at);
}

/* The CA may have validated before it answered, and what came of it is in the answer. */
static int64_t take_challenge(struct proof *proof, const struct exchange *exchange, int64_t now)
{
	char error[PROBLEM_SIZE];
	enum state state = codec_challenge(exchange->data, exchange->used, error);
	bool old = proof->old_word && strcmp(proof->old_word, error) == 0;

	if (state == STATE_PENDING && *error && !old)
		return distrust(proof, error, now);
	if (state == STATE_INVALID)
		take_word(proof, *error ? error : "invalid", now);
	proof->seen |= state == STATE_VALID || state == STATE_INVALID;
	if (proof->seen && !tell_groups(proof, now))
		look_soon(&proof->look, now);
	return look_wait(&proof->look);
}

/* From answering the challenge to watching the authorization, in the same call. */
static int64_t answered(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
			const struct fault *fault)
{
	struct proof *proof = call->context;
	bool malformed;

	proof->answered_at = call->at;
	call->url = proof->url;
	call->payload = NULL;
	call->done = looked;
	if (!fault) {
		call->step = "authorization";
		return take_challenge(proof, exchange, call->at);
	}
	malformed = problem && strcmp(problem->type, "malformed") == 0;
	if (problem && (strcmp(problem->type, "conflict") == 0 || (malformed && acme_was_repeated(call)))) {
		call->step = "authorization";
		return look_wait(&proof->look); /* it had the answer already, and is at it */
	}
	lose(proof, fault->kind, fault->text);
	proof->doubtful = malformed;
	return proof->doubtful ? 0 : finished(proof, call->at);
}

/* Before anybody has fetched the token there is nothing to see. */
static int64_t first_look(const struct proofs *proofs)
{
	return proofs->webroot ? FIRST_BLIND : FIRST_LOOK;
}

static void arm(struct proof *proof, struct acme_call *call)
{
	*call = (struct acme_call){
		.step = proof->under_way ? "authorization" : "challenge",
		.url = proof->under_way ? proof->url : proof->challenge,
		.payload = proof->under_way ? NULL : "{}",
		.done = proof->under_way ? looked : answered,
		.context = proof,
	};
	look_start(&proof->look, call, first_look(proof->proofs));
}

/* Worth a call when it saves one; its members then wait for it longer. */
static void arm_group(struct group *group, struct acme_call *call)
{
	size_t pending = 0;

	call->done = looked_at_order;
	call->step = "order";
	call->url = group->url;
	call->context = group;
	for (size_t i = 0; i < group->members; i++)
		pending += proof_is_pending(member_of(group, i));
	if (pending < 2) {
		acme_discard(call, 1);
		return;
	}
	look_start(&group->look, call, first_look(group->proofs));
	for (size_t i = 0; i < group->members; i++)
		member_of(group, i)->look.delay = FIRST_BESIDE;
}

int proofs_arm(struct proofs *proofs, struct acme *acme, struct fault *fault)
{
	for (size_t i = 0; i < proofs->count; i++)
		proofs->pending += proof_is_pending(&proofs->list[i]);
	proofs->acme = acme;
	proofs->calls = calloc(proofs->pending + proofs->groups + 1, sizeof(*proofs->calls));
	if (!proofs->calls)
		return fault_errno(fault, FAULT_LATER, "preparing the answers");
	for (size_t i = 0, k = 0; i < proofs->count; i++)
		if (proof_is_pending(&proofs->list[i]))
			arm(&proofs->list[i], &proofs->calls[k++]);
	for (size_t i = 0; i < proofs->groups; i++)
		arm_group(&proofs->group[i], &proofs->calls[proofs->pending + i]);
	if (acme_gather_nonces(acme, proofs->pending, fault) < 0)
		return -1;
	return acme_presign(acme, proofs->calls, proofs->pending, fault);
}

int proofs_answer(struct proofs *proofs, struct acme *acme, int64_t most, struct fault *fault)
{
	int64_t now = acme_now(acme);
	int rc;

	for (size_t i = 0; i < proofs->groups; i++)
		if (proofs->group[i].look.call)
			look_by(&proofs->group[i].look, now);
	acme_hurry(acme, true);
	rc = acme_run(acme, proofs->calls, proofs->pending + proofs->groups, most, fault);
	acme_hurry(acme, false);
	return rc;
}

void proofs_drop(struct proofs *proofs, enum fault_kind kind, const char *why)
{
	for (size_t i = 0; i < proofs->count; i++)
		if (proof_is_pending(&proofs->list[i]))
			lose(&proofs->list[i], kind, why);
}

void proofs_hit(struct proofs *proofs, const struct hit *hit, int64_t now)
{
	for (size_t i = 0; i < proofs->count; i++) {
		struct proof *proof = &proofs->list[i];
		size_t used = strlen(proof->visitors);

		if (!proof->token[0] || strcmp(proof->token, hit->token) != 0)
			continue;
		proof->hits++;
		proof->seen = true;
		if (!tell_groups(proof, now))
			look_soon(&proof->look, now);
		if (!strstr(proof->visitors, hit->address) && used + strlen(hit->address) + 3 < sizeof(proof->visitors))
			snprintf(proof->visitors + used, sizeof(proof->visitors) - used, "%s%s", used ? ", " : "",
				 hit->address);
		return;
	}
}

/* Nobody has asked for the token. Strangers knock at the port too, so packets alone do not say that the CA's came. */
static void tell_absence(const struct closed *closed, char *text, size_t size)
{
	if (closed->shut[0])
		snprintf(text, size, "no validation request reached this host: somebody has put a rule that blocks the port ahead of acmegate's "
			 "while it was open (%s)", closed->shut);
	else if (!closed->counted)
		snprintf(text, size, "no validation request reached this host");
	else if (closed->packets == 0)
		snprintf(text, size, "no validation request reached this host, nor any packet for the port");
	else
		snprintf(text, size, "no request for the token came, although %llu packet%s for the port %s let in: were they the CA's, then its "
			 "answers do not get out of this host or not back to it (ip route get ADDRESS; acmegate plan)",
			 (unsigned long long)closed->packets, closed->packets == 1 ? "" : "s", closed->packets == 1 ? "was" : "were");
}

void proof_tell(const struct proof *proof, char *text, size_t size)
{
	const struct closed *closed = &proof->proofs->closed;
	const bool nothing = proof->state != STATE_VALID && (closed->shut[0] || (closed->counted && !closed->packets));

	if (proof->proofs->webroot && nothing)
		tell_absence(closed, text, size);
	else if (proof->proofs->webroot)
		snprintf(text, size, proof->state == STATE_VALID ? "out of %s" : "is %s/.well-known/acme-challenge what the web server "
			 "here answers on this name and port 80 with, without asking for a password?", proof->proofs->webroot);
	else if (proof->hits == 0)
		tell_absence(closed, text, size);
	else
		snprintf(text, size, "%u request%s from %s %s answered%s", proof->hits, proof->hits == 1 ? "" : "s",
			 proof->visitors, proof->hits == 1 ? "was" : "were", proof->state == STATE_VALID ? "" :
			 ", and the CA says otherwise: do all addresses of the name, A and AAAA, lead to this host?");
}

void proofs_free(struct proofs *proofs)
{
	for (size_t i = 0; i < proofs->count; i++) {
		free(proofs->list[i].url);
		free(proofs->list[i].name);
		free(proofs->list[i].challenge);
		free(proofs->list[i].error);
		free(proofs->list[i].old_word);
		free(proofs->list[i].word);
	}
	free(proofs->list);
	acme_discard(proofs->calls, proofs->calls ? proofs->pending + proofs->groups : 0);
	free(proofs->calls);
	free(proofs->group);
	memset(proofs, 0, sizeof(*proofs));
}
