// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/codec.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/base64url.h"
#include "acme/exchange.h"

static void own_json(json_t **json)
{
	json_decref(*json);
}
#define OWN_JSON __attribute__((cleanup(own_json)))

/*
 * jansson would open /dev/urandom for the seed of its hash tables, which the sandbox may forbid, and then fall back to
 * the time of day: a CA could predict that. Only the first seed counts.
 */
static void seed(void)
{
	static bool done;
	size_t value = 0;

	if (done || getrandom(&value, sizeof(value), 0) != (ssize_t)sizeof(value))
		return;
	json_object_seed(value);
	done = true;
}

static json_t *parse(const char *text, size_t length)
{
	json_t *root;

	seed();
	root = json_loadb(text ? text : "", text ? length : 0, 0, NULL);
	if (json_is_object(root))
		return root;
	json_decref(root);
	return NULL;
}

static json_t *fresh(void)
{
	seed();
	return json_object();
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* A URL member, or "" when it is missing or not one that we would use. */
static void copy_url(char url[URL_SIZE], const json_t *object, const char *key)
{
	const char *text = text_of(object, key);
	size_t length = strlen(text);

	url[0] = '\0';
	if (url_is_valid(text, length))
		memcpy(url, text, length + 1);
}

/* Appends a text of the CA, cut to what is free; only printable ASCII goes through. */
static void append(char *buffer, size_t size, const char *text)
{
	size_t used = strlen(buffer);

	for (; *text && used + 1 < size; text++)
		buffer[used++] = *text;
	buffer[used] = '\0';
	for (unsigned char *c = (unsigned char *)buffer; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
}

static const char *const state_names[] = {
	[STATE_UNKNOWN] = "unknown",	     [STATE_PENDING] = "pending", [STATE_READY] = "ready",
	[STATE_PROCESSING] = "processing",   [STATE_VALID] = "valid",	  [STATE_INVALID] = "invalid",
	[STATE_DEACTIVATED] = "deactivated", [STATE_EXPIRED] = "expired", [STATE_REVOKED] = "revoked",
};
_Static_assert(LENGTH_OF(state_names) == STATES, "one word for each state");

const char *state_name(enum state state)
{
	return state_names[state];
}

static enum state state_of(const json_t *object)
{
	const char *text = text_of(object, "status");

	for (size_t i = STATE_PENDING; i < STATES; i++)
		if (strcmp(text, state_names[i]) == 0)
			return (enum state)i;
	return STATE_UNKNOWN;
}

static void list_profiles(struct directory *directory, json_t *profiles)
{
	const char *name;
	json_t *value;

	json_object_foreach(profiles, name, value)
	{
		if (directory->profiles[0])
			append(directory->profiles, sizeof(directory->profiles), ", ");
		append(directory->profiles, sizeof(directory->profiles), name);
	}
}

int codec_directory(const char *text, size_t length, struct directory *directory, struct fault *fault)
{
	OWN_JSON json_t *root = parse(text, length);
	const json_t *meta = json_object_get(root, "meta");

	memset(directory, 0, sizeof(*directory));
	if (!root)
		return fault_set(fault, FAULT_FAILED, "what it answered is no ACME directory (not a JSON object)");
	copy_url(directory->new_nonce, root, "newNonce");
	copy_url(directory->new_account, root, "newAccount");
	copy_url(directory->new_order, root, "newOrder");
	if (!directory->new_nonce[0] || !directory->new_account[0] || !directory->new_order[0])
		return fault_set(fault, FAULT_FAILED,
				 "the directory lacks https URLs for newNonce, newAccount, newOrder");
	append(directory->terms, sizeof(directory->terms), text_of(meta, "termsOfService"));
	directory->account_required = json_is_true(json_object_get(meta, "externalAccountRequired"));
	list_profiles(directory, json_object_get(meta, "profiles"));
	return 0;
}

/* "rejectedIdentifier" out of "urn:ietf:params:acme:error:rejectedIdentifier"; another URN stays whole. */
static const char *short_type(const json_t *problem)
{
	static const char prefix[] = "urn:ietf:params:acme:error:";
	const char *type = text_of(problem, "type");

	return strncmp(type, prefix, strlen(prefix)) == 0 ? type + strlen(prefix) : type;
}

static void describe(const json_t *problem, char *buffer, size_t size)
{
	const char *type = short_type(problem), *detail = text_of(problem, "detail");

	append(buffer, size, type);
	if (*type && *detail)
		append(buffer, size, ": ");
	append(buffer, size, detail);
}

/* The detail of a problem and of all its subproblems (RFC 8555, 6.7.1), each with the identifier it is about. */
static void describe_all(const json_t *problem, char *buffer, size_t size)
{
	const json_t *subproblems = json_object_get(problem, "subproblems");

	describe(problem, buffer, size);
	for (size_t i = 0; i < json_array_size(subproblems); i++) {
		const json_t *one = json_array_get(subproblems, i);
		const char *name = text_of(json_object_get(one, "identifier"), "value");

		append(buffer, size, buffer[0] ? "; " : "");
		append(buffer, size, name);
		append(buffer, size, *name ? ": " : "");
		describe(one, buffer, size);
	}
}

void codec_problem(const char *text, size_t length, unsigned int status, struct problem *problem)
{
	OWN_JSON json_t *root = parse(text, length);

	memset(problem, 0, sizeof(*problem));
	if (root) {
		append(problem->type, sizeof(problem->type), short_type(root));
		describe_all(root, problem->text, sizeof(problem->text));
		copy_url(problem->instance, root, "instance");
	}
	if (!problem->text[0])
		snprintf(problem->text, sizeof(problem->text), "HTTP status %u without a problem document", status);
}

int codec_account(const char *text, size_t length, enum state *state, struct fault *fault)
{
	OWN_JSON json_t *root = parse(text, length);

	if (!root)
		return fault_set(fault, FAULT_FAILED, "the CA's account object is not JSON");
	*state = state_of(root);
	return 0;
}

/* Takes the URLs of the authorizations; more than an order may have names is nothing that we would follow. */
static int take_authorizations(struct order *order, const json_t *urls, struct fault *fault)
{
	size_t count = json_array_size(urls);

	if (count == 0)
		return 0;
	if (count > 2 * MAX_NAMES_EACH)
		return fault_set(fault, FAULT_FAILED, "the CA's order has %zu authorizations", count);
	order->authorization = calloc(count, sizeof(*order->authorization));
	if (!order->authorization)
		return fault_errno(fault, FAULT_LATER, "taking an order");
	for (size_t i = 0; i < count; i++) {
		const char *url = json_string_value(json_array_get(urls, i));

		if (!url || !url_is_valid(url, strlen(url)))
			return fault_set(fault, FAULT_FAILED,
					 "the CA's order has an authorization that is no https URL");
		order->authorization[i] = strdup(url);
		if (!order->authorization[i])
			return fault_errno(fault, FAULT_LATER, "taking an order");
		order->authorizations++;
	}
	return 0;
}

void order_free(struct order *order)
{
	for (size_t i = 0; i < order->authorizations; i++)
		free(order->authorization[i]);
	free(order->authorization);
	order->authorization = NULL;
	order->authorizations = 0;
}

int codec_order(const char *text, size_t length, struct order *order, struct fault *fault)
{
	OWN_JSON json_t *root = parse(text, length);

	memset(order, 0, sizeof(*order));
	if (!root)
		return fault_set(fault, FAULT_FAILED, "the CA's order object is not JSON");
	order->state = state_of(root);
	copy_url(order->finalize, root, "finalize");
	copy_url(order->certificate, root, "certificate");
	describe_all(json_object_get(root, "error"), order->error, sizeof(order->error));
	if (take_authorizations(order, json_object_get(root, "authorizations"), fault) < 0) {
		order_free(order);
		return -1;
	}
	return 0;
}

/* The text of an address may differ (RFC 5952 or not), and so may the case of a name. */
bool codec_same_name(const char *theirs, const char *ours)
{
	unsigned char one[16], other[16];
	int family = strchr(ours, ':') ? AF_INET6 : AF_INET;

	if (!config_is_address(ours))
		return strcasecmp(theirs, ours) == 0;
	return inet_pton(family, theirs, one) == 1 && inet_pton(family, ours, other) == 1 &&
	       memcmp(one, other, family == AF_INET6 ? 16 : 4) == 0;
}

static bool is_name(const json_t *identifier, const char *name)
{
	return strcmp(text_of(identifier, "type"), config_is_address(name) ? "ip" : "dns") == 0 &&
	       codec_same_name(text_of(identifier, "value"), name);
}

bool codec_order_is_for(const char *text, size_t length, const char (*names)[NAME_SIZE], size_t count)
{
	OWN_JSON json_t *root = parse(text, length);
	const json_t *identifiers = json_object_get(root, "identifiers");

	if (json_array_size(identifiers) != count)
		return false;
	for (size_t i = 0; i < count; i++) { /* as many as ours and each of ours among them: the same, as ours differ */
		bool found = false;

		for (size_t k = 0; k < count && !found; k++)
			found = is_name(json_array_get(identifiers, k), names[i]);
		if (!found)
			return false;
	}
	return true;
}

static bool is_token(const char *text)
{
	size_t length = 0;

	for (; text[length]; length++)
		if (length == TOKEN_SIZE - 1 || !base64url_is(text[length]))
			return false;
	return length > 0;
}

/* Only http-01 is looked at: other types, known or not, with or without a token, are none of our business. */
static void take_challenge(struct authorization *authorization, const json_t *challenge)
{
	const char *token = text_of(challenge, "token");
	bool ours = strcmp(text_of(challenge, "type"), "http-01") == 0;

	if ((ours && !authorization->own_error) || !authorization->error[0]) {
		authorization->error[0] = '\0';
		describe_all(json_object_get(challenge, "error"), authorization->error, sizeof(authorization->error));
		authorization->own_error = ours && authorization->error[0];
	}
	if (!ours || authorization->url[0] || !is_token(token))
		return;
	copy_url(authorization->url, challenge, "url");
	memcpy(authorization->token, token, strlen(token) + 1);
	authorization->challenge = state_of(challenge);
}

int codec_authorization(const char *text, size_t length, struct authorization *authorization, struct fault *fault)
{
	OWN_JSON json_t *root = parse(text, length);
	const json_t *challenges = json_object_get(root, "challenges");

	memset(authorization, 0, sizeof(*authorization));
	if (!root)
		return fault_set(fault, FAULT_FAILED, "the CA's authorization object is not JSON");
	authorization->state = state_of(root);
	append(authorization->identifier, sizeof(authorization->identifier),
	       text_of(json_object_get(root, "identifier"), "value"));
	for (size_t i = 0; i < json_array_size(challenges); i++)
		take_challenge(authorization, json_array_get(challenges, i));
	return 0;
}

enum state codec_challenge(const char *text, size_t length, char error[PROBLEM_SIZE])
{
	OWN_JSON json_t *root = parse(text, length);

	error[0] = '\0';
	describe_all(json_object_get(root, "error"), error, PROBLEM_SIZE);
	return state_of(root);
}

char *codec_new_account(const char *contact, bool agreed, bool only_existing, const char *binding)
{
	OWN_JSON json_t *root = fresh();
	char mailto[NAME_SIZE + 8];

	snprintf(mailto, sizeof(mailto), "mailto:%s", contact);
	if (!root || (agreed && json_object_set_new(root, "termsOfServiceAgreed", json_true()) < 0) ||
	    (only_existing && json_object_set_new(root, "onlyReturnExisting", json_true()) < 0) ||
	    (*contact && json_object_set_new(root, "contact", json_pack("[s]", mailto)) < 0) ||
	    (binding && json_object_set_new(root, "externalAccountBinding", json_loads(binding, 0, NULL)) < 0))
		return NULL;
	return json_dumps(root, JSON_COMPACT);
}

char *codec_new_order(const char (*names)[NAME_SIZE], size_t count, const char *profile)
{
	OWN_JSON json_t *root = fresh();
	json_t *identifiers = json_array();

	if (json_object_set_new(root, "identifiers", identifiers) < 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const char *type = config_is_address(names[i]) ? "ip" : "dns";

		if (json_array_append_new(identifiers, json_pack("{ssss}", "type", type, "value", names[i])) < 0)
			return NULL;
	}
	if (*profile && json_object_set_new(root, "profile", json_string(profile)) < 0)
		return NULL;
	return json_dumps(root, JSON_COMPACT);
}
