// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/authorization.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "acme/problem.h"
#include "base/log.h"

#define FETCH_MOST 150000 /* ms for all authorizations, with their retries */

void authorization_fail(struct authorization *authorization, enum fault_kind kind, const char *why)
{
	free(authorization->error);
	authorization->error = strdup(why);
	authorization->kind = kind;
	if (authorization->state == STATE_VALID || authorization->state == STATE_PENDING)
		authorization->state = STATE_INVALID;
}

void authorization_fail_request(struct authorization *authorization, const struct exchange *exchange, const struct problem *problem,
				const struct fault *fault)
{
	authorization->outcome = problem_outcome(exchange, problem, fault);
	authorization_fail(authorization, fault->kind, fault->text);
}

/* These say that the CA will not, whatever the next request for the token meets. */
static bool is_refusal(const char *type)
{
	static const char *const types[] = { "caa", "rejectedIdentifier", "unsupportedIdentifier" };

	for (size_t i = 0; i < LENGTH_OF(types); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

void authorization_fail_validation(struct authorization *authorization, const char *type, const char *why)
{
	authorization->outcome = (struct outcome){ .result = is_refusal(type) ? RESULT_REFUSED : RESULT_INVALID };
	snprintf(authorization->outcome.type, sizeof(authorization->outcome.type), "%s", type);
	authorization_fail(authorization, FAULT_FAILED, why);
}

void authorization_note_error(struct authorization *authorization, const char *error, int64_t at)
{
	free(authorization->challenge_error);
	authorization->challenge_error = *error ? strdup(error) : NULL;
	authorization->challenge_error_at = at;
}

long authorizations_add(struct authorizations *list, const char *url, const struct certificate *certificate, uint32_t index)
{
	struct authorization *authorization;

	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->item[i].url, url) == 0)
			return (long)i;
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 16;
		struct authorization *larger = reallocarray(list->item, room, sizeof(*larger));

		if (!larger)
			return -1;
		list->item = larger;
		list->room = room;
	}
	authorization = &list->item[list->count];
	memset(authorization, 0, sizeof(*authorization));
	authorization->list = list;
	authorization->certificate = certificate;
	authorization->index = index;
	authorization->url = strdup(url);
	return authorization->url ? (long)list->count++ : -1;
}

bool authorization_is_pending(const struct authorization *authorization)
{
	return authorization->state == STATE_PENDING && authorization->wanted && !authorization->error;
}

bool authorization_is_at_hand(const struct authorization *authorization, enum challenge_window window)
{
	return authorization_is_pending(authorization) && challenge_kinds[authorization->type].window == window &&
	       !authorization->waits;
}

void authorizations_take_turns(struct authorizations *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct authorization *authorization = &list->item[i];

		if (challenge_kinds[authorization->type].window != WINDOW_TLS)
			continue;
		authorization->waits = false;
		if (!authorization_is_at_hand(authorization, WINDOW_TLS) || !authorization->name)
			continue;
		for (size_t k = 0; k < i && !authorization->waits; k++)
			authorization->waits = authorization_is_at_hand(&list->item[k], WINDOW_TLS) && list->item[k].name &&
					       !strcasecmp(list->item[k].name, authorization->name);
	}
}

size_t authorizations_resume(struct authorizations *list)
{
	size_t waiting = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct authorization *authorization = &list->item[i];

		if (challenge_kinds[authorization->type].window != WINDOW_NONE)
			continue;
		waiting += authorization->waits && authorization_is_pending(authorization);
		authorization->waits = false;
	}
	return waiting;
}

bool authorizations_pend(const struct authorizations *list, enum challenge_window window)
{
	for (size_t i = 0; i < list->count; i++)
		if (authorization_is_pending(&list->item[i]) && challenge_kinds[list->item[i].type].window == window)
			return true;
	return false;
}

static char *name_of(const struct authorization_object *object)
{
	char name[NAME_SIZE + 2];

	snprintf(name, sizeof(name), "%s%s", object->wildcard ? "*." : "", object->identifier);
	return strdup(name);
}

static enum challenge_type type_of(const struct certificate *certificate, uint32_t i)
{
	return certificate && certificate->challenges ? (enum challenge_type)certificate->challenge[i] : CHALLENGE_HTTP;
}

/* The reason why no challenge that the CA offers is in the configuration. */
static void tell_offers(const struct authorization *authorization, const struct authorization_object *object, char *text, size_t size)
{
	const struct certificate *certificate = authorization->certificate;
	int used = snprintf(text, size, "%s%sthe CA offers %s for it, and the configuration has challenge =",
			    authorization->reason ? authorization->reason : "", authorization->reason ? "; " : "",
			    object->offers[0] ? object->offers : "no challenge");

	for (uint32_t i = 0; i < config_challenges(certificate) && used > 0 && (size_t)used < size; i++)
		used += snprintf(text + used, size - (size_t)used, "%s %s", i ? "," : "",
				 challenge_kinds[type_of(certificate, i)].type);
	if (object->spoiled[0] && used > 0 && (size_t)used < size)
		snprintf(text + used, size - (size_t)used, "; %s", object->spoiled);
}

