// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/challenge.h"

#include <stdio.h>
#include <string.h>

#include "acme/problem.h"

#define FIRST_POLL 1000	  /* ms after the response, when nobody fetches the token */
#define FIRST_BLIND 50	  /* the same where we do not see who fetches it */
#define FIRST_BESIDE 2000 /* ms after the response, while the order is polled instead */
#define SECOND_POLL 1000  /* ms from a challenge's error to the next poll of an authorization that is still pending */
#define OLD_ERROR 5000	  /* ms after the response in which the same error as before it is that of an earlier run */

static struct authorization *member_of(const struct group *group, size_t i)
{
	return &group->list->item[group->member[i]];
}

/* Ends the poll of the order: each member is polled by itself from now on. */
static void disband(struct group *group, int64_t now)
{
	poll_end(&group->poll, group->list->acme);
	for (size_t i = 0; i < group->members; i++)
		if (authorization_is_pending(member_of(group, i)))
			poll_soon(&member_of(group, i)->poll, now);
}

/* After news of a member: an order with a failed name never gets ready; one with all tokens fetched is ready soon. */
static void consider(struct group *group, int64_t now)
{
	size_t pending = 0, visited = 0, failed = 0;

	if (!group->poll.call)
		return;
	for (size_t i = 0; i < group->members; i++) {
		const struct authorization *authorization = member_of(group, i);

		pending += authorization_is_pending(authorization);
		visited += authorization_is_pending(authorization) && authorization->seen;
		failed += authorization->error || authorization->challenge_error;
	}
	if (failed)
		disband(group, now);
	else if (pending == 0)
		poll_end(&group->poll, group->list->acme);
	else if (visited == pending)
		poll_soon(&group->poll, now);
}

/* Tells each group of this member about the news. Returns true if an order is polled in its place. */
static bool tell_groups(const struct authorization *authorization, int64_t now)
{
	struct authorizations *list = authorization->list;
	bool in_one = false;

	for (size_t i = 0; i < list->groups; i++) {
		struct group *group = &list->group[i];

		for (size_t k = 0; group->poll.call && k < group->members; k++) {
			if (member_of(group, k) != authorization)
				continue;
			consider(group, now);
			in_one |= group->poll.call != NULL;
		}
	}
	return in_one;
}

static void pass(struct authorization *authorization)
{
	free(authorization->error);
	authorization->error = NULL;
	authorization->state = STATE_VALID;
}

/* The order is ready: all its authorizations are valid, also in the other orders that have them. */
static void pass_all(struct group *group, int64_t now)
{
	poll_end(&group->poll, group->list->acme);
	for (size_t i = 0; i < group->members; i++) {
		struct authorization *authorization = member_of(group, i);

		if (!authorization_is_pending(authorization))
			continue;
		pass(authorization);
		poll_end(&authorization->poll, group->list->acme);
		tell_groups(authorization, now);
	}
}

static int64_t polled_order(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
			    const struct fault *fault)
{
	struct group *group = call->context;
	struct order_object object;
	struct fault why;
	enum state state = STATE_UNKNOWN;

	(void)problem;
	if (!fault && codec_order(exchange->data, exchange->used, &object, &why) == 0) {
		state = object.state;
		codec_order_free(&object);
	}
	if (state == STATE_PENDING)
		return poll_again(&group->poll, exchange);
	if (state == STATE_READY || state == STATE_PROCESSING || state == STATE_VALID)
		pass_all(group, call->at);
	else /* a failed order, or no usable answer: the authorizations say why */
		disband(group, call->at);
	return CALL_FINISHED;
}

/* This authorization is final; its groups may be final too. */
static int64_t finished(struct authorization *authorization, int64_t now)
{
	tell_groups(authorization, now);
	return CALL_FINISHED;
}

static bool is_working(const struct authorization_object *object)
{
	return object->challenge == STATE_PROCESSING || object->challenge == STATE_VALID;
}

/* The order will hardly get ready: from now on this authorization is polled by itself. */
static int64_t note_error(struct authorization *authorization, const char *error, int64_t now)
{
	authorization_note_error(authorization, error, now);
	tell_groups(authorization, now);
	return poll_after(&authorization->poll, SECOND_POLL);
}

