// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/watch.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "dns/refusals.h"

#define LONGEST_WAIT 900 /* seconds, as for propagation */

/* The waits between looks at the servers, in ms; the last one again and again. */
static const int waits[] = { 100, 250, 500, 1000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2500 };

static struct answer answer;

int watch_begin(struct watch *watch, const struct dns *dns, const struct note *note, int64_t since, struct fault *fault)
{
	struct server servers[MOST_SERVERS];

	*watch = (struct watch){ .dns = dns, .note = note, .since = since };
	if (zone_servers(dns, &note->target, servers, &watch->servers, fault) < 0)
		return -1;
	for (size_t i = 0; i < watch->servers; i++)
		watch->sight[i].server = servers[i];
	return 0;
}

/* Of an answer that has nothing at the name: NXDOMAIN, or no data, and no other has this record (RFC 2308, 2). */
static uint32_t negative_of_answer(void)
{
	size_t i = 0;
	const struct item *soa = message_find(&answer, PART_AUTHORITY, TYPE_SOA, NULL, &i);

	return soa ? soa->negative : 0;
}

static void look_at(struct sight *sight, const struct note *note)
{
	const char *owner = note->target.owner;
	struct fault why = { .kind = FAULT_NONE };

	if (message_ask(&sight->server, NULL, owner, TYPE_TXT, false, &answer, &why) == 0) {
		if (answer.rcode != RCODE_NOERROR && answer.rcode != RCODE_NXDOMAIN)
			refusal_to_tell(&sight->server, answer.rcode, owner, &why);
	}
	sight->state = transport_lacks_family(why.code)		  ? SERVER_BEYOND :
		       why.kind != FAULT_NONE			  ? SERVER_SILENT :
		       message_gives(&answer, owner, note->value) ? SERVER_GIVES :
								    SERVER_LAGS;
	if (sight->state == SERVER_LAGS)
		sight->negative = negative_of_answer();
	if (why.kind == FAULT_NONE)
		return;
	log_debug("%s", why.text);
	snprintf(sight->why, sizeof(sight->why), "%.*s", (int)sizeof(sight->why) - 1, why.text);
}

static size_t count(const struct watch *watch, int state)
{
	size_t n = 0;

	for (size_t i = 0; i < watch->servers; i++)
		n += (int)watch->sight[i].state == state;
	return n;
}

bool watch_look(struct watch *watch)
{
	watch->looks++;
	for (size_t i = 0; i < watch->servers; i++)
		if (watch->sight[i].state != SERVER_GIVES)
			look_at(&watch->sight[i], watch->note);
	return count(watch, SERVER_GIVES) && !count(watch, SERVER_LAGS) && !count(watch, SERVER_SILENT);
}

/* --- for how long -------------------------------------------------------------------------------------------------- */

/* The longest time that a cache may keep a server from giving the value, of those that have not given it. */
static uint32_t negative(const struct watch *watch)
{
	uint32_t longest = 0;

	for (size_t i = 0; i < watch->servers; i++)
		if (watch->sight[i].state == SERVER_LAGS && watch->sight[i].negative > longest)
			longest = watch->sight[i].negative;
	return longest;
}

/*
 * A server may have a cache of its own before it, which remembers that there was nothing at the name since it was asked for its zone: PowerDNS
 * with a replicated database (negquery-cache-ttl), or dnsdist. It gets the negative TTL of the zone beside the time to propagate, but no
 * more than that once again: a minimum of a day is common. Nobody else is waited for: the CA's resolvers ask when the CA was told.
 */
static uint32_t patience(const struct watch *watch)
{
	const uint32_t propagation = watch->dns->propagation, more = negative(watch);
	const uint32_t seconds = propagation + (more < propagation ? more : propagation);

	return seconds < LONGEST_WAIT ? seconds : LONGEST_WAIT;
}

int watch_pause(const struct watch *watch)
{
	const size_t last = LENGTH_OF(waits) - 1, look = watch->looks ? watch->looks - 1 : 0;

	return transport_now() - watch->since >= patience(watch) * INT64_C(1000) ? 0 : waits[look < last ? look : last];
}

/* --- in the end ---------------------------------------------------------------------------------------------------- */

/* The servers of a state, for a message: their names, or why they are in it. */
static void list(const struct watch *watch, int state, bool why, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < watch->servers && used < size; i++)
		if ((int)watch->sight[i].state == state)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? (why ? "; " : ", ") : "",
						 why ? watch->sight[i].why : watch->sight[i].server.text);
}

/* Has the server done what it said? PowerDNS says so too where its policy (Lua) refuses. */
static bool has_taken(const struct watch *watch)
{
	const struct target *target = &watch->note->target;
	struct fault ignored;

	return message_ask(&target->primary, watch->dns, target->owner, TYPE_TXT, false, &answer, &ignored) < 0 /* who knows */ ||
	       message_gives(&answer, target->owner, watch->note->value);
}

static int explain_lag(const struct watch *watch, struct fault *fault)
{
	const char *owner = watch->note->target.owner, *verb = count(watch, SERVER_LAGS) == 1 ? "does" : "do";
	char late[512];

	list(watch, SERVER_LAGS, false, late, sizeof(late));
	if (negative(watch) > watch->dns->propagation)
		return fault_set(fault, FAULT_LATER,
				 "%s: after %u s %s %s not give the value yet: is the zone transferred there? Or does a cache before the server "
				 "remember that there was nothing, for %u s (the minimum in the SOA record)? See propagation",
				 owner, patience(watch), late, verb, negative(watch));
	return fault_set(fault, FAULT_LATER,
			 "%s: after %u s %s %s not give the value yet: is the zone transferred there? See propagation", owner,
			 patience(watch), late, verb);
}

/* The CA may reach servers that this host does not; one that says something else is one too many. */
int watch_judge(const struct watch *watch, struct fault *fault)
{
	const struct target *target = &watch->note->target;
	char silent[1024];

	if (count(watch, SERVER_LAGS) && watch->dns->type == DNS_RFC2136 && !has_taken(watch))
		return fault_set(fault, FAULT_FAILED,
				 "%s: %s says that it has added the value, and does not have it: does a policy (PowerDNS: "
				 "lua-dnsupdate-policy-script) refuse it, or is it a secondary?",
				 target->owner, target->primary.text);
	if (count(watch, SERVER_LAGS))
		return explain_lag(watch, fault);
	list(watch, SERVER_SILENT, true, silent, sizeof(silent));
	if (!count(watch, SERVER_GIVES))
		return fault_set(fault, FAULT_LATER, "%s: no server of the zone %s answers this host%s%s", target->owner,
				 target->zone, silent[0] ? ": " : "", silent);
	if (silent[0])
		log_warning("%s: the CA may get no answer either from a server that gives this host none: %s", target->owner, silent);
	return 0;
}
