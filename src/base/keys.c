// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/keys.h"

#include <string.h>

#include "base/address_section.h"
#include "base/cas.h"
#include "base/dns_program_section.h"
#include "base/dns_section.h"
#include "base/names.h"
#include "base/value.h"
#include "base/watch_section.h"

static const char *const key_types[] = {
	[KEY_P256] = "p256",	   [KEY_P384] = "p384",	      [KEY_RSA2048] = "rsa2048",
	[KEY_RSA3072] = "rsa3072", [KEY_RSA4096] = "rsa4096", NULL,
};
_Static_assert(LENGTH_OF(key_types) == KEY_TYPES + 1, "one name for each type of key");

static const char *const modes[] = {
	[RESPONDER_STANDALONE] = "standalone",
	[RESPONDER_REDIRECT] = "redirect",
	[RESPONDER_WEBROOT] = "webroot",
	NULL,
};
_Static_assert(LENGTH_OF(modes) == RESPONDER_MODES + 1, "one name for each mode");

#define ACME(member) offsetof(struct ca, member), sizeof(((struct ca *)0)->member)
#define GATE(member) offsetof(struct config, gate.member), sizeof(((struct config *)0)->gate.member)
#define RESP(member) offsetof(struct config, responder.member), sizeof(((struct config *)0)->responder.member)
#define STAT(member) offsetof(struct config, status.member), sizeof(((struct config *)0)->status.member)
#define DNS(member) offsetof(struct dns, member), sizeof(((struct dns *)0)->member)
#define CERT(member) offsetof(struct certificate, member), sizeof(((struct certificate *)0)->member)

