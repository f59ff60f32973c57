// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/zone.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "dns/refusals.h"
#include "dns/resolver.h"

#define MOST_ADDRESSES 8
#define MOST_CUTS 8

/* The way from a name to its zone. */
struct walk {
	const struct dns *dns;
	const char *start;
	char name[MOST_HOPS + 2][NAME_SIZE]; /* by how many aliases */
	size_t hops, cuts;
	struct server server[MOST_ADDRESSES]; /* that are asked */
	size_t servers;
	size_t answered; /* which of them did */
	bool delegated;	 /* they are not those of the section */
};

static struct answer answer;

static bool is_below(const char *name, const char *zone)
{
	size_t n = strlen(name), z = strlen(zone);

	return !z || (n >= z && !strcmp(name + n - z, zone) && (n == z || name[n - z - 1] == '.'));
}

/* All names on the way, for a message. */
static void tell_way(const struct walk *walk, char *text, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i <= walk->hops && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? " -> " : "", walk->name[i]);
}

static int follow(struct walk *walk, const char *alias, struct fault *fault)
{
	char way[1024];

	snprintf(walk->name[++walk->hops], NAME_SIZE, "%s", alias);
	tell_way(walk, way, sizeof(way));
	for (size_t i = 0; i < walk->hops; i++)
		if (!strcmp(walk->name[i], alias))
			return fault_set(fault, FAULT_FAILED, "the aliases (CNAME) go in a circle: %s", way);
	if (walk->hops > MOST_HOPS)
		return fault_set(fault, FAULT_FAILED, "more than %d aliases (CNAME): %s", MOST_HOPS, way);
	log_debug("%s is an alias of %s", walk->name[walk->hops - 1], alias);
	return 0;
}

/* Says the code something about the name? Where a server has no such zone it refuses. */
static bool tells(enum rcode rcode)
{
	return rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN || rcode == RCODE_REFUSED || rcode == RCODE_NOTAUTH;
}

/*
 * One address after another, until one answers. The question is for the alias, which no server follows: a circle is seen here. If there is
 * none, the answer says in which zone.
 */
static int ask(struct walk *walk, struct fault *fault)
{
	const char *name = walk->name[walk->hops];

	for (walk->answered = 0; walk->answered < walk->servers; walk->answered++) {
		const struct server *server = &walk->server[walk->answered];

		if (message_ask(server, walk->dns, name, TYPE_CNAME, false, &answer, fault) == 0) {
			if (tells(answer.rcode))
				return 0;
			refusal_to_tell(server, answer.rcode, name, fault);
		}
		if (fault->kind != FAULT_LATER) /* another address of the same server says the same */
			return -1;
	}
	return -1;
}

/* The addresses of a name server: those beside its name in the answer, else what the resolvers say. */
static size_t addresses_of(const char *name, struct server *servers, size_t most, struct fault *fault)
{
	size_t n = 0, i = 0, k = 0;
	const struct item *item;

	while (n < most && (item = message_find(&answer, PART_ADDITIONAL, TYPE_A, name, &i)))
		server_set(&servers[n++], AF_INET, item->address, name);
	while (n < most && (item = message_find(&answer, PART_ADDITIONAL, TYPE_AAAA, name, &k)))
		server_set(&servers[n++], AF_INET6, item->address, name);
	return n ? n : resolver_find(name, servers, most, fault);
}

/* The server has given a part of its zone to others (RFC 1034, 4.2.1). 1: it has. */
static int take_cut(struct walk *walk, struct fault *fault)
{
	static struct answer referral;
	const struct item *item;
	size_t i = 0, n = 0;

	while ((item = message_find(&answer, PART_AUTHORITY, TYPE_NS, NULL, &i)))
		if (is_below(walk->name[walk->hops], item->owner))
			break; /* others say nothing about this name */
	if (!item || answer.authoritative)
		return 0;
	if (++walk->cuts > MOST_CUTS)
		return fault_set(fault, FAULT_FAILED, "the servers of %s send from one to another without end",
				 walk->name[walk->hops]);
	referral = answer;
	for (i = 0; n < MOST_ADDRESSES && (item = message_find(&referral, PART_AUTHORITY, TYPE_NS, NULL, &i));) {
		if (!is_below(walk->name[walk->hops], item->owner))
			continue;
		answer = referral;
		n += addresses_of(item->target, &walk->server[n], MOST_ADDRESSES - n, fault);
	}
	if (!n)
		return fault_at(fault, "a part of the zone of %s is delegated, to servers without an address",
				walk->name[walk->hops]);
	walk->servers = n;
	walk->delegated = true;
	return 1;
}

/* Names that the server does not have: an alias there may lead to one that it has. */
static int ask_resolver(struct walk *walk, struct fault *fault)
{
	const char *name = walk->name[walk->hops];
	const struct item *item;
	size_t i = 0;

	if (resolver_ask(name, TYPE_CNAME, &answer, fault) < 0)
		return fault_at(fault, "%s has no zone of %s", walk->server[walk->answered].text, name);
	item = message_find(&answer, PART_ANSWER, TYPE_CNAME, name, &i);
	if (item)
		return follow(walk, item->target, fault);
	i = 0;
	item = message_find(&answer, PART_AUTHORITY, TYPE_SOA, NULL, &i);
	return fault_set(fault, FAULT_FAILED,
			 "%s has no zone of %s, which is in the zone %s: name a server of that in [dns %s], or make %s an alias (CNAME) of a "
			 "name that it has: acmegate dns setup",
			 walk->server[walk->answered].text, name, item ? item->owner : "of somebody else", walk->dns->name, name);
}

