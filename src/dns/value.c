// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/value.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/base64url.h"
#include "base/log.h"
#include "dns/notes.h"
#include "dns/writer.h"

#define PREFIX "_acme-challenge."

/* The waits between looks at the servers, in ms; the last one again and again. */
static const int waits[] = { 100, 250, 500, 1000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 3000 };

static struct published {
	struct note note;
	uint32_t certificate;
	char name[NAME_SIZE];
	int64_t since; /* ms */
} * published;
static size_t count, room;

/* Has that certificate this name, or the wildcard of it, with a section [dns NAME]? */
static const struct dns *dns_of(const struct config *config, uint32_t index, const char *name)
{
	const struct certificate *certificate = &config->certificate[index];

	if (index >= config->certificates || certificate->dns >= config->dnses)
		return NULL;
	for (uint32_t i = 0; i < certificate->names; i++) {
		const char *known = config->name[certificate->first_name + i];

		if (!config_is_address(known) && !strcmp(known[0] == '*' ? known + 2 : known, name))
			return &config->dns[certificate->dns];
	}
	return NULL;
}

static const struct dns *check(const struct config *config, uint32_t index, const struct value *value, struct fault *fault)
{
	const struct dns *dns = dns_of(config, index, value->name);

	if (!dns) {
		fault_set(fault, FAULT_FAILED, "no certificate with dns = has the name \"%s\"", value->name);
		return NULL;
	}
	for (size_t i = 0; i < VALUE_SIZE; i++) {
		if (i == VALUE_SIZE - 1 ? !value->text[i] : base64url_is(value->text[i]))
			continue;
		fault_set(fault, FAULT_FAILED, "%s: not a value of dns-01", value->name);
		return NULL;
	}
	return dns;
}

static struct published *find(uint32_t certificate, const struct value *value)
{
	for (size_t i = 0; i < count; i++)
		if (published[i].certificate == certificate && !strcmp(published[i].name, value->name) &&
		    !strcmp(published[i].note.value, value->text))
			return &published[i];
	return NULL;
}

static struct published *grow(struct fault *fault)
{
	if (count == room) {
		size_t larger = room ? room * 2 : 16;
		struct published *more = reallocarray(published, larger, sizeof(*more));

		if (!more) {
			fault_errno(fault, FAULT_LATER, "publishing a value");
			return NULL;
		}
		published = more;
		room = larger;
	}
	published[count] = (struct published){ .note.place = -1 };
	return &published[count];
}

/* In or out. */
static int change(const struct config *config, const struct dns *dns, const struct note *note, bool add, struct fault *fault)
{
	const struct target *target = &note->target;

	return dns->type == DNS_RFC2136 ?
		       message_update(&target->primary, dns, target->zone, target->owner, note->value, add, fault) :
		       writer_ask(config, (uint32_t)(dns - config->dns), add, note, fault);
}

/* On the disk before it is in the DNS. */
static int publish(const struct config *config, const struct dns *dns, struct published *it, struct fault *fault)
{
	const struct target *target = &it->note.target;

	if (notes_write(FD_NOTES, &it->note, fault) < 0)
		return -1;
	count++;
	it->since = transport_now();
	if (change(config, dns, &it->note, true, fault) < 0) {
		struct fault ignored; /* then it is in vain that it is removed */

		count -= fault->kind == FAULT_USAGE && notes_strike(FD_NOTES, &it->note, &ignored) == 0;
		return -1;
	}
	log_debug("%s: its value is in the zone %s at %s", target->owner, target->zone[0] ? target->zone : ".",
		  dns->type == DNS_RFC2136 ? target->primary.text : dns_types[dns->type]);
	return 0;
}

