// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/codec.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/base64url.h"
#include "acme/document.h"
#include "acme/exchange.h"
#include "acme/offer.h"

/* Copies a URL member, or "" if it is missing or unusable. */
static void copy_url(char url[URL_SIZE], const json_t *object, const char *key)
{
	const char *text = document_text(object, key);
	size_t length = strlen(text);

	url[0] = '\0';
	if (url_is_valid(text, length))
		memcpy(url, text, length + 1);
}

/* Appends a text of the CA, cut to the free room, with '?' for all but printable ASCII. */
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

/* Copies a text of the CA that fits, or "": a part of a date is another date. */
static void copy_short(char *buffer, size_t size, const char *text)
{
	buffer[0] = '\0';
	if (strlen(text) < size)
		append(buffer, size, text);
}

static enum state state_of(const json_t *object)
{
	return state_find(document_text(object, "status"));
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

static void list_identities(struct directory *directory, const json_t *identities)
{
	const size_t size = sizeof(directory->caa);
	const json_t *value;
	size_t i;

	json_array_foreach(identities, i, value)
	{
		if (directory->caa[0])
			append(directory->caa, size, ", ");
		append(directory->caa, size, json_is_string(value) ? json_string_value(value) : "");
	}
}

int codec_directory(const char *text, size_t length, struct directory *directory, struct fault *fault)
{
	OWN_JSON json_t *root = document_parse(text, length);
	const json_t *meta = json_object_get(root, "meta");

	memset(directory, 0, sizeof(*directory));
	if (!root)
		return fault_set(fault, FAULT_FAILED, "the answer is not an ACME directory (not a JSON object)");
	copy_url(directory->new_nonce, root, "newNonce");
	copy_url(directory->new_account, root, "newAccount");
	copy_url(directory->new_order, root, "newOrder");
	copy_url(directory->revoke_cert, root, "revokeCert");
	copy_url(directory->key_change, root, "keyChange");
	copy_url(directory->renewal_info, root, "renewalInfo");
	if (!directory->new_nonce[0] || !directory->new_account[0] || !directory->new_order[0])
		return fault_set(fault, FAULT_FAILED, "the directory lacks https URLs for newNonce, newAccount, newOrder");
	append(directory->terms, sizeof(directory->terms), document_text(meta, "termsOfService"));
	directory->account_required = json_is_true(json_object_get(meta, "externalAccountRequired"));
	list_profiles(directory, json_object_get(meta, "profiles"));
	list_identities(directory, json_object_get(meta, "caaIdentities"));
	offer_read_meta(meta, &directory->persist);
	return 0;
}

/* "rejectedIdentifier" out of "urn:ietf:params:acme:error:rejectedIdentifier"; another URN stays whole. */
static const char *short_type(const json_t *problem)
{
	static const char prefix[] = "urn:ietf:params:acme:error:";
	const char *type = document_text(problem, "type");

	return strncmp(type, prefix, strlen(prefix)) == 0 ? type + strlen(prefix) : type;
}

static void describe(const json_t *problem, char *buffer, size_t size)
{
	const char *type = short_type(problem), *detail = document_text(problem, "detail");

	append(buffer, size, type);
	if (*type && *detail)
		append(buffer, size, ": ");
	append(buffer, size, detail);
}

/* Appends the detail of a problem, and of each subproblem with its identifier (RFC 8555, 6.7.1). */
static void describe_all(const json_t *problem, char *buffer, size_t size)
{
	const json_t *subproblems = json_object_get(problem, "subproblems");

	describe(problem, buffer, size);
	for (size_t i = 0; i < json_array_size(subproblems); i++) {
		const json_t *one = json_array_get(subproblems, i);
		const char *name = document_text(json_object_get(one, "identifier"), "value");

		append(buffer, size, buffer[0] ? "; " : "");
		append(buffer, size, name);
		append(buffer, size, *name ? ": " : "");
		describe(one, buffer, size);
	}
}

static enum problem_type problem_type(const char *type)
{
	static const char *const names[] = {
		[PROBLEM_OTHER] = "",
		[PROBLEM_ACCOUNT_DOES_NOT_EXIST] = "accountDoesNotExist",
		[PROBLEM_ALREADY_REVOKED] = "alreadyRevoked",
		[PROBLEM_BAD_NONCE] = "badNonce",
		[PROBLEM_CAA] = "caa",
		[PROBLEM_CONFLICT] = "conflict",
		[PROBLEM_EXTERNAL_ACCOUNT_REQUIRED] = "externalAccountRequired",
		[PROBLEM_MALFORMED] = "malformed",
		[PROBLEM_ORDER_NOT_READY] = "orderNotReady",
		[PROBLEM_RATE_LIMITED] = "rateLimited",
		[PROBLEM_REJECTED_IDENTIFIER] = "rejectedIdentifier",
		[PROBLEM_SERVER_INTERNAL] = "serverInternal",
		[PROBLEM_UNAUTHORIZED] = "unauthorized",
		[PROBLEM_UNSUPPORTED_IDENTIFIER] = "unsupportedIdentifier",
		[PROBLEM_USER_ACTION_REQUIRED] = "userActionRequired",
	};

