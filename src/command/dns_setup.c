// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * dns_setup.c - acmegate dns setup: prints what a name server has to allow, ready to paste: for exactly the names of the configuration, and nothing else.
 */
#include "command/dns.h"

#include <string.h>

#include "base/log.h"
#include "command/errand.h"

#define PREFIX "_acme-challenge."
#define LABEL_MOST 63

/* The name that a value is at: that of the certificate's name, or of its alias. */
struct owner {
	char name[NAME_SIZE * 2 + sizeof(PREFIX)];
	const char *alias_of; /* the name of the certificate without "*.", if its own zone is another; or NULL */
};

static bool is_below(const char *name, const char *zone)
{
	size_t n = strlen(name), z = strlen(zone);

	return n >= z && !strcmp(name + n - z, zone) && (n == z || name[n - z - 1] == '.');
}

/* "foo.example.com" as "com-example-foo"; a "-" in it is doubled, so that no two names become one. */
static void reverse(const char *name, char separator, char *out)
{
	const char *end = name + strlen(name);
	size_t used = 0;

	while (end > name) {
		const char *start = end;

		while (start > name && start[-1] != '.')
			start--;
		for (const char *c = start; c < end; c++) {
			out[used++] = *c;
			if (*c == '-' && separator == '-')
				out[used++] = '-';
		}
		end = start > name ? start - 1 : name;
		out[used++] = end > name ? separator : '\0';
	}
}

static void own(const struct dns *dns, const char *name, struct owner *owner)
{
	char reversed[NAME_SIZE * 2];

	name += strncmp(name, "*.", 2) ? 0 : 2;
	owner->alias_of = dns->zone[0] && !is_below(name, dns->zone) ? name : NULL;
	if (!owner->alias_of) {
		snprintf(owner->name, sizeof(owner->name), PREFIX "%s", name);
		return;
	}
	reverse(name, '-', reversed);
	if (strlen(reversed) > LABEL_MOST)
		reverse(name, '.', reversed);
	snprintf(owner->name, sizeof(owner->name), "%s.%s", reversed, dns->zone);
}

/* All names of these certificates that have this section, each once. */
static size_t list(const struct config *config, const struct errand *errand, uint32_t dns, struct owner *owners)
{
	size_t n = 0;

	for (uint32_t i = 0; i < config->certificates; i++) {
		const struct certificate *certificate = &config->certificate[i];

		for (uint32_t k = 0; errand->named[i] && certificate->dns == dns && k < certificate->names; k++) {
			const char *name = config->name[certificate->first_name + k];
			bool known = config_is_address(name);

			own(&config->dns[dns], name, &owners[n]);
			for (size_t j = 0; j < n && !known; j++)
				known = !strcmp(owners[j].name, owners[n].name);
			n += !known;
		}
	}
	return n;
}

static void print_aliases(const struct owner *owners, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (!owners[i].alias_of)
			continue;
		if (!any)
			printf("; In the zones of these names, once (any other name that the key may change will do):\n");
		printf(PREFIX "%s. IN CNAME %s.\n", owners[i].alias_of, owners[i].name);
		any = true;
	}
	printf("%s", any ? "\n" : "");
}

static void print_bind(const struct dns *dns, const struct owner *owners, size_t n)
{
	printf("# BIND, in the zone of named.conf; the key is included from its file:\nupdate-policy {\n");
	for (size_t i = 0; i < n; i++)
		printf("\tgrant %s name %s. TXT;\n", dns->key_name, owners[i].name);
	for (uint32_t i = 0; i < dns->address.names; i++)
		printf("\tgrant %s name %s. A AAAA;\n", dns->key_name, dns->address.name[i]);
	printf("};\n\n");
}

static void begin_acl(const struct dns *dns, const char *suffix, const char *types)
{
	printf("  - id: acmegate-%s%s\n    key: %s\n    action: update\n    update-type: %s\n    update-owner: name\n"
	       "    update-owner-match: equal\n    update-owner-name: [ ",
	       dns->name, suffix, dns->key_name, types);
}