int value_add(const struct config *config, uint32_t certificate, const struct value *value, struct fault *fault)
{
	const struct dns *dns = check(config, certificate, value, fault);
	struct published *it = dns && !find(certificate, value) ? grow(fault) : NULL;
	char name[sizeof(PREFIX) + NAME_SIZE];

	if (!dns || !it)
		return dns && find(certificate, value) ? 0 : -1;
	snprintf(name, sizeof(name), PREFIX "%s", value->name);
	snprintf(it->name, sizeof(it->name), "%s", value->name);
	snprintf(it->note.name, sizeof(it->note.name), "%s", value->name);
	snprintf(it->note.dns, sizeof(it->note.dns), "%s", dns->name);
	memcpy(it->note.value, value->text, sizeof(it->note.value));
	it->certificate = certificate;
	if (strlen(name) >= NAME_SIZE)
		return fault_set(fault, FAULT_FAILED, "%s: the name is too long for a value", value->name);
	if (zone_find(dns, name, &it->note.target, fault) < 0 || publish(config, dns, it, fault) < 0)
		return fault_at(fault, "[dns %s]", dns->name);
	return 0;
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

/* The servers of a zone that a value is awaited at. */
struct watch {
	struct server server[MOST_SERVERS];
	bool gives[MOST_SERVERS], silent[MOST_SERVERS];
	bool unreachable[MOST_SERVERS]; /* this host has no addresses of that family */
	size_t servers;
};

static bool is_without_family(int code)
{
	return code == ENETUNREACH || code == EAFNOSUPPORT || code == EADDRNOTAVAIL;
}

static void look_at(struct watch *watch, size_t i, const struct note *note)
{
	static struct answer answer;
	const struct item *item;
	struct fault fault;
	size_t k = 0;

	watch->silent[i] = message_ask(&watch->server[i], NULL, note->target.owner, TYPE_TXT, false, &answer, &fault) < 0;
	watch->unreachable[i] = watch->silent[i] && is_without_family(fault.code);
	if (watch->silent[i])
		log_debug("%s", fault.text);
	while (!watch->silent[i] && !watch->gives[i] && (item = message_find(&answer, PART_ANSWER, TYPE_TXT, note->target.owner, &k)))
		watch->gives[i] = !strcmp(item->text, note->value);
}

/* How many servers that this host can reach do not give it; text: which. */
static size_t lagging(const struct watch *watch, bool silent, char *text, size_t size)
{
	size_t n = 0, used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < watch->servers; i++) {
		if (watch->gives[i] || watch->unreachable[i] || watch->silent[i] != silent)
			continue;
		if (used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s", n ? ", " : "", watch->server[i].text);
		n++;
	}
	return n;
}

static size_t giving(const struct watch *watch)
{
	size_t n = 0;

	for (size_t i = 0; i < watch->servers; i++)
		n += watch->gives[i];
	return n;
}

/* Has the server done what it said? PowerDNS says so too where its policy (Lua) refuses. */
static bool has_taken(const struct dns *dns, const struct note *note)
{
	static struct answer answer;
	const struct item *item;
	struct fault ignored;
	size_t k = 0;

	if (message_ask(&note->target.primary, dns, note->target.owner, TYPE_TXT, false, &answer, &ignored) < 0)
		return true; /* who knows */
	while ((item = message_find(&answer, PART_ANSWER, TYPE_TXT, note->target.owner, &k)))
		if (!strcmp(item->text, note->value))
			return true;
	return false;
}

/* The time is up. The CA may reach servers that this host does not; one that says something else is one too many. */
static int judge(const struct watch *watch, const struct dns *dns, const struct note *note, struct fault *fault)
{
	char late[512], silent[512];
	const size_t lag = lagging(watch, false, late, sizeof(late)), mute = lagging(watch, true, silent, sizeof(silent));

	if (lag && dns->type == DNS_RFC2136 && !has_taken(dns, note))
		return fault_set(fault, FAULT_FAILED,
				 "%s: %s says that it has added the value, and does not have it: does a policy (PowerDNS: "
				 "lua-dnsupdate-policy-script) refuse it, or is it a secondary?",
				 note->target.owner, note->target.primary.text);
	if (lag)
		return fault_set(fault, FAULT_LATER,
				 "%s: after %u s %s %s not give the value yet: is the zone transferred there? See propagation",
				 note->target.owner, dns->propagation, late, lag == 1 ? "does" : "do");
	if (!giving(watch))
		return fault_set(fault, FAULT_LATER, "%s: no server of the zone %s answers this host%s%s", note->target.owner,
				 note->target.zone, mute ? ": " : "", silent);
	if (mute)
		log_warning("%s: %s %s not answer this host; the CA may get no answer there either", note->target.owner, silent,
			    mute == 1 ? "does" : "do");
	return 0;
}

/* Waits so long; false: the client has ended, which nobody waits for. */
static bool rest(int milliseconds)
{
	struct pollfd client = { .fd = FD_CLIENT };

	return poll(&client, 1, milliseconds) == 0;
}

int value_await(const struct config *config, uint32_t certificate, const struct value *value, struct fault *fault)
{
	static struct watch watch;
	const struct dns *dns = check(config, certificate, value, fault);
	const struct published *it = dns ? find(certificate, value) : NULL;
	char text[512];
	size_t round = 0;

	if (!dns)
		return -1;
	if (!it)
		return fault_set(fault, FAULT_FAILED, "%s: its value was not added", value->name);
	memset(&watch, 0, sizeof(watch));
	if (zone_servers(dns, &it->note.target, watch.server, &watch.servers, fault) < 0)
		return fault_at(fault, "[dns %s]", dns->name);
	for (;;) {
		for (size_t i = 0; i < watch.servers; i++)
			if (!watch.gives[i])
				look_at(&watch, i, &it->note);
		if (giving(&watch) && !lagging(&watch, false, text, sizeof(text)) && !lagging(&watch, true, text, sizeof(text)))
			return 0;
		if (transport_now() - it->since >= dns->propagation * INT64_C(1000))
			return judge(&watch, dns, &it->note, fault);
		if (!rest(waits[round < LENGTH_OF(waits) - 1 ? round++ : LENGTH_OF(waits) - 1]))
			return fault_set(fault, FAULT_FAILED, "the client has ended");
	}
}

/* --- taking away -------------------------------------------------------------------------------------------------- */

static const struct dns *section(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->dnses; i++)
		if (!strcmp(config->dns[i].name, name) && config->dns[i].sound)
			return &config->dns[i];
	return NULL;
}

