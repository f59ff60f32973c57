// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * acme_dns.c - acme-dns (https://github.com/acme-dns/acme-dns): a name server for values only. Each name has a registration, and is an alias
 * (CNAME) of the name that it was given.
 *
 * The credentials are a JSON object as other clients have it: a member for each name. An object as acme-dns answers with will do for a single
 * registration.
 */
#include "agent/provider.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "acme/document.h"

#define WORD_MOST 255 /* characters of a user, a password or a subdomain */
#define SLOTS 2	      /* values that acme-dns keeps of each registration: another one takes the place of the oldest */
#define BODY_SIZE 8192

static json_t *credentials; /* by name */

/* The values that are in use. acme-dns cannot remove one. */
static struct held {
	char subdomain[WORD_MOST + 1], value[VALUE_SIZE];
} * held;
static size_t count;

struct registration {
	const char *username, *password, *fulldomain, *subdomain;
};

static bool take(const json_t *object, struct registration *registration)
{
	*registration = (struct registration){ document_text(object, "username"), document_text(object, "password"),
					       document_text(object, "fulldomain"), document_text(object, "subdomain") };
	return api_is_word(registration->username, WORD_MOST) && api_is_word(registration->password, WORD_MOST) &&
	       api_is_word(registration->subdomain, WORD_MOST) && !strpbrk(registration->subdomain, "\"\\") &&
	       api_is_word(registration->fulldomain, NAME_SIZE - 1);
}

int acme_dns_start(struct api *api, const char *secret, size_t length, struct fault *fault)
{
	credentials = length ? document_parse(secret, length) : document_begin();
	if (credentials)
		return 0;
	return fault_set(fault, FAULT_USAGE,
			 "%s: expected a JSON object: {\"NAME\": {\"username\": ..., \"password\": ..., "
			 "\"fulldomain\": ..., \"subdomain\": ...}}",
			 api->secret_file);
}

/* That of the name, or the only one. */
static const json_t *find(const char *name)
{
	const json_t *object = json_object_get(credentials, name);

	return object || !json_is_string(json_object_get(credentials, "username")) ? object : credentials;
}

/* The name that the CNAME leads to, in lower case and without the dot at its end. */
static void lower(const char *fulldomain, char out[NAME_SIZE])
{
	size_t length = strlen(fulldomain);

	snprintf(out, NAME_SIZE, "%.*s", (int)(length - (length && fulldomain[length - 1] == '.')), fulldomain);
	for (char *c = out; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 'a' - 'A') : *c;
}

static int choose(const struct api *api, const char *name, struct registration *registration, struct fault *fault)
{
	const json_t *object = find(name);

	if (!object)
		return fault_set(fault, FAULT_USAGE, "%s is not registered at %s: acmegate dns register", name, api->dns->url);
	if (!take(object, registration))
		return fault_set(fault, FAULT_USAGE,
				 "%s: the registration of %s has no username, password, fulldomain and subdomain as acme-dns gives them",
				 api->secret_file, name);
	return 0;
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static int check_room(const char *subdomain, const struct placed *placed, struct fault *fault)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		used += !strcmp(held[i].subdomain, subdomain) && strcmp(held[i].value, placed->value) != 0;
	if (used < SLOTS)
		return 0;
	fault_set(fault, FAULT_LATER,
		  "%s: acme-dns keeps two values of a registration, and both are in use by this run; the next run tries again",
		  placed->owner);
	fault->code = DNS_NO_ROOM;
	return -1;
}

static int hold(const char *subdomain, const struct placed *placed, struct fault *fault)
{
	struct held *more = reallocarray(held, count + 1, sizeof(*held));

	if (!more)
		return fault_errno(fault, FAULT_LATER, "%s", placed->owner);
	held = more;
	memset(&held[count], 0, sizeof(held[count]));
	snprintf(held[count].subdomain, sizeof(held[count].subdomain), "%s", subdomain);
	memcpy(held[count].value, placed->value, sizeof(held[count].value));
	count++;
	return 0;
}

