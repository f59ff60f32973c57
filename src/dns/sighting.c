// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/sighting.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "dns/value.h"
#include "dns/zone.h"

/* The answers of a zone's servers are kept: many names are in one zone. */
static struct {
	char section[LABEL_SIZE], zone[NAME_SIZE];
	char late[SIGHTING_TEXT], silent[SIGHTING_TEXT];
} last;

static void list(char text[SIGHTING_TEXT], const char *server)
{
	const size_t used = strlen(text);

	snprintf(text + used, SIGHTING_TEXT - used, "%s%s", used ? ", " : "", server);
}

/* false: it does not say. */
static bool ask_serial(const struct server *server, const struct dns *dns, const char *zone, uint32_t *serial, struct fault *fault)
{
	static struct answer answer;
	const struct item *soa;
	size_t i = 0;

	fault->code = 0;
	if (message_ask(server, dns, zone, TYPE_SOA, false, &answer, fault) < 0)
		return false;
	soa = message_find(&answer, PART_ANSWER, TYPE_SOA, zone, &i);
	if (soa)
		*serial = soa->serial;
	return soa != NULL;
}

/* The zone of one of them is older than that of another one (RFC 1982): that is told of the older one. */
static void compare(const struct dns *dns, const struct target *target, const struct server *server, size_t servers)
{
	uint32_t serial[MOST_SERVERS], newest = 0;
	bool known[MOST_SERVERS], any = false;
	struct fault fault;

	if (dns->type == DNS_RFC2136)
		any = ask_serial(&target->primary, dns, target->zone, &newest, &fault);
	for (size_t i = 0; i < servers; i++) {
		known[i] = ask_serial(&server[i], NULL, target->zone, &serial[i], &fault);
		if (!known[i] && !transport_lacks_family(fault.code))
			list(last.silent, server[i].text);
		if (known[i] && (!any || (int32_t)(serial[i] - newest) > 0))
			newest = serial[i];
		any = any || known[i];
	}
	for (size_t i = 0; i < servers; i++)
		if (known[i] && serial[i] != newest)
			list(last.late, server[i].text);
}

static int look_at_servers(const struct dns *dns, const struct target *target, struct fault *fault)
{
	static struct server server[MOST_SERVERS];
	size_t servers;

	if (!strcmp(last.section, dns->name) && !strcmp(last.zone, target->zone))
		return 0;
	memset(&last, 0, sizeof(last));
	if (zone_servers(dns, target, server, &servers, fault) < 0)
		return -1;
	compare(dns, target, server, servers);
	snprintf(last.section, sizeof(last.section), "%s", dns->name);
	snprintf(last.zone, sizeof(last.zone), "%s", target->zone);
	return 0;
}

/*
 * A value that nobody has is removed. BIND and Knot look whether the key may do that before they look whether there is anything to be done, and
 * change nothing, not even the serial. PowerDNS with a policy (Lua) says yes in any case.
 */
static void probe(const struct dns *dns, const struct target *target, struct sighting *sighting)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
	unsigned char random[VALUE_SIZE - 1];
	char value[VALUE_SIZE] = "";
	struct fault fault;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return;
	for (size_t i = 0; i < sizeof(random); i++)
		value[i] = digits[random[i] % (sizeof(digits) - 1)];
	if (message_update(&target->primary, dns, target->zone, target->owner, value, false, &fault) == 0) {
		sighting->writable = WRITABLE_YES;
		return;
	}
	sighting->writable = fault.kind == FAULT_LATER ? WRITABLE_UNKNOWN : WRITABLE_NO;
	snprintf(sighting->refusal, sizeof(sighting->refusal), "%.*s", SIGHTING_TEXT - 1, fault.text);
}

int sighting_take(const struct config *config, uint32_t certificate, const struct value *name, struct sighting *sighting,
		  struct fault *fault)
{
	const struct dns *dns = value_section(config, certificate, name->name);
	struct target target;
	char full[VALUE_NAME_SIZE];

	memset(sighting, 0, sizeof(*sighting));
	if (!dns)
		return fault_set(fault, FAULT_FAILED, "no certificate with dns = has the name \"%s\"", name->name);
	if (value_name(name->name, full, fault) < 0 || zone_find(dns, full, &target, fault) < 0 ||
	    look_at_servers(dns, &target, fault) < 0)
		return fault_at(fault, "[dns %s]", dns->name);
	snprintf(sighting->owner, sizeof(sighting->owner), "%s", target.owner);
	snprintf(sighting->zone, sizeof(sighting->zone), "%s", target.zone);
	snprintf(sighting->server, sizeof(sighting->server), "%.*s", (int)sizeof(sighting->server) - 1, target.primary.text);
	memcpy(sighting->late, last.late, sizeof(sighting->late));
	memcpy(sighting->silent, last.silent, sizeof(sighting->silent));
	if (dns->type == DNS_RFC2136)
		probe(dns, &target, sighting);
	return 0;
}