static void print_knot(const struct dns *dns, const struct owner *owners, size_t n)
{
	const bool both = n && dns->address.names;

	printf("# Knot DNS, in knot.conf; with acl: [ %s%s%s%s%s%s ] in the zone:\nacl:\n", n ? "acmegate-" : "",
	       n ? dns->name : "", both ? ", " : "", dns->address.names ? "acmegate-" : "", dns->address.names ? dns->name : "",
	       dns->address.names ? "-address" : "");
	if (n)
		begin_acl(dns, "", "TXT");
	for (size_t i = 0; i < n; i++)
		printf("%s%s.%s", i ? ", " : "", owners[i].name, i + 1 == n ? " ]\n" : "");
	if (dns->address.names)
		begin_acl(dns, "-address", "[ A, AAAA ]");
	for (uint32_t i = 0; i < dns->address.names; i++)
		printf("%s%s.%s", i ? ", " : "", dns->address.name[i], i + 1 == dns->address.names ? " ]\n" : "");
	printf("\n");
}

static void print_powerdns(const struct dns *dns, const struct owner *owners, size_t n)
{
	printf("-- PowerDNS: dnsupdate=yes and lua-dnsupdate-policy-script=FILE in pdns.conf, this in FILE, and\n"
	       "-- pdnsutil set-meta ZONE TSIG-ALLOW-DNSUPDATE %s\nlocal names = {\n",
	       dns->key_name);
	for (size_t i = 0; i < n; i++)
		printf("\t[\"%s.\"] = true,\n", owners[i].name);
	printf("}\nlocal addresses = {\n");
	for (uint32_t i = 0; i < dns->address.names; i++)
		printf("\t[\"%s.\"] = true,\n", dns->address.name[i]);
	printf("}\nfunction updatepolicy(input)\n\tlocal name, type = input:getQName():toString():lower(), input:getQType()\n"
	       "\tif input:getTsigName():toString() ~= \"%s.\" then return false end\n"
	       "\tif type == pdns.TXT then return names[name] == true end\n"
	       "\treturn (type == pdns.A or type == pdns.AAAA) and addresses[name] == true\nend\n\n",
	       dns->key_name);
}

/* A service has no policy to paste; acme-dns gives each name another one, and that is known when it is registered. */
static void print_service(const struct dns *dns, const struct owner *owners, size_t n)
{
	printf("; --- [dns %s], type %s\n\n", dns->name, dns_types[dns->type]);
	if (dns->type == DNS_ACME_DNS)
		printf("; acmegate dns register registers its names and prints the CNAME of each\n\n");
	else
		print_aliases(owners, n);
}

static void print_server(const struct dns *dns, const struct owner *owners, size_t n)
{
	static void (*const print[])(const struct dns *, const struct owner *, size_t) = { print_bind, print_knot, print_powerdns };

	printf("; --- [dns %s], server %s, key %s\n\n", dns->name, dns->server, dns->key_name);
	print_aliases(owners, n);
	for (size_t k = 0; k < LENGTH_OF(print); k++)
		print[k](dns, owners, n);
}

int dns_setup_run(struct host *host, const struct call *call)
{
	static struct owner owners[MAX_NAMES];
	struct errand errand = { 0 };
	bool any = false;

	if (errand_choose(&errand, host->config, call) < 0)
		return STATUS_USAGE;
	for (uint32_t i = 0; i < host->config->dnses; i++) {
		const struct dns *dns = &host->config->dns[i];
		const size_t n = list(host->config, &errand, i, owners);

		if (!n && (call->words || !dns->address.names))
			continue;
		(dns->type == DNS_RFC2136 ? print_server : print_service)(dns, owners, n);
		any = true;
	}
	if (!any)
		log_notice("no certificate has challenge = dns-01, and no section [dns NAME] has address =");
	return STATUS_DONE;
}