static int update(struct api *api, const struct registration *r, const struct placed *placed, struct fault *fault)
{
	char body[WORD_MOST + VALUE_SIZE + 32];
	int rc;

	snprintf(api->header[0], sizeof(api->header[0]), "X-Api-User: %s", r->username);
	snprintf(api->header[1], sizeof(api->header[1]), "X-Api-Key: %s", r->password);
	snprintf(body, sizeof(body), "{\"subdomain\":\"%s\",\"txt\":\"%s\"}", r->subdomain, placed->value);
	rc = api_ask(api, METHOD_POST, "/update", body, fault);
	for (size_t i = 0; i < LENGTH_OF(api->header); i++)
		explicit_bzero(api->header[i], sizeof(api->header[i]));
	if (rc < 0 && api->exchange.status == 401)
		return fault_set(fault, FAULT_USAGE,
				 "%s/update: status 401: either the username and password of %s in %s are not its own (was its database "
				 "made anew? Then remove them there, and acmegate dns register), or the registration's allowfrom does not "
				 "have the address that this host comes from",
				 api->dns->url, placed->name, api->secret_file);
	return rc;
}

int acme_dns_put(struct api *api, const struct placed *placed, struct fault *fault)
{
	struct registration registration;
	char fulldomain[NAME_SIZE];

	if (choose(api, placed->name, &registration, fault) < 0)
		return -1;
	/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): fault_set() returns -1 */
	lower(registration.fulldomain, fulldomain);
	if (strcmp(fulldomain, placed->owner) != 0)
		return fault_set(fault, FAULT_USAGE,
				 "the value of %s goes to %s, and its registration is for %s: set _acme-challenge.%s. IN CNAME %s.",
				 placed->name, placed->owner, fulldomain, placed->name, fulldomain);
	if (check_room(registration.subdomain, placed, fault) < 0 || update(api, &registration, placed, fault) < 0)
		return -1;
	return hold(registration.subdomain, placed, fault);
}

/* It stays there until others take its place, and proves nothing any more. */
int acme_dns_take(struct api *api, const struct placed *placed, struct fault *fault)
{
	(void)api, (void)fault;
	for (size_t i = count; i-- > 0;)
		if (!strcmp(held[i].value, placed->value))
			held[i] = held[--count];
	return 0;
}

/* --- registrations ------------------------------------------------------------------------------------------------ */

/* {"allowfrom": ["NETWORK", ...]}, or nothing. */
static void wish(const struct dns *dns, char body[ALLOW_FROM_SIZE * 2])
{
	size_t used = 0;

	body[0] = '\0';
	for (const char *word = dns->allow_from; *word;) {
		const size_t length = strcspn(word, " \t,");

		if (length)
			used += (size_t)snprintf(body + used, ALLOW_FROM_SIZE * 2 - used, "%s\"%.*s\"",
						 used ? "," : "{\"allowfrom\":[", (int)length, word);
		word += length + (word[length] != '\0');
	}
	if (used)
		snprintf(body + used, ALLOW_FROM_SIZE * 2 - used, "]}");
}

/* In lego's form, which has the server too. */
static int add(const struct api *api, const char *name, json_t *answer, struct fault *fault)
{
	static const char *const members[] = { "username", "password", "fulldomain", "subdomain", "allowfrom" };
	json_t *object = json_object();
	int bad = object ? 0 : -1;

	for (size_t i = 0; i < LENGTH_OF(members); i++)
		if (json_object_get(answer, members[i]))
			bad |= json_object_set(object, members[i], json_object_get(answer, members[i]));
	bad |= json_object_set_new(object, "server_url", json_string(api->dns->url));
	bad |= json_object_set_new(credentials, name, object);
	return bad ? fault_set(fault, FAULT_LATER, "not enough memory for a registration") : 0;
}

int acme_dns_register(struct api *api, const char *name, int file, char fulldomain[NAME_SIZE], struct fault *fault)
{
	OWN_JSON json_t *answer = NULL;
	char body[ALLOW_FROM_SIZE * 2];
	struct registration registration;

	if (find(name)) {
		if (choose(api, name, &registration, fault) < 0)
			return -1;
		/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): fault_set() returns -1 */
		lower(registration.fulldomain, fulldomain);
		return 0;
	}
	wish(api->dns, body);
	if (api_ask(api, METHOD_POST, "/register", body, fault) < 0)
		return -1;
	answer = document_parse(api->exchange.data, api->exchange.used);
	if (!take(answer, &registration))
		return fault_set(fault, FAULT_FAILED,
				 "%s/register: its answer is no registration (username, password, fulldomain, subdomain): is url right?",
				 api->dns->url);
	lower(registration.fulldomain, fulldomain);
	if (add(api, name, answer, fault) < 0)
		return -1;
	if (json_dumpfd(credentials, file, JSON_INDENT(2)) < 0)
		return fault_errno(fault, FAULT_FAILED, "writing %s", api->secret_file);
	return 0;
}