static int take_offer(struct authorization *authorization, const struct persist_offer *offer)
{
	free(authorization->offer);
	authorization->offer = malloc(sizeof(*offer));
	if (!authorization->offer)
		return -1;
	*authorization->offer = *offer;
	return 0;
}

/* Fills the authorization from the object that the CA has sent. */
static void take_authorization(struct authorization *authorization, const struct authorization_object *object)
{
	char text[PROBLEM_SIZE + FAULT_TEXT_SIZE + 64];

	authorization->type = object->type;
	authorization->state = object->state;
	authorization->under_way = object->challenge == STATE_PROCESSING || object->challenge == STATE_VALID;
	memcpy(authorization->token, object->token, sizeof(authorization->token));
	free(authorization->name);
	authorization->name = name_of(object);
	if (object->url[0] && challenge_kinds[object->type].standing && take_offer(authorization, &object->offer) < 0)
		authorization_fail(authorization, FAULT_LATER, "not enough memory");
	if (authorization->state == STATE_VALID || authorization->error)
		return;
	if (authorization->state == STATE_PENDING && object->url[0]) {
		authorization->challenge = strdup(object->url);
		if (object->own_error)
			authorization->old_challenge_error = strdup(object->error);
		if (!authorization->challenge || !authorization->name)
			authorization_fail(authorization, FAULT_LATER, "not enough memory");
		return;
	}
	authorization->stale = authorization->state != STATE_PENDING;
	if (authorization->stale)
		snprintf(text, sizeof(text), "the CA has an old authorization that is %s%s%s", state_name(authorization->state),
			 object->error[0] ? ": " : "", object->error);
	else
		tell_offers(authorization, object, text, sizeof(text));
	authorization_fail_validation(authorization, object->error_type, text);
	if (!authorization->stale && authorization->reason) /* nothing was validated */
		authorization->outcome.result = RESULT_HOST;
}

/* The types that may still be chosen; how many. */
static size_t choices(const struct authorization *authorization, uint8_t wanted[CHALLENGE_TYPES])
{
	size_t n = 0;

	for (uint32_t i = 0; i < config_challenges(authorization->certificate); i++) {
		const enum challenge_type type = type_of(authorization->certificate, i);

		if (!(authorization->passed_over & 1U << type))
			wanted[n++] = (uint8_t)type;
	}
	return n;
}

/* Once a challenge was chosen, the others do not matter any more. */
int authorization_read(const struct acme_call *call, const struct exchange *exchange, struct authorization_object *object,
		       struct fault *fault)
{
	const struct authorization *authorization = call->context;
	uint8_t wanted[CHALLENGE_TYPES] = { (uint8_t)authorization->type };
	const size_t n = authorization->challenge ? 1 : choices(authorization, wanted);

	if (codec_authorization(exchange->data, exchange->used, wanted, n, object, fault) < 0)
		return fault_at(fault, "%s", call->step);
	log_trace("the authorization of %s is %s, its challenge %s", object->identifier, state_name(object->state),
		  state_name(object->challenge));
	return 0;
}

static int64_t fetched(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
		       const struct fault *fault)
{
	struct authorization *authorization = call->context;
	struct authorization_object object;
	struct fault why;

	if (fault)
		authorization_fail_request(authorization, exchange, problem, fault);
	else if (authorization_read(call, exchange, &object, &why) < 0)
		authorization_fail_request(authorization, exchange, NULL, &why);
	else
		take_authorization(authorization, &object);
	return CALL_FINISHED;
}

int authorizations_fetch(struct authorizations *list, struct acme *acme, struct fault *fault)
{
	OWN_FREE struct acme_call *calls = calloc(list->count + 1, sizeof(*calls));
	size_t n = 0;

	if (!calls)
		return fault_errno(fault, FAULT_LATER, "fetching authorizations");
	for (size_t i = 0; i < list->count; i++) {
		struct authorization *authorization = &list->item[i];

		if (authorization->fetched)
			continue;
		authorization->fetched = true;
		calls[n++] = (struct acme_call){
			.step = "authorization", .url = authorization->url, .context = authorization, .done = fetched
		};
	}
	return acme_run(acme, calls, n, FETCH_MOST, fault);
}

void authorization_pass_over(struct authorization *authorization, enum fault_kind kind, const char *reason)
{
	uint8_t wanted[CHALLENGE_TYPES];

	authorization->passed_over |= 1U << authorization->type;
	free(authorization->challenge);
	free(authorization->old_challenge_error);
	authorization->challenge = authorization->old_challenge_error = NULL;
	authorization->token[0] = '\0';
	free(authorization->reason);
	authorization->reason = strdup(reason);
	authorization->fetched = false;
	if (choices(authorization, wanted))
		return;
	authorization->fetched = true;
	authorization->outcome = (struct outcome){ .result = RESULT_HOST };
	authorization_fail(authorization, kind, reason);
}

