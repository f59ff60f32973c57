// SPDX-License-Identifier: GPL-3.0-or-later
/* digitalocean.c - the records of a domain at DigitalOcean: https://docs.digitalocean.com/reference/api/, "Domain Records". */
#include "agent/provider.h"

#include <stdio.h>
#include <string.h>

#include "acme/document.h"

#define TOKEN_MOST 512
#define TTL 60
#define PAGE 200 /* records, the most that the service gives at once */
#define PAGES 10 /* of TXT records of one name */
#define FOUND 16 /* records with one value */

/* The records of this process: their numbers, so that removing one takes one request. */
static struct made {
	char owner[NAME_SIZE], value[VALUE_SIZE];
	json_int_t id;
} * made;
static size_t count;

int digitalocean_start(struct api *api, const char *secret, size_t length, struct fault *fault)
{
	char token[TOKEN_MOST + 2];

	(void)length;
	snprintf(token, sizeof(token), "%.*s", (int)strcspn(secret, "\r\n"), secret);
	if (!api_is_word(token, TOKEN_MOST))
		return fault_set(fault, FAULT_USAGE, "%s: expected a token, one line without spaces", api->secret_file);
	snprintf(api->header[0], sizeof(api->header[0]), "Authorization: Bearer %s", token);
	explicit_bzero(token, sizeof(token));
	return 0;
}

/* The service's word for the name: the part before the zone. */
static void relative(const struct placed *placed, char name[NAME_SIZE])
{
	const size_t owner = strlen(placed->owner), zone = strlen(placed->zone);

	snprintf(name, NAME_SIZE, "%.*s", owner > zone ? (int)(owner - zone - 1) : 1, owner > zone ? placed->owner : "@");
}

static int ask(struct api *api, enum method method, const struct placed *placed, const char *rest, const char *body,
	       struct fault *fault)
{
	char path[NAME_SIZE * 2 + 128];

	snprintf(path, sizeof(path), "/v2/domains/%s/records%s", placed->zone, rest);
	if (api_ask(api, method, path, body, fault) == 0)
		return 0;
	if (api->exchange.status == 404 && method != METHOD_DELETE)
		return fault_set(fault, FAULT_USAGE,
				 "%s%s: status 404: the account of the token in %s has no domain %s; is the zone at DigitalOcean, and not in "
				 "another account?",
				 api->dns->url, path, api->secret_file, placed->zone);
	if (api->exchange.status == 403)
		return fault_set(fault, FAULT_USAGE,
				 "%s%s: status 403: the token in %s may not do that: it needs the scopes domain:create, domain:read, "
				 "domain:update and domain:delete",
				 api->dns->url, path, api->secret_file);
	return -1;
}

static void keep(const struct placed *placed, json_int_t id)
{
	struct made *more = reallocarray(made, count + 1, sizeof(*made));

	if (!more) /* then it is looked for */
		return;
	made = more;
	made[count] = (struct made){ .id = id };
	memcpy(made[count].owner, placed->owner, sizeof(made[count].owner));
	memcpy(made[count].value, placed->value, sizeof(made[count].value));
	count++;
}

int digitalocean_put(struct api *api, const struct placed *placed, struct fault *fault)
{
	OWN_JSON json_t *answer = NULL;
	char name[NAME_SIZE], body[NAME_SIZE + VALUE_SIZE + 80];
	json_int_t id;

	relative(placed, name);
	snprintf(body, sizeof(body), "{\"type\":\"TXT\",\"name\":\"%s\",\"data\":\"%s\",\"ttl\":%d}", name, placed->value, TTL);
	if (ask(api, METHOD_POST, placed, "", body, fault) < 0)
		return -1;
	answer = document_parse(api->exchange.data, api->exchange.used);
	id = json_integer_value(json_object_get(json_object_get(answer, "domain_record"), "id"));
	if (id <= 0)
		return fault_set(fault, FAULT_FAILED,
				 "%s: its answer to a new record has no number (domain_record.id): is url right?", api->dns->url);
	keep(placed, id);
	return 0;
}

static int delete (struct api *api, const struct placed *placed, json_int_t id, struct fault *fault)
{
	char rest[32];

	snprintf(rest, sizeof(rest), "/%lld", (long long)id);
	return ask(api, METHOD_DELETE, placed, rest, NULL, fault) == 0 || api->exchange.status == 404 ? 0 : -1;
}

/* Adds the numbers of the records with this value. Returns how many records the page has, -1: it is none. */
static int look_at_page(const struct api *api, const struct placed *placed, json_int_t ids[FOUND], size_t *found, struct fault *fault)
{
	OWN_JSON json_t *answer = document_parse(api->exchange.data, api->exchange.used);
	const json_t *records = json_object_get(answer, "domain_records");
	char name[NAME_SIZE];
	const json_t *record;
	size_t i;

	relative(placed, name);
	if (!json_is_array(records))
		return fault_set(fault, FAULT_FAILED, "%s: its list of records is none (domain_records): is url right?",
				 api->dns->url);
	json_array_foreach(records, i, record)
	{
		const json_int_t id = json_integer_value(json_object_get(record, "id"));

		if (*found < FOUND && id > 0 && !strcmp(document_text(record, "type"), "TXT") &&
		    !strcmp(document_text(record, "name"), name) && !strcmp(document_text(record, "data"), placed->value))
			ids[(*found)++] = id;
	}
	return (int)json_array_size(records);
}

/* That of a run that was killed. */
static int find(struct api *api, const struct placed *placed, json_int_t ids[FOUND], size_t *found, struct fault *fault)
{
	char rest[NAME_SIZE + 64];
	int n = PAGE;

	for (int page = 1; n == PAGE && page <= PAGES; page++) {
		snprintf(rest, sizeof(rest), "?type=TXT&name=%s&per_page=%d&page=%d", placed->owner, PAGE, page);
		if (ask(api, METHOD_GET, placed, rest, NULL, fault) < 0)
			return -1;
		n = look_at_page(api, placed, ids, found, fault);
	}
	return n < 0 ? -1 : 0;
}

int digitalocean_take(struct api *api, const struct placed *placed, struct fault *fault)
{
	json_int_t ids[FOUND];
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(made[i].owner, placed->owner) != 0 || strcmp(made[i].value, placed->value) != 0)
			continue;
		if (delete (api, placed, made[i].id, fault) < 0)
			return -1;
		made[i] = made[--count];
		return 0;
	}
	if (find(api, placed, ids, &found, fault) < 0)
		return -1;
	for (size_t i = 0; i < found; i++)
		if (delete (api, placed, ids[i], fault) < 0)
			return -1;
	return 0;
}