	_Static_assert(LENGTH_OF(names) == PROBLEM_TYPES, "one name for each type");
	for (size_t i = PROBLEM_OTHER + 1; i < LENGTH_OF(names); i++)
		if (strcmp(type, names[i]) == 0)
			return (enum problem_type)i;
	return PROBLEM_OTHER;
}

void codec_problem(const char *text, size_t length, unsigned int status, struct problem *problem)
{
	OWN_JSON json_t *root = document_parse(text, length);

	memset(problem, 0, sizeof(*problem));
	if (root) {
		problem->type = problem_type(short_type(root));
		append(problem->name, sizeof(problem->name), short_type(root));
		describe_all(root, problem->text, sizeof(problem->text));
		copy_url(problem->instance, root, "instance");
	}
	if (!problem->text[0])
		snprintf(problem->text, sizeof(problem->text), "HTTP status %u without a problem document", status);
}

int codec_renewal_info(const char *text, size_t length, struct renewal_info_object *object, struct fault *fault)
{
	OWN_JSON json_t *root = document_parse(text, length);
	const json_t *window = json_object_get(root, "suggestedWindow");

	memset(object, 0, sizeof(*object));
	if (!root)
		return fault_set(fault, FAULT_FAILED, "the CA's renewal information is not JSON");
	copy_short(object->start, sizeof(object->start), document_text(window, "start"));
	copy_short(object->end, sizeof(object->end), document_text(window, "end"));
	copy_url(object->explanation, root, "explanationURL");
	return 0;
}

int codec_account(const char *text, size_t length, struct account_object *object, struct fault *fault)
{
	OWN_JSON json_t *root = document_parse(text, length);
	const json_t *contacts = json_object_get(root, "contact");

	memset(object, 0, sizeof(*object));
	if (!root)
		return fault_set(fault, FAULT_FAILED, "the CA's account object is not JSON");
	object->state = state_of(root);
	for (size_t i = 0; i < json_array_size(contacts); i++) {
		const char *contact = json_string_value(json_array_get(contacts, i));
		size_t scheme = contact && !strncmp(contact, "mailto:", 7) ? 7 : 0;

		if (contact && object->contact[0])
			append(object->contact, sizeof(object->contact), ", ");
		if (contact)
			append(object->contact, sizeof(object->contact), contact + scheme);
	}
	return 0;
}

/* Takes the URLs of the authorizations. Refuses more than twice as many as an order may have names. */
static int take_authorizations(struct order_object *object, const json_t *urls, struct fault *fault)
{
	size_t count = json_array_size(urls);

	if (count == 0)
		return 0;
	if (count > 2 * MAX_NAMES_EACH)
		return fault_set(fault, FAULT_FAILED, "the CA's order has %zu authorizations", count);
	object->authorization = calloc(count, sizeof(*object->authorization));
	if (!object->authorization)
		return fault_errno(fault, FAULT_LATER, "taking an order");
	for (size_t i = 0; i < count; i++) {
		const char *url = json_string_value(json_array_get(urls, i));

		if (!url || !url_is_valid(url, strlen(url)))
			return fault_set(fault, FAULT_FAILED, "the CA's order has an authorization that is no https URL");
		object->authorization[i] = strdup(url);
		if (!object->authorization[i])
			return fault_errno(fault, FAULT_LATER, "taking an order");
		object->authorizations++;
	}
	return 0;
}

void codec_order_free(struct order_object *object)
{
	for (size_t i = 0; i < object->authorizations; i++)
		free(object->authorization[i]);
	free(object->authorization);
	object->authorization = NULL;
	object->authorizations = 0;
}

int codec_order(const char *text, size_t length, struct order_object *object, struct fault *fault)
{
	OWN_JSON json_t *root = document_parse(text, length);

	memset(object, 0, sizeof(*object));
	if (!root)
		return fault_set(fault, FAULT_FAILED, "the CA's order object is not JSON");
	object->state = state_of(root);
	copy_url(object->finalize, root, "finalize");
	copy_url(object->certificate, root, "certificate");
	describe_all(json_object_get(root, "error"), object->error, sizeof(object->error));
	if (take_authorizations(object, json_object_get(root, "authorizations"), fault) < 0) {
		codec_order_free(object);
		return -1;
	}
	return 0;
}

/* The CA may spell an address in another way (RFC 5952), and a name in other case. */
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
	return strcmp(document_text(identifier, "type"), config_is_address(name) ? "ip" : "dns") == 0 &&
	       codec_same_name(document_text(identifier, "value"), name);
}