static int take_away(const struct config *config, struct note *note, struct fault *fault)
{
	const struct dns *dns = section(config, note->dns);

	if (!dns)
		return fault_set(fault, FAULT_FAILED, "the configuration has no [dns %s] any more: remove it by hand", note->dns);
	if (change(config, dns, note, false, fault) < 0)
		return fault_at(fault, "[dns %s]", note->dns);
	return notes_strike(FD_NOTES, note, fault);
}

int value_remove(const struct config *config, uint32_t certificate, const struct value *value, struct fault *fault)
{
	struct published *it = find(certificate, value);

	if (!it || it->note.place < 0)
		return 0;
	if (take_away(config, &it->note, fault) < 0)
		return fault_at(fault, "the value at %s could not be removed", it->note.target.owner);
	log_debug("%s: its value is removed", it->note.target.owner);
	*it = published[--count];
	return 0;
}

size_t value_sweep(const struct config *config, const char *whose)
{
	struct fault fault;
	struct note note;
	size_t left = 0;
	long place = 0;

	count = 0;
	while (notes_next(FD_NOTES, &place, &note)) {
		if (take_away(config, &note, &fault) == 0) {
			log_notice("the value of %s at %s is removed", whose, note.target.owner);
			continue;
		}
		log_warning("the value \"%s\" of %s at %s could not be removed: %s", note.value, whose, note.target.owner,
			    fault.text);
		left++;
	}
	return left;
}
