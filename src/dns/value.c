// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/value.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/base64url.h"
#include "base/log.h"
#include "dns/watch.h"
#include "dns/writer.h"

#define PREFIX "_acme-challenge."
#define ACCOUNT_LABEL 17 /* characters */

static struct published {
	struct note note;
	uint32_t certificate;
	struct value value;
	int64_t since; /* ms */
} * published;
static size_t count, room;

const struct dns *value_section(const struct config *config, uint32_t index, const char *name)
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

int value_name(const char *name, char full[VALUE_NAME_SIZE], struct fault *fault)
{
	const int n = snprintf(full, VALUE_NAME_SIZE, PREFIX "%s", name);

	return n < NAME_SIZE ? 0 : fault_set(fault, FAULT_FAILED, "%s: the name is too long for a value", name);
}

static const struct dns *check(const struct config *config, uint32_t index, const struct value *value, struct fault *fault)
{
	const struct dns *dns = value_section(config, index, value->name);

	if (!dns) {
		fault_set(fault, FAULT_FAILED, "no certificate with dns = has the name \"%s\"", value->name);
		return NULL;
	}
	if (value->account[0] && (strlen(value->account) != ACCOUNT_LABEL || value->account[0] != '_' ||
				  value->account[1 + strspn(value->account + 1, "abcdefghijklmnopqrstuvwxyz234567")])) {
		fault_set(fault, FAULT_FAILED, "%s: not a label of dns-account-01", value->name);
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
		if (published[i].certificate == certificate && !strcmp(published[i].value.name, value->name) &&
		    !strcmp(published[i].value.account, value->account) && !strcmp(published[i].value.text, value->text))
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

		count -= (fault->kind == FAULT_USAGE || fault->code == DNS_NO_ROOM) &&
			 notes_strike(FD_NOTES, &it->note, &ignored) == 0;
		return -1;
	}
	log_debug("%s: its value is in the zone %s at %s", target->owner, target->zone[0] ? target->zone : ".",
		  dns->type == DNS_RFC2136 ? target->primary.text : dns_types[dns->type]);
	return 0;
}

int value_add(const struct config *config, uint32_t certificate, const struct value *value, struct fault *fault)
{
	const struct dns *dns = check(config, certificate, value, fault);
	struct published *it;
	char full[VALUE_NAME_SIZE], name[VALUE_NAME_SIZE + sizeof(value->account)];

	if (!dns)
		return -1;
	if (find(certificate, value))
		return 0;
	it = grow(fault);
	if (!it)
		return -1;
	it->value = *value;
	snprintf(it->note.name, sizeof(it->note.name), "%s", value->name);
	snprintf(it->note.dns, sizeof(it->note.dns), "%s", dns->name);
	memcpy(it->note.value, value->text, sizeof(it->note.value));
	it->certificate = certificate;
	if (value_name(value->name, full, fault) < 0)
		return -1;
	snprintf(name, sizeof(name), "%s%s%s", value->account, value->account[0] ? "." : "", full);
	if (strlen(name) >= NAME_SIZE)
		return fault_set(fault, FAULT_FAILED, "%s: the name is too long for a value", value->name);
	if (zone_find(dns, name, &it->note.target, fault) < 0 || publish(config, dns, it, fault) < 0)
		return fault_at(fault, "[dns %s]", dns->name);
	return 0;
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

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

	if (!dns)
		return -1;
	if (!it)
		return fault_set(fault, FAULT_FAILED, "%s: its value was not added", value->name);
	if (watch_begin(&watch, dns, &it->note, it->since, fault) < 0)
		return fault_at(fault, "[dns %s]", dns->name);
	while (!watch_look(&watch)) {
		const int pause = watch_pause(&watch);

		if (!pause)
			return watch_judge(&watch, fault);
		if (!rest(pause))
			return fault_set(fault, FAULT_FAILED, "the client has ended");
	}
	return 0;
}

/* --- taking away -------------------------------------------------------------------------------------------------- */

static const struct dns *section(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->dnses; i++)
		if (!strcmp(config->dns[i].name, name) && config->dns[i].sound)
			return &config->dns[i];
	return NULL;
}

/* A server that has the zone of a note; 0: *server is one. */
static int find_server(const struct note *note, struct server *server, struct fault *fault)
{
	static const struct dns nobody = { .type = DNS_HTTPREQ }; /* without a server of its own */
	static struct server servers[MOST_SERVERS];
	size_t n;

	*server = note->target.primary;
	if (server->at.plain.sa_family != AF_UNSPEC)
		return 0;
	if (zone_servers(&nobody, &note->target, servers, &n, fault) < 0)
		return -1;
	*server = servers[0];
	return 0;
}

/*
 * Without its section a value can only be removed by hand; once that is done, its note goes too. Nobody has a key to ask with: a server that
 * does not show its zone without one (views) is not believed.
 */
static int take_note_away(const struct config *config, struct note *note, struct fault *fault)
{
	static struct answer answer;
	const char *owner = note->target.owner;
	struct server server;

	if (find_server(note, &server, fault) < 0 || message_ask(&server, NULL, owner, TYPE_TXT, false, &answer, fault) < 0)
		return fault_at(fault,
				"the configuration has no [dns %s] any more, and whether the value is still there cannot be seen. Have the "
				"section back for one run; or, if there is no such server any more, empty the file %s/" VALUE_NOTES,
				note->dns, config->gate.state);
	if (!answer.authoritative || (answer.rcode != RCODE_NOERROR && answer.rcode != RCODE_NXDOMAIN) ||
	    message_gives(&answer, owner, note->value))
		return fault_set(fault, FAULT_FAILED,
				 "the configuration has no [dns %s] any more. Have the section back for one run, or remove the record at %s "
				 "by hand: the next run sees it, and says this no more",
				 note->dns, server.text);
	return notes_strike(FD_NOTES, note, fault);
}

static int take_away(const struct config *config, struct note *note, struct fault *fault)
{
	const struct dns *dns = section(config, note->dns);

	if (!dns)
		return take_note_away(config, note, fault);
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
