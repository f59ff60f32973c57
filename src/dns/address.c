// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/address.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "dns/holdings.h"
#include "dns/zone.h"

#define MOST_HELD (2 * MAX_ADDRESSES) /* the old ones and the new ones */

/* A name, what it is to have, and what of ours it has. */
struct job {
	const struct dns *dns;
	const char *name;
	const struct address_list *wanted;
	uint32_t ttl;
	struct target target;
	struct holding held[MOST_HELD];
	size_t helds;
	struct change change[2 * MOST_HELD];
	size_t changes;
	struct address_report *report;
};

static const enum type types[] = { TYPE_A, TYPE_AAAA };
static const char *const type_names[] = { "A", "AAAA" };
static struct answer here[2]; /* at the name, by types[] */

static PRINTF_LIKE(2, 3) void add_text(char text[ADDRESS_TEXT], const char *format, ...)
{
	const size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, ADDRESS_TEXT - used, format, args);
	va_end(args);
}

static void tell(char text[ADDRESS_TEXT], const struct address *address, const char *what)
{
	char spelt[ADDRESS_TEXT_SIZE];

	add_text(text, "%s%s %s%s", text[0] ? ", " : "", type_names[address->six], address_text(address, spelt), what);
}

/* --- what is there ------------------------------------------------------------------------------------------------ */

static void recall(struct job *job)
{
	struct holding holding;
	long place = 0;

	job->helds = 0;
	while (job->helds < MOST_HELD && holdings_next(FD_ADDRESSES, &place, &holding))
		if (!strcmp(holding.name, job->name))
			job->held[job->helds++] = holding;
}

static struct holding *find_held(struct job *job, const struct address *address)
{
	for (size_t i = 0; i < job->helds; i++)
		if (job->held[i].place >= 0 && address_same(&job->held[i].address, address))
			return &job->held[i];
	return NULL;
}

/* Is all that was set what is wanted, and a server has it? */
static bool is_as_wanted(struct job *job)
{
	for (uint32_t i = 0; i < job->wanted->count; i++) {
		const struct holding *held = find_held(job, &job->wanted->address[i]);

		if (!held || !held->sure || held->ttl != job->ttl)
			return false;
	}
	return job->helds == job->wanted->count;
}

static bool is_here(const struct job *job, const struct address *address)
{
	const size_t size = address->six ? 16 : 4;
	const struct item *item;
	size_t i = 0;

	while ((item = message_find(&here[address->six], PART_ANSWER, types[address->six], job->target.owner, &i)))
		if (!memcmp(item->address, address->bytes, size))
			return true;
	return false;
}

static int look(const struct job *job, struct fault *fault)
{
	const struct server *server = &job->target.primary;

	for (size_t i = 0; i < LENGTH_OF(types); i++) {
		if (message_ask(server, job->dns, job->name, types[i], false, &here[i], fault) < 0)
			return -1;
		if (here[i].rcode != RCODE_NOERROR && here[i].rcode != RCODE_NXDOMAIN)
			return fault_set(fault, FAULT_LATER, "%s: code %u to a question for %s of %s", server->text, here[i].rcode,
					 type_names[i], job->name);
	}
	return 0;
}

/* The name itself, and no other: an alias would have the addresses of its target. */
static int find_zone(struct job *job, struct fault *fault)
{
	if (zone_find(job->dns, job->name, &job->target, fault) < 0)
		return -1;
	if (!strcmp(job->target.owner, job->name))
		return 0;
	return fault_set(fault, FAULT_FAILED,
			 "it is an alias (CNAME) of %s, and has no addresses of its own: remove the alias, or have address = %s",
			 job->target.owner, job->target.owner);
}

/* --- changing it -------------------------------------------------------------------------------------------------- */

static void plan(struct job *job, const struct address *address, bool add)
{
	job->change[job->changes++] = (struct change){
		.type = types[address->six],
		.add = add,
		.ttl = job->ttl,
		.length = address->six ? 16 : 4,
		.data = address->bytes,
	};
}

/* On the disk before it is in the DNS. */
static int note(struct job *job, const struct address *address, struct fault *fault)
{
	struct holding *held = find_held(job, address);

	if (!held && job->helds == MOST_HELD)
		return fault_set(fault, FAULT_FAILED, "more than %d addresses were set", MOST_HELD);
	if (!held) {
		held = &job->held[job->helds++];
		*held = (struct holding){ .address = *address, .place = -1 };
		snprintf(held->name, sizeof(held->name), "%s", job->name);
	}
	snprintf(held->dns, sizeof(held->dns), "%s", job->dns->name);
	held->ttl = job->ttl;
	return holdings_write(FD_ADDRESSES, held, fault);
}

/* An address that is missing is added. One of ours with another TTL, or none that is sure, comes again; one that others have set is left. */
static int plan_coming(struct job *job, struct fault *fault)
{
	for (uint32_t i = 0; i < job->wanted->count; i++) {
		const struct address *address = &job->wanted->address[i];
		const struct holding *held = find_held(job, address);
		const bool there = is_here(job, address), sure = held && held->sure;

		if (there && (!held || (sure && held->ttl == job->ttl)))
			continue;
		if (note(job, address, fault) < 0)
			return -1;
		plan(job, address, true);
		tell(job->report->done, address, there && sure ? " has another TTL" : " added");
	}
	return 0;
}

static void plan_going(struct job *job)
{
	for (size_t i = 0; i < job->helds; i++) {
		const struct address *address = &job->held[i].address;

		if (addresses_have(job->wanted, address) || !is_here(job, address))
			continue;
		plan(job, address, false);
		tell(job->report->done, address, " removed");
	}
}