/*
 * After a failed validation some CAs (smallstep and CAs built on it) leave the authorization pending, put the reason into its
 * challenge, and do no more: the second poll that shows it ends the authorization. An error from before our response counts only if
 * it stays for OLD_ERROR ms. A CA that tries again by itself keeps the challenge in "processing" (RFC 8555, 8.2).
 */
static int64_t still_pending(struct authorization *authorization, const struct authorization_object *object,
			     const struct exchange *exchange)
{
	const char *error = object->own_error ? object->error : "";
	bool old = authorization->old_challenge_error && strcmp(authorization->old_challenge_error, error) == 0;
	int64_t now = authorization->poll.call->at;
	char text[PROBLEM_SIZE + 64];

	if (is_working(object) || !*error || (old && now - authorization->responded_at < OLD_ERROR)) {
		authorization_note_error(authorization, error, 0);
		return poll_again(&authorization->poll, exchange);
	}
	if (!authorization->challenge_error || !authorization->challenge_error_at)
		return note_error(authorization, error, now);
	if (now - authorization->challenge_error_at < SECOND_POLL)
		return poll_after(&authorization->poll, authorization->challenge_error_at + SECOND_POLL - now);
	snprintf(text, sizeof(text), "%s (the CA leaves the authorization pending)", error);
	authorization_fail_validation(authorization, object->error_type, text);
	return finished(authorization, now);
}

/* No final answer came. The challenge's error, if the CA has sent one, says why. */
static void fail_unanswered(struct authorization *authorization, const struct exchange *exchange, const struct problem *problem,
			    const struct fault *fault)
{
	char text[FAULT_TEXT_SIZE + PROBLEM_SIZE + 64];

	authorization->outcome = problem_outcome(exchange, problem, fault);
	snprintf(text, sizeof(text), "%s%s%s", fault->text, authorization->challenge_error ? "; the CA's last word was " : "",
		 authorization->challenge_error ? authorization->challenge_error : "");
	authorization_fail(authorization, fault->kind, text);
}

static int64_t polled(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
		      const struct fault *fault)
{
	struct authorization *authorization = call->context;
	struct authorization_object object;
	struct fault why;

	if (fault)
		fail_unanswered(authorization, exchange, problem, fault);
	else if (authorization_read(call, exchange, &object, &why) < 0)
		authorization_fail_request(authorization, exchange, NULL, &why);
	else if (object.state == STATE_PENDING && (!authorization->doubtful || is_working(&object)))
		return still_pending(authorization, &object, exchange);
	else if (object.state == STATE_VALID)
		pass(authorization);
	else if (object.state != STATE_PENDING) /* pending: the error of our response is the reason */
		authorization_fail_validation(authorization, object.error_type,
					      object.error[0] ? object.error : "the CA says no more than that it is invalid");
	return finished(authorization, call->at);
}

/* A CA may validate before it answers: its answer then holds the result. */
static int64_t take_challenge(struct authorization *authorization, const struct exchange *exchange, int64_t now)
{
	char error[PROBLEM_SIZE];
	enum state state = codec_challenge(exchange->data, exchange->used, error);
	bool old = authorization->old_challenge_error && strcmp(authorization->old_challenge_error, error) == 0;

	if (state == STATE_PENDING && *error && !old)
		return note_error(authorization, error, now);
	if (state == STATE_INVALID)
		authorization_note_error(authorization, *error ? error : "invalid", now);
	authorization->seen |= state == STATE_VALID || state == STATE_INVALID;
	if (authorization->seen && !tell_groups(authorization, now))
		poll_soon(&authorization->poll, now);
	return poll_wait(&authorization->poll);
}

/* The CA has our response: from here on the same call polls the authorization. */
static int64_t responded(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
			 const struct fault *fault)
{
	struct authorization *authorization = call->context;
	bool malformed, conflict;

	authorization->responded_at = call->at;
	call->url = authorization->url;
	call->payload = NULL;
	call->done = polled;
	if (!fault) {
		call->step = "authorization";
		return take_challenge(authorization, exchange, call->at);
	}
	malformed = problem && problem->type == PROBLEM_MALFORMED;
	conflict = problem && (problem->type == PROBLEM_CONFLICT || exchange->status == 409);
	if (conflict || (malformed && acme_was_repeated(call))) {
		call->step = "authorization";
		return poll_wait(&authorization->poll); /* the CA had the response already, and validates */
	}
	authorization_fail_request(authorization, exchange, problem, fault);
	authorization->doubtful = malformed;
	return authorization->doubtful ? 0 : finished(authorization, call->at);
}

