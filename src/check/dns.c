// SPDX-License-Identifier: GPL-3.0-or-later
/* dns.c - what certificates need of the DNS: do the aliases of their names lead to a zone where values may be put, and at all servers? */
#include "check/check.h"

#include <stdio.h>
#include <string.h>

#include "base/sighting.h"
#include "command/dns_inquiry.h"

#define PREFIX "_acme-challenge."

/* One name of a certificate. */
struct row {
	struct examination *e;
	const struct dns_inquiry *inquiry;
	uint32_t certificate;
	const char *name; /* without "*." */
};

static void look_at_value(const struct row *row);

/* By challenge: another one that needs the DNS is a row here. */
static void (*const rows[CHALLENGE_TYPES])(const struct row *) = {
	[CHALLENGE_DNS] = look_at_value,
};

static void say_writable(const struct row *row, const char *subject, const struct sighting *s)
{
	const struct dns *dns = &row->e->config->dns[row->e->config->certificate[row->certificate].dns];
	const char *zone = s->zone[0] ? s->zone : ".";
	const bool alias = strcmp(s->owner, subject) != 0;
	char where[NAME_SIZE + 16];

	snprintf(where, sizeof(where), "%s%s%s", alias ? "is an alias of " : "is", alias ? s->owner : "", alias ? "," : "");
	if (s->writable == WRITABLE_NO)
		sheet_add(&row->e->sheet, MARK_WRONG, subject,
			  "give the key that right: acmegate dns setup prints it, ready to paste into the name server",
			  "%s in the zone %s, where [dns %s] may not change it: %s", where, zone, dns->name, s->refusal);
	else if (s->writable == WRITABLE_UNKNOWN && s->refusal[0])
		sheet_add(&row->e->sheet, MARK_WARNING, subject, "look again later, and into the log of that server",
			  "%s in the zone %s; whether [dns %s] may change it is not known: %s", where, zone, dns->name, s->refusal);
	else if (s->writable == WRITABLE_YES)
		sheet_add(&row->e->sheet, MARK_OK, subject, NULL, "%s in the zone %s, and the key %s may change it at %s", where,
			  zone, dns->key_name, s->server);
	else
		sheet_add(&row->e->sheet, MARK_OK, subject, NULL, "%s in the zone %s, by [dns %s]", where, zone, dns->name);
}

static void say_servers(const struct row *row, const struct sighting *s)
{
	const char *zone = s->zone[0] ? s->zone : ".";

	if (s->late[0])
		sheet_add(&row->e->sheet, MARK_WARNING, zone,
			  "see to the transfer of the zone (notify, allow-transfer); while it lags, validation waits as long as propagation "
			  "says, and then fails",
			  "is older at %s than at the other servers", s->late);
	if (s->silent[0])
		sheet_add(&row->e->sheet, MARK_WARNING, zone,
			  "see to that server, or remove its NS record: the CA asks it too; or let this host reach TCP port 53 there",
			  "gets no answer from %s", s->silent);
}

static void look_at_value(const struct row *row)
{
	static char told[NAME_SIZE]; /* the zone whose servers were told of last */
	struct sighting sighting;
	struct value value = { .text = "" };
	char subject[NAME_SIZE + sizeof(PREFIX)];
	struct fault fault;

	snprintf(value.name, sizeof(value.name), "%s", row->name);
	snprintf(subject, sizeof(subject), PREFIX "%s", row->name);
	if (dns_inquiry_ask(row->inquiry, VERB_SIGHT_NAME, row->certificate, &value, sizeof(value), &sighting, sizeof(sighting),
			    &fault) < 0) {
		sheet_add(&row->e->sheet, MARK_WRONG, subject,
			  "acmegate dns setup prints the aliases and the rights that this needs; acmegate-dns(7) explains them",
			  "%s", fault.text);
		return;
	}
	sighting.owner[sizeof(sighting.owner) - 1] = sighting.zone[sizeof(sighting.zone) - 1] = '\0';
	sighting.server[sizeof(sighting.server) - 1] = sighting.refusal[sizeof(sighting.refusal) - 1] = '\0';
	sighting.late[sizeof(sighting.late) - 1] = sighting.silent[sizeof(sighting.silent) - 1] = '\0';
	say_writable(row, subject, &sighting);
	if (!strcmp(told, sighting.zone))
		return;
	say_servers(row, &sighting);
	snprintf(told, sizeof(told), "%s", sighting.zone);
}

static const char *without_star(const char *name)
{
	return strncmp(name, "*.", 2) ? name : name + 2;
}

/* A name and its wildcard have one place in the DNS. */
static bool is_again(const struct config *config, const struct certificate *certificate, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (!strcmp(without_star(config->name[certificate->first_name + k]),
			    without_star(config->name[certificate->first_name + i])))
			return true;
	return false;
}

static void look_at_certificate(struct row *row, const struct certificate *certificate)
{
	const struct config *config = row->e->config;

	for (uint32_t i = 0; i < certificate->names; i++) {
		row->name = without_star(config->name[certificate->first_name + i]);
		if (config_is_address(row->name) || is_again(config, certificate, i))
			continue;
		for (unsigned int type = 0; type < CHALLENGE_TYPES; type++)
			if (rows[type] && config_answers(certificate, (enum challenge_type)type))
				rows[type](row);
	}
}

static bool needs_rows(const struct config *config, const struct certificate *certificate)
{
	for (unsigned int type = 0; type < CHALLENGE_TYPES; type++)
		if (rows[type] && certificate->dns < config->dnses && config_answers(certificate, (enum challenge_type)type))
			return true;
	return false;
}

void check_dns(struct examination *e)
{
	struct dns_inquiry inquiry = NO_DNS_INQUIRY;
	struct row row = { .e = e, .inquiry = &inquiry };
	struct fault fault;
	bool any = false;

	for (uint32_t i = 0; i < e->config->certificates; i++)
		any = any || needs_rows(e->config, &e->config->certificate[i]);
	if (!any || e->homeless.kind != FAULT_NONE)
		return;
	if (dns_inquiry_start(&inquiry, e->config, -1, &fault) < 0)
		sheet_add(&e->sheet, MARK_WRONG, "", "install it: nothing is validated through the DNS without it", "%s", fault.text);
	for (uint32_t i = 0; inquiry.pidfd >= 0 && i < e->config->certificates; i++) {
		row.certificate = i;
		if (needs_rows(e->config, &e->config->certificate[i]))
			look_at_certificate(&row, &e->config->certificate[i]);
	}
	(void)dns_inquiry_end(&inquiry);
}
