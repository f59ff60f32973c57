// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/standing.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "dns/zone.h"

_Static_assert(PERSIST_SERVERS == MOST_SERVERS, "a bit for each server");

/* No section has to do with these records: zone_find() takes any that has no server for one that the resolvers answer for. */
static const struct dns resolvers_alone = { .type = DNS_HTTPREQ };

static struct answer answer;

/* Has that certificate this name, or the wildcard of it? */
static bool is_known(const struct config *config, uint32_t index, const char *name)
{
	const struct certificate *certificate = &config->certificate[index];

	for (uint32_t i = 0; index < config->certificates && i < certificate->names; i++) {
		const char *known = config->name[certificate->first_name + i];

		if (!config_is_address(known) && !strcmp(strncmp(known, "*.", 2) ? known : known + 2, name))
			return true;
	}
	return false;
}

static void take(struct persist_found *found, uint32_t server, const char *text)
{
	uint32_t i = 0;

	while (i < found->records && strcmp(found->record[i].text, text) != 0)
		i++;
	if (i == PERSIST_RECORDS || !text[0])
		return;
	if (i == found->records)
		snprintf(found->record[found->records++].text, PERSIST_TEXT_SIZE, "%s", text);
	found->record[i].given |= 1U << server;
}

/* A server whose family this host has no addresses of is left out. */
static void ask(const struct server *server, struct persist_found *found)
{
	static struct texts texts;
	const uint32_t number = found->servers;
	struct fault fault = { .code = 0 };
	int rc;

	texts.number = 0;
	answer.texts = &texts;
	rc = message_ask(server, NULL, found->owner, TYPE_TXT, false, &answer, &fault);
	answer.texts = NULL;
	if (rc < 0 && transport_lacks_family(fault.code))
		return;
	if (rc < 0)
		log_debug("%s", fault.text);
	snprintf(found->server[found->servers++], sizeof(found->server[0]), "%s", server->text);
	if (rc < 0 || (answer.rcode != RCODE_NOERROR && answer.rcode != RCODE_NXDOMAIN))
		found->silent |= 1U << number;
	for (size_t i = 0; rc == 0 && i < texts.number; i++)
		take(found, number, texts.text[i]);
}

int standing_find(const struct config *config, uint32_t certificate, const char *name, struct persist_found *found,
		  struct fault *fault)
{
	static struct server servers[MOST_SERVERS];
	static struct target target;
	char label[sizeof(PERSIST_LABEL) + NAME_SIZE];
	size_t count;

	memset(found, 0, sizeof(*found));
	if (!is_known(config, certificate, name))
		return fault_set(fault, FAULT_FAILED, "no certificate has the name \"%s\"", name);
	snprintf(label, sizeof(label), PERSIST_LABEL ".%s", name);
	if (strlen(label) >= NAME_SIZE)
		return fault_set(fault, FAULT_FAILED, "%s: the name is too long for a record of dns-persist-01", name);
	if (zone_find(&resolvers_alone, label, &target, fault) < 0 ||
	    zone_servers(&resolvers_alone, &target, servers, &count, fault) < 0)
		return -1;
	snprintf(found->owner, sizeof(found->owner), "%s", target.owner);
	snprintf(found->zone, sizeof(found->zone), "%s", target.zone);
	for (size_t i = 0; i < count; i++)
		ask(&servers[i], found);
	return 0;
}