/* Those of [acme] are those of [ca NAME] too. */
static const struct key keys[] = {
	{ SECTION_ACME, "directory", value_directory, ACME(directory), NULL },
	{ SECTION_ACME, "staging", value_directory, ACME(staging), NULL },
	{ SECTION_ACME, "contact", value_contact, ACME(contact), NULL },
	{ SECTION_ACME, "accept_terms", value_bool, ACME(accept_terms), NULL },
	{ SECTION_ACME, "ca_file", value_file, ACME(ca_file), NULL },
	{ SECTION_ACME, "trust_file", value_file, ACME(trust_file), NULL },
	{ SECTION_ACME, "hosts", value_hosts, ACME(hosts), NULL },
	{ SECTION_ACME, "proxy", value_proxy, ACME(proxy), NULL },
	{ SECTION_ACME, "eab_kid", value_text, ACME(eab_kid), NULL },
	{ SECTION_ACME, "eab_key_file", value_file, ACME(eab_key_file), NULL },
	{ SECTION_ACME, "account_key", value_choice, ACME(account_key), key_types },
	{ SECTION_ACME, "profile", value_label, ACME(profile), NULL },
	{ SECTION_ACME, "chain", value_text, ACME(chain), NULL },
	{ SECTION_ACME, "ca", cas_set, 0, 0, NULL },
	{ SECTION_GATE, "backend", value_choice, GATE(backend), backend_names },
	{ SECTION_GATE, "command", value_command, GATE(command), NULL },
	{ SECTION_GATE, "port", value_port, GATE(port), NULL },
	{ SECTION_GATE, "tls_port", value_port, GATE(tls_port), NULL },
	{ SECTION_GATE, "max_open", value_max_open, GATE(max_open), NULL },
	{ SECTION_GATE, "user", value_label, GATE(user), NULL },
	{ SECTION_GATE, "state", value_path, GATE(state), NULL },
	{ SECTION_RESPONDER, "mode", value_choice, RESP(mode), modes },
	{ SECTION_RESPONDER, "port", value_port, RESP(port), NULL },
	{ SECTION_RESPONDER, "webroot", value_path, RESP(webroot), NULL },
	{ SECTION_STATUS, "metrics", value_metrics, STAT(metrics), NULL },
	{ SECTION_STATUS, "alert", value_program, STAT(alert), NULL },
	{ SECTION_STATUS, "page", value_path, STAT(page), NULL },
	{ SECTION_STATUS, "mode", value_mode, STAT(mode), NULL },
	{ SECTION_STATUS, "group", value_group, STAT(group), NULL },
	{ SECTION_DNS, "type", value_choice, DNS(type), dns_types },
	{ SECTION_DNS, "server", dns_set_server, DNS(server), NULL },
	{ SECTION_DNS, "key_file", dns_set_key, DNS(key_file), NULL },
	{ SECTION_DNS, "algorithm", dns_set_algorithm, DNS(algorithm), NULL },
	{ SECTION_DNS, "zone", dns_set_zone, DNS(zone), NULL },
	{ SECTION_DNS, "propagation", dns_set_propagation, DNS(propagation), NULL },
	{ SECTION_DNS, "url", dns_set_url, DNS(url), NULL },
	{ SECTION_DNS, "ca_file", value_file, DNS(ca_file), NULL },
	{ SECTION_DNS, "credentials_file", value_path, DNS(credentials_file), NULL },
	{ SECTION_DNS, "token_file", value_path, DNS(token_file), NULL },
	{ SECTION_DNS, "allow_from", dns_set_networks, DNS(allow_from), NULL },
	{ SECTION_DNS, "program", value_program, DNS(program.command), NULL },
	{ SECTION_DNS, "user", dns_program_set_user, DNS(program.user), NULL },
	{ SECTION_DNS, "environment_file", dns_program_set_environment, DNS(program.environment_file), NULL },
	{ SECTION_DNS, "timeout", dns_program_set_seconds, 0, 0, NULL },
	{ SECTION_DNS, "address", address_set_names, 0, 0, NULL },
	{ SECTION_DNS, "address_interface", address_set_interface, 0, 0, NULL },
	{ SECTION_DNS, "address_family", value_choice, DNS(address.family), address_families },
	{ SECTION_DNS, "address_ttl", address_set_ttl, 0, 0, NULL },
	{ SECTION_WATCH, "files", watch_set_files, 0, 0, NULL },
	{ SECTION_CERTIFICATE, "names", names_set, 0, 0, NULL },
	{ SECTION_CERTIFICATE, "key", value_choice, CERT(key), key_types },
	{ SECTION_CERTIFICATE, "reuse_key", value_reuse, CERT(reuse), NULL },
	{ SECTION_CERTIFICATE, "csr", value_csr, CERT(csr), NULL },
	{ SECTION_CERTIFICATE, "ca", cas_set, 0, 0, NULL },
	{ SECTION_CERTIFICATE, "challenge", dns_set_challenges, CERT(challenge), NULL },
	{ SECTION_CERTIFICATE, "persist_until", dns_set_until, 0, 0, NULL },
	{ SECTION_CERTIFICATE, "dns", value_label, CERT(dns_name), NULL },
	{ SECTION_CERTIFICATE, "profile", value_label, CERT(own_profile), NULL },
	{ SECTION_CERTIFICATE, "chain", value_text, CERT(own_chain), NULL },
	{ SECTION_CERTIFICATE, "owner", value_owner, CERT(owner), NULL },
	{ SECTION_CERTIFICATE, "group", value_group, CERT(group), NULL },
	{ SECTION_CERTIFICATE, "mode", value_mode, CERT(mode), NULL },
	{ SECTION_CERTIFICATE, "forms", value_forms, CERT(pkcs12), NULL },
	{ SECTION_CERTIFICATE, "pkcs12_password_file", value_password, CERT(password), NULL },
	{ SECTION_CERTIFICATE, "deploy", value_hook, offsetof(struct config, hook), COMMAND_SIZE, NULL },
};
_Static_assert(LENGTH_OF(keys) <= MOST_KEYS, "each key has its place in loader->seen");

bool keys_have(const struct loader *loader, const char *name)
{
	for (size_t i = 0; i < LENGTH_OF(keys); i++)
		if (keys[i].section == SECTION_CERTIFICATE && !strcmp(keys[i].name, name))
			return loader->seen[SECTION_CERTIFICATE][i];
	return false;
}

/* Names go on in the next line; each line with a hook is another one. Files may do both. */
static bool may_come_again(const struct loader *loader, const struct key *key)
{
	return key->set == watch_set_files || key->set == (loader->continued ? names_set : value_hook);
}

/* The names of CAs are for certificates, and in [acme] for all of them. */
static bool is_in_section(const struct key *key, enum section section)
{
	return key->section == section || (section == SECTION_CA && key->section == SECTION_ACME && key->set != cas_set);
}

int keys_set(struct loader *loader, const char *name, const char *value)
{
	for (size_t i = 0; i < LENGTH_OF(keys); i++) {
		bool *seen = &loader->seen[loader->section][i];

		if (!is_in_section(&keys[i], loader->section) || strcmp(keys[i].name, name))
			continue;
		if (*seen && !may_come_again(loader, &keys[i]))
			return loader_wrong(loader, loader->continued ? "%s: expected one line" : "%s is given twice", name);
		*seen = true;
		return keys[i].set(loader, &keys[i], value);
	}
	return 1;
}