int authorizations_group(struct authorizations *list, const char *url, const size_t *member, size_t members)
{
	if (list->groups == list->group_room) {
		size_t room = list->group_room ? list->group_room * 2 : 4;
		struct group *larger = reallocarray(list->group, room, sizeof(*larger));

		if (!larger)
			return -1;
		list->group = larger;
		list->group_room = room;
	}
	list->group[list->groups++] = (struct group){ .url = url, .member = member, .members = members, .list = list };
	return 0;
}

void authorizations_drop(struct authorizations *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct authorization *authorization = &list->item[i];

		if (!authorization_is_at_hand(authorization, list->window))
			continue;
		authorization->dropped = true;
		authorization->outcome.result = RESULT_HOST;
		authorization_fail(authorization, FAULT_FAILED, "the port was not opened");
	}
}

/* The CA got an answer, and another one than it wanted. */
static bool is_wrong_answer(const struct authorization *authorization)
{
	const char *type = authorization->outcome.type;

	return authorization->state != STATE_VALID && (!strcmp(type, "unauthorized") || !strcmp(type, "incorrectResponse"));
}

static const struct closed *closed_of(const struct authorization *authorization)
{
	return &authorization->list->closed[challenge_kinds[authorization->type].window];
}

/* Nobody has fetched the token. Packets for the port may be a stranger's: they do not prove that the CA reached it. */
static void tell_absence(const struct authorization *authorization, char *text, size_t size)
{
	const struct closed *closed = closed_of(authorization);

	if (is_wrong_answer(authorization) && closed->counted && !closed->packets)
		snprintf(text, size,
			 "another host gave the CA that answer, since no packet for the port came to this one: do A and AAAA lead here, past "
			 "each router and balancer?");
	else if (closed->shut[0])
		snprintf(text, size,
			 "no validation request reached this host: somebody has put a rule that blocks the port ahead of acmegate's "
			 "while it was open (%s)",
			 closed->shut);
	else if (closed->traced[0])
		snprintf(text, size, "no request for the token came; packets for the port were traced: %s", closed->traced);
	else if (!closed->counted)
		snprintf(text, size, "no validation request reached this host");
	else if (closed->packets == 0)
		snprintf(text, size, "no validation request reached this host, nor any packet for the port");
	else
		snprintf(text, size,
			 "no request for the token came, although %llu packet%s for the port %s let in: were they the CA's, then its "
			 "answers do not get out of this host or not back to it (ip route get ADDRESS; acmegate plan)",
			 (unsigned long long)closed->packets, closed->packets == 1 ? "" : "s", closed->packets == 1 ? "was" : "were");
}

const char *authorization_evidence(const struct authorization *authorization)
{
	const char *traced = closed_of(authorization)->traced;

	return challenge_kinds[authorization->type].window && traced[0] ? traced : NULL;
}

void authorization_describe(const struct authorization *authorization, char *text, size_t size)
{
	const struct closed *closed = closed_of(authorization);
	const char *webroot = challenge_kinds[authorization->type].window == WINDOW_HTTP ? authorization->list->webroot : NULL;
	const bool nothing = authorization->state != STATE_VALID && (closed->shut[0] || (closed->counted && !closed->packets));

	if (!challenge_kinds[authorization->type].window)
		snprintf(text, size, "%s",
			 authorization->state == STATE_VALID ?
				 (challenge_kinds[authorization->type].standing ? "by a record in the DNS" : "through the DNS") :
			 authorization->published ?
				 "the servers of the zone give the value: does the CA ask the same ones, are delegation and DNSSEC right?" :
				 "no value was in the DNS");
	else if (webroot ? nothing : authorization->hits == 0)
		tell_absence(authorization, text, size);
	else if (webroot)
		snprintf(text, size,
			 authorization->state == STATE_VALID ?
				 "out of %s" :
				 "is %s/.well-known/acme-challenge what the web server "
				 "here answers on this name and port 80 with, without asking for a password?",
			 webroot);
	else
		snprintf(text, size, "%u request%s from %s %s answered%s%s%s", authorization->hits,
			 authorization->hits == 1 ? "" : "s", authorization->visitors, authorization->hits == 1 ? "was" : "were",
			 authorization->state == STATE_VALID ?
				 "" :
				 ", and the CA says otherwise: do all addresses of the name, A and AAAA, lead to this host?",
			 closed->traced[0] ? " Packets for the port were traced: " : "", closed->traced);
}

void authorizations_discard_calls(struct authorizations *list)
{
	acme_discard(list->calls, list->calls ? list->called : 0);
	free(list->calls);
	list->calls = NULL;
	list->pending = list->called = 0;
}

void authorizations_free(struct authorizations *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->item[i].url);
		free(list->item[i].name);
		free(list->item[i].challenge);
		free(list->item[i].offer);
		free(list->item[i].reason);
		free(list->item[i].error);
		free(list->item[i].old_challenge_error);
		free(list->item[i].challenge_error);
	}
	free(list->item);
	authorizations_discard_calls(list);
	free(list->group);
	memset(list, 0, sizeof(*list));
}