/* The primary of a zone that was delegated, if it can be found; else the server that has answered. */
static void choose_primary(const struct walk *walk, const char *primary, struct target *target)
{
	struct fault ignored;

	target->primary = walk->server[walk->answered];
	if (walk->delegated && addresses_of(primary, &target->primary, 1, &ignored) == 0)
		target->primary = walk->server[walk->answered];
}

/* 1: the zone was found. */
static int look(struct walk *walk, struct target *target, struct fault *fault)
{
	const char *name = walk->name[walk->hops];
	const struct item *item;
	size_t i = 0;
	int rc;

	if (ask(walk, fault) < 0)
		return -1;
	item = message_find(&answer, PART_ANSWER, TYPE_CNAME, name, &i);
	if (item)
		return follow(walk, item->target, fault);
	i = 0;
	item = message_find(&answer, PART_AUTHORITY, TYPE_SOA, NULL, &i);
	if (item && answer.authoritative && is_below(name, item->owner)) {
		snprintf(target->owner, sizeof(target->owner), "%s", name);
		snprintf(target->zone, sizeof(target->zone), "%s", item->owner);
		choose_primary(walk, item->target, target);
		return 1;
	}
	rc = take_cut(walk, fault);
	return rc < 0 ? -1 : rc ? 0 : ask_resolver(walk, fault);
}

/* An alias may lead anywhere: each time it begins at the server of the section. */
static int walk_by_server(struct walk *walk, struct target *target, struct fault *fault)
{
	size_t hops = MOST_HOPS + 1;
	int rc;

	do {
		if (hops != walk->hops) {
			walk->servers = resolver_find(walk->dns->server, walk->server, MOST_ADDRESSES, fault);
			walk->delegated = false;
			hops = walk->hops;
		}
		if (!walk->servers)
			return fault_at(fault, "[dns %s] server", walk->dns->name);
		rc = look(walk, target, fault);
	} while (rc == 0);
	return rc;
}

/* Does the answer say which zone this name is in? */
static bool take_zone(const char *name, char zone[NAME_SIZE])
{
	static const enum part parts[] = { PART_ANSWER, PART_AUTHORITY };

	for (size_t k = 0; k < LENGTH_OF(parts); k++) {
		size_t i = 0;
		const struct item *item = message_find(&answer, parts[k], TYPE_SOA, NULL, &i);

		if (!item || !is_below(name, item->owner))
			continue;
		snprintf(zone, NAME_SIZE, "%s", item->owner);
		return true;
	}
	return false;
}

/* The answer that there is no alias has the zone beside it. Some resolvers leave that out: then they are asked for the zone of each name above. */
static int find_zone(const char *name, char zone[NAME_SIZE], struct fault *fault)
{
	for (const char *above = name; !take_zone(name, zone); above += strcspn(above, ".")) {
		above += *above == '.';
		if (!*above)
			return fault_set(fault, FAULT_FAILED, "the resolvers of this host do not say which zone %s is in", name);
		if (resolver_ask(above, TYPE_SOA, &answer, fault) < 0)
			return -1;
	}
	return 0;
}

/* The resolvers alone: a writer has the zone changed wherever that is done. */
static int walk_by_resolver(struct walk *walk, struct target *target, struct fault *fault)
{
	for (;;) {
		const char *name = walk->name[walk->hops];
		const struct item *item;
		size_t i = 0;

		if (resolver_ask(name, TYPE_CNAME, &answer, fault) < 0)
			return -1;
		item = message_find(&answer, PART_ANSWER, TYPE_CNAME, name, &i);
		if (!item) {
			memset(target, 0, sizeof(*target));
			snprintf(target->owner, sizeof(target->owner), "%s", name);
			return find_zone(name, target->zone, fault);
		}
		if (follow(walk, item->target, fault) < 0)
			return -1;
	}
}

int zone_find(const struct dns *dns, const char *name, struct target *target, struct fault *fault)
{
	static struct walk walk;

	walk = (struct walk){ .dns = dns, .start = name };
	snprintf(walk.name[0], sizeof(walk.name[0]), "%s", name);
	if ((dns->type == DNS_RFC2136 ? walk_by_server(&walk, target, fault) : walk_by_resolver(&walk, target, fault)) < 0)
		return -1;
	if (dns->zone[0] && strcmp(dns->zone, target->zone))
		return fault_set(fault, FAULT_FAILED, "%s is %s in the zone %s, and [dns %s] has zone = %s", name, target->owner,
				 target->zone, dns->name, dns->zone);
	return 0;
}

int zone_servers(const struct dns *dns, const struct target *target, struct server *servers, size_t *count, struct fault *fault)
{
	static struct answer names;
	const struct item *item;
	size_t i = 0;

	*count = 0;
	if ((dns->type == DNS_RFC2136 ? message_ask(&target->primary, dns, target->zone, TYPE_NS, false, &names, fault) :
					resolver_ask(target->zone, TYPE_NS, &names, fault)) < 0)
		return -1;
	while (*count < MOST_SERVERS && (item = message_find(&names, PART_ANSWER, TYPE_NS, target->zone, &i))) {
		struct fault why = { .kind = FAULT_NONE };
		size_t n;

		answer = names;
		n = addresses_of(item->target, &servers[*count], MOST_SERVERS - *count, &why);
		if (!n)
			log_warning("the server %s of the zone %s is not asked: %s", item->target, target->zone, why.text);
		*count += n;
	}
	if (!*count && dns->type != DNS_RFC2136)
		return fault_set(fault, FAULT_LATER, "the resolvers of this host know no name server of the zone %s", target->zone);
	if (!*count)
		servers[(*count)++] = target->primary;
	return 0;
}