/* Brings the file in line with what a look has shown. lost: the server has not answered, and may do what it was asked later. */
static int settle(struct job *job, bool lost, struct fault *fault)
{
	for (size_t i = 0; i < job->helds; i++) {
		struct holding *held = &job->held[i];
		const bool there = is_here(job, &held->address);

		if (held->place < 0)
			continue;
		if (there && !held->sure && !lost && holdings_confirm(FD_ADDRESSES, held, fault) < 0)
			return -1;
		if (!there && !(lost && !held->sure) && holdings_strike(FD_ADDRESSES, held, fault) < 0)
			return -1;
	}
	return 0;
}

/* Has the server done what it said? PowerDNS says so too where its policy (Lua) refuses. */
static int verify(const struct job *job, struct fault *fault)
{
	for (size_t i = 0; i < job->changes; i++) {
		struct address address = { .six = job->change[i].type == TYPE_AAAA };

		memcpy(address.bytes, job->change[i].data, job->change[i].length);
		if (is_here(job, &address) != job->change[i].add)
			return fault_set(fault, FAULT_LATER,
					 "%s says that it has made the change, and does not have it: does a policy (PowerDNS: "
					 "lua-dnsupdate-policy-script) refuse it, or is it a secondary?",
					 job->target.primary.text);
	}
	return 0;
}

static int send_changes(struct job *job, struct fault *fault)
{
	const struct target *target = &job->target;
	struct fault second;

	if (message_change(&target->primary, job->dns, target->zone, target->owner, job->change, job->changes, fault) < 0) {
		const bool lost = fault->kind == FAULT_LATER;

		if (look(job, &second) == 0)
			(void)!settle(job, lost, &second);
		return -1;
	}
	if (look(job, fault) < 0 || settle(job, false, fault) < 0)
		return -1;
	return verify(job, fault);
}

static void tell_others(struct job *job)
{
	for (size_t k = 0; k < LENGTH_OF(types); k++) {
		const struct item *item;
		size_t i = 0;

		while ((item = message_find(&here[k], PART_ANSWER, types[k], job->target.owner, &i))) {
			struct address address = { .six = k == 1 };

			memcpy(address.bytes, item->address, k ? 16 : 4);
			if (!addresses_have(job->wanted, &address) && !find_held(job, &address))
				tell(job->report->left, &address, "");
		}
	}
}

static int keep(struct job *job, struct fault *fault)
{
	job->report->looked = 1;
	if (find_zone(job, fault) < 0 || look(job, fault) < 0 || plan_coming(job, fault) < 0)
		return -1;
	plan_going(job);
	if ((job->changes ? send_changes(job, fault) : settle(job, false, fault)) < 0)
		return -1;
	tell_others(job);
	return 0;
}

int address_set(const struct config *config, uint32_t section, const struct address_wish *wish, struct address_report *report,
		struct fault *fault)
{
	static struct job job;
	const struct dns *dns = &config->dns[section < config->dnses ? section : 0];

	memset(report, 0, sizeof(*report));
	if (section >= config->dnses || wish->name >= dns->address.names || wish->addresses.count > MAX_ADDRESSES)
		return fault_set(fault, FAULT_FAILED, "no such name in the configuration");
	job = (struct job){ .dns = dns, .name = dns->address.name[wish->name], .report = report, .wanted = &wish->addresses };
	job.ttl = dns->address.ttl ? dns->address.ttl : ADDRESS_TTL;
	recall(&job);
	if (wish->trusts && is_as_wanted(&job))
		return 0;
	return keep(&job, fault) < 0 ? fault_at(fault, "[dns %s]: %s", dns->name, job.name) : 0;
}

/* --- names that the configuration no longer has ------------------------------------------------------------------- */

static bool is_in(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->dnses; i++)
		for (uint32_t k = 0; k < config->dns[i].address.names; k++)
			if (!strcmp(config->dns[i].address.name[k], name))
				return true;
	return false;
}

static const struct dns *section_of(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->dnses; i++)
		if (!strcmp(config->dns[i].name, name) && config->dns[i].sound)
			return &config->dns[i];
	return NULL;
}

/* All that was set at the name of this one. */
static int forget(const struct config *config, const struct holding *holding, struct address_report *report, struct fault *fault)
{
	static const struct address_list none;
	static struct job job;
	const struct dns *dns = section_of(config, holding->dns);

	memset(report, 0, sizeof(*report));
	if (!dns)
		return fault_set(fault, FAULT_FAILED, "the configuration has no [dns %s] any more: remove it by hand", holding->dns);
	job = (struct job){ .dns = dns, .name = holding->name, .report = report, .wanted = &none };
	recall(&job);
	return keep(&job, fault);
}

size_t address_sweep(const struct config *config)
{
	struct address_report report;
	struct holding holding;
	char text[ADDRESS_TEXT_SIZE];
	struct fault fault;
	size_t left = 0;
	long place = 0;

	while (holdings_next(FD_ADDRESSES, &place, &holding)) {
		if (is_in(config, holding.name))
			continue;
		if (forget(config, &holding, &report, &fault) == 0) {
			log_notice("%s: %s: no address = has this name any more", holding.name,
				   report.done[0] ? report.done : "forgotten");
			continue;
		}
		log_warning("%s: %s was set, and could not be removed: %s", holding.name, address_text(&holding.address, text),
			    fault.text);
		left++;
	}
	return left;
}