bool codec_order_is_for(const char *text, size_t length, const char (*names)[NAME_SIZE], size_t count)
{
	OWN_JSON json_t *root = document_parse(text, length);
	const json_t *identifiers = json_object_get(root, "identifiers");

	if (json_array_size(identifiers) != count)
		return false;
	for (size_t i = 0; i < count; i++) { /* as many as ours, ours all differ, and each is among them: the same */
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

/* Takes the first challenge of this type that can be answered, if no other was taken. */
static void take_challenge(struct authorization_object *object, const json_t *challenges, enum challenge_type type)
{
	for (size_t i = 0; i < json_array_size(challenges) && !object->url[0]; i++) {
		const json_t *challenge = json_array_get(challenges, i);
		const char *token = document_text(challenge, "token");

		if (strcmp(document_text(challenge, "type"), challenge_kinds[type].type) != 0 ||
		    (challenge_kinds[type].standing ? !offer_read(challenge, &object->offer, object->spoiled) : !is_token(token)))
			continue;
		copy_url(object->url, challenge, "url");
		memcpy(object->token, token, challenge_kinds[type].standing ? 0 : strlen(token) + 1);
		object->challenge = state_of(challenge);
		object->type = type;
	}
}

/* The first error of a challenge of this type, NULL: of any, known or not, with or without a token; unless there is one already. */
static void take_error(struct authorization_object *object, const json_t *challenges, const char *type)
{
	for (size_t i = 0; i < json_array_size(challenges) && !object->error[0]; i++) {
		const json_t *challenge = json_array_get(challenges, i), *error = json_object_get(challenge, "error");

		if (type && strcmp(document_text(challenge, "type"), type) != 0)
			continue;
		object->error_type[0] = '\0';
		describe_all(error, object->error, sizeof(object->error));
		append(object->error_type, sizeof(object->error_type), short_type(error));
	}
}

static void list_offers(struct authorization_object *object, const json_t *challenges)
{
	for (size_t i = 0; i < json_array_size(challenges); i++) {
		if (object->offers[0])
			append(object->offers, sizeof(object->offers), ", ");
		append(object->offers, sizeof(object->offers), document_text(json_array_get(challenges, i), "type"));
	}
}

int codec_authorization(const char *text, size_t length, const uint8_t *wanted, size_t n, struct authorization_object *object,
			struct fault *fault)
{
	OWN_JSON json_t *root = document_parse(text, length);
	const json_t *challenges = json_object_get(root, "challenges");

	memset(object, 0, sizeof(*object));
	if (!root)
		return fault_set(fault, FAULT_FAILED, "the CA's authorization object is not JSON");
	object->state = state_of(root);
	append(object->identifier, sizeof(object->identifier), document_text(json_object_get(root, "identifier"), "value"));
	object->wildcard = json_is_true(json_object_get(root, "wildcard"));
	list_offers(object, challenges);
	for (size_t i = 0; i < n; i++)
		take_challenge(object, challenges, (enum challenge_type)wanted[i]);
	if (object->url[0])
		take_error(object, challenges, challenge_kinds[object->type].type);
	for (size_t i = 0; i < n && !object->url[0]; i++)
		take_error(object, challenges, challenge_kinds[wanted[i]].type);
	object->own_error = object->error[0];
	take_error(object, challenges, NULL);
	return 0;
}

enum state codec_challenge(const char *text, size_t length, char error[PROBLEM_SIZE])
{
	OWN_JSON json_t *root = document_parse(text, length);

	error[0] = '\0';
	describe_all(json_object_get(root, "error"), error, PROBLEM_SIZE);
	return state_of(root);
}