/* A CA has no result before it has fetched the token. */
static int64_t first_poll(const struct authorizations *list)
{
	return (list->webroot && list->window == WINDOW_HTTP) || !list->window ? FIRST_BLIND : FIRST_POLL;
}

static void prepare(struct authorization *authorization, struct acme_call *call)
{
	*call = (struct acme_call){
		.step = authorization->under_way ? "authorization" : "challenge",
		.url = authorization->under_way ? authorization->url : authorization->challenge,
		.payload = authorization->under_way ? NULL : "{}",
		.done = authorization->under_way ? polled : responded,
		.context = authorization,
	};
	poll_start(&authorization->poll, call, first_poll(authorization->list));
}

static bool is_at_hand(const struct authorization *authorization)
{
	return authorization_is_at_hand(authorization, authorization->list->window);
}

/* One poll of the order saves those of its members, if it has at least two, and none that waits for its turn; these wait longer for it. */
static void prepare_group(struct group *group, struct acme_call *call)
{
	size_t pending = 0, at_hand = 0;

	call->done = polled_order;
	call->step = "order";
	call->url = group->url;
	call->context = group;
	for (size_t i = 0; i < group->members; i++) {
		pending += authorization_is_pending(member_of(group, i));
		at_hand += is_at_hand(member_of(group, i));
	}
	if (at_hand < 2 || at_hand < pending) {
		acme_discard(call, 1);
		return;
	}
	poll_start(&group->poll, call, first_poll(group->list));
	for (size_t i = 0; i < group->members; i++)
		member_of(group, i)->poll.delay = FIRST_BESIDE;
}

int challenges_prepare(struct authorizations *list, enum challenge_window window, struct acme *acme, struct fault *fault)
{
	authorizations_discard_calls(list);
	list->window = window;
	authorizations_take_turns(list);
	for (size_t i = 0; i < list->count; i++)
		list->pending += is_at_hand(&list->item[i]);
	list->acme = acme;
	list->calls = calloc(list->pending + list->groups + 1, sizeof(*list->calls));
	if (!list->calls)
		return fault_errno(fault, FAULT_LATER, "preparing the responses to challenges");
	list->called = list->pending + list->groups;
	for (size_t i = 0, k = 0; i < list->count; i++)
		if (is_at_hand(&list->item[i]))
			prepare(&list->item[i], &list->calls[k++]);
	for (size_t i = 0; i < list->groups; i++)
		prepare_group(&list->group[i], &list->calls[list->pending + i]);
	if (acme_gather_nonces(acme, list->pending, fault) < 0)
		return -1;
	return acme_presign(acme, list->calls, list->pending, fault);
}

int challenges_respond(struct authorizations *list, struct acme *acme, int64_t most, struct fault *fault)
{
	int64_t now = acme_now(acme);
	int rc;

	for (size_t i = 0; i < list->groups; i++)
		if (list->group[i].poll.call)
			poll_by(&list->group[i].poll, now);
	acme_hurry(acme, true);
	rc = acme_run(acme, list->calls, list->pending + list->groups, most, fault);
	acme_hurry(acme, false);
	return rc;
}

static bool is_among(const char *visitors, const char *address)
{
	const size_t length = strlen(address);

	for (const char *at = visitors; (at = strstr(at, address)); at += length)
		if ((at == visitors || at[-1] == ' ') && (!at[length] || at[length] == ','))
			return true;
	return false;
}

/* Each address once, as long as there is room. */
static void add_visitor(struct authorization *authorization, const char *address)
{
	const size_t used = strlen(authorization->visitors), size = sizeof(authorization->visitors);

	if (*address && !is_among(authorization->visitors, address) && used + strlen(address) + 3 < size)
		snprintf(authorization->visitors + used, size - used, "%s%s", used ? ", " : "", address);
}

void challenges_hit(struct authorizations *list, const struct hit *hit, int64_t now)
{
	for (size_t i = 0; i < list->count; i++) {
		struct authorization *authorization = &list->item[i];

		if (!authorization->token[0] || strcmp(authorization->token, hit->token) != 0)
			continue;
		authorization->hits++;
		authorization->seen = true;
		if (!tell_groups(authorization, now))
			poll_soon(&authorization->poll, now);
		add_visitor(authorization, hit->address);
		return;
	}
}
