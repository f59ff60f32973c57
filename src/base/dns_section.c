// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/dns_section.h"

#include <ctype.h>
#include <string.h>

#include "base/tsig_key.h"
#include "base/value.h"

#define SEPARATORS " \t,"

static int find(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->dnses; i++)
		if (!strcmp(config->dns[i].name, name))
			return (int)i;
	return -1;
}

int dns_begin(struct loader *loader, const char *name)
{
	struct config *config = loader->config;
	int other = find(config, name);

	if (!config_is_label(name))
		return loader_wrong(loader, "[dns NAME]: expected 1 to %d of a-z, 0-9, '.', '_', '-'", LABEL_SIZE - 1);
	if (other >= 0)
		return loader_wrong(loader, "[dns %s] is already in line %u", name, config->dns[other].line);
	if (config->dnses == MAX_DNS)
		return loader_wrong(loader, "more than %d sections [dns NAME]", MAX_DNS);
	loader->dns = &config->dns[config->dnses++];
	*loader->dns = (struct dns){ .line = loader->line, .propagation = PROPAGATION };
	snprintf(loader->dns->name, sizeof(loader->dns->name), "%s", name);
	loader->seen[SECTION_DNS] = 0;
	return 0;
}

/* The key stays where values are changed: in runs, and in recovery. */
void dns_finish(struct loader *loader)
{
	struct dns *dns = loader->dns;
	const bool needs_key = loader->part == CONFIG_WHOLE || loader->part == CONFIG_CLOSING;

	if (!loader->spoiled && !dns->server[0])
		loader_wrong(loader, "[dns %s] has no server = ADDRESS, a server that has the zone", dns->name);
	if (!loader->spoiled && !dns->key_file[0])
		loader_wrong(loader, "[dns %s] has no key_file = FILE, with the TSIG key that the server knows", dns->name);
	if (!loader->spoiled && dns->secret[0] && dns->algorithm == TSIG_UNKNOWN)
		loader_wrong(loader, "[dns %s]: %s says no algorithm: add algorithm = hmac-sha256, or what the server has",
			     dns->name, dns->key_file);
	if (loader->spoiled)
		dns->server[0] = '\0';
	if (loader->spoiled || !needs_key)
		explicit_bzero(dns->secret, sizeof(dns->secret));
	loader->dns = NULL;
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

static int find_kind(const char *word, size_t length)
{
	for (int i = 0; i < CHALLENGE_TYPES; i++)
		if (strlen(challenge_kinds[i].type) == length && !strncmp(challenge_kinds[i].type, word, length))
			return i;
	return -1;
}

int dns_set_challenges(struct loader *loader, const struct key *key, const char *value)
{
	struct certificate *certificate = loader->certificate;
	int kind;

	for (const char *word = value + strspn(value, SEPARATORS); *word; word += strspn(word, SEPARATORS)) {
		size_t length = strcspn(word, SEPARATORS);

		kind = find_kind(word, length);
		if (kind < 0)
			return loader_wrong(loader, "%s: '%.*s': expected http-01 or dns-01, or both, the preferred one first",
					    key->name, (int)length, word);
		if (memchr(certificate->challenge, kind, certificate->challenges))
			return loader_wrong(loader, "%s: %s is given twice", key->name, challenge_kinds[kind].type);
		certificate->challenge[certificate->challenges++] = (uint8_t)kind;
		word += length;
	}
	return certificate->challenges ? 0 : loader_wrong(loader, "%s: expected http-01 or dns-01", key->name);
}

int dns_set_type(struct loader *loader, const struct key *key, const char *value)
{
	return strcmp(value, "rfc2136") ? loader_wrong(loader, "%s: expected rfc2136", key->name) : 0;
}

/* A host name or an address, or for a zone a name, in lower case and without the dot at its end. */
static int set_name(struct loader *loader, const struct key *key, const char *value, const char *expected)
{
	char *name = loader_field(loader, key);

	if (value_text(loader, key, value) < 0)
		return -1;
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (strlen(name) > 1 && name[strlen(name) - 1] == '.')
		name[strlen(name) - 1] = '\0';
	if (!config_is_address(name) &&
	    (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.")] || name[0] == '.' || strstr(name, ".."))) {
		name[0] = '\0';
		return loader_wrong(loader, "%s: expected %s", key->name, expected);
	}
	return 0;
}

int dns_set_server(struct loader *loader, const struct key *key, const char *value)
{
	return set_name(loader, key, value, "an address or a name of a server that has the zone");
}

int dns_set_zone(struct loader *loader, const struct key *key, const char *value)
{
	return set_name(loader, key, value, "the name of a zone");
}

int dns_set_key(struct loader *loader, const struct key *key, const char *value)
{
	struct dns *dns = loader->dns;
	const uint32_t before = dns->algorithm;
	struct fault why;

	if (value[0] != '/')
		return loader_wrong(loader, "%s: expected an absolute path", key->name);
	if (value_text(loader, key, value) < 0)
		return -1;
	/* Only root may read it: for somebody else's question about the port or the certificates it does not matter. */
	if (access(value, R_OK) < 0 && errno == EACCES && loader->part == CONFIG_GATE)
		return 0;
	if (tsig_key_read(value, dns, &why) < 0)
		return loader_wrong(loader, "%s: %s", key->name, why.text);
	if (before != TSIG_UNKNOWN && dns->algorithm != before)
		return loader_wrong(loader, "%s: %s has %s, and algorithm = %s", key->name, value, tsig_algorithms[dns->algorithm],
				    tsig_algorithms[before]);
	return 0;
}

int dns_set_algorithm(struct loader *loader, const struct key *key, const char *value)
{
	struct dns *dns = loader->dns;
	struct fault why;
	uint32_t algorithm;

	if (tsig_algorithm_find(value, &algorithm, &why) < 0)
		return loader_wrong(loader, "%s: %s", key->name, why.text);
	if (dns->algorithm != TSIG_UNKNOWN && dns->algorithm != algorithm)
		return loader_wrong(loader, "%s: %s has %s", key->name, dns->key_file, tsig_algorithms[dns->algorithm]);
	dns->algorithm = algorithm;
	return 0;
}

int dns_set_propagation(struct loader *loader, const struct key *key, const char *value)
{
	unsigned long n;

	if (config_number(value, 1, 900, 10, &n) < 0)
		return loader_wrong(loader, "%s: expected 1 to 900 seconds", key->name);
	loader->dns->propagation = (uint32_t)n;
	return 0;
}

/* --- certificates ------------------------------------------------------------------------------------------------- */

static bool answers_by(const struct certificate *certificate, bool dns)
{
	for (int i = 0; i < CHALLENGE_TYPES; i++)
		if (challenge_kinds[i].dns == dns && config_answers(certificate, (enum challenge_type)i))
			return true;
	return false;
}

int dns_check_certificate(struct loader *loader, const struct certificate *certificate)
{
	const bool by_dns = answers_by(certificate, true), otherwise = answers_by(certificate, false);

	for (uint32_t i = 0; i < certificate->names; i++) {
		const char *name = loader->config->name[certificate->first_name + i];

		if (name[0] == '*' && !by_dns)
			return loader_wrong(loader,
					    "names: '%s': a wildcard cannot be validated over HTTP (RFC 8555, 8.3); name each host, or "
					    "have challenge = dns-01 and dns = NAME of a section [dns NAME]",
					    name);
		if (config_is_address(name) && !otherwise)
			return loader_wrong(loader,
					    "names: '%s': an address cannot be validated through the DNS; have challenge = dns-01, http-01",
					    name);
	}
	if (certificate->dns_name[0] && !by_dns)
		return loader_wrong(loader, "[certificate %s]: dns = %s has no effect without challenge = dns-01",
				    certificate->name, certificate->dns_name);
	return 0;
}

/* Its section, the only one if it names none. */
static int resolve(struct loader *loader, struct certificate *certificate)
{
	const struct config *config = loader->config;
	const char *name = certificate->dns_name;
	const int index = name[0] ? find(config, name) : config->dnses == 1 ? 0 : -1;

	certificate->dns = MAX_DNS;
	loader->line = certificate->line;
	if (!answers_by(certificate, true))
		return 0;
	if (index < 0 && name[0])
		return loader_wrong(loader, "[certificate %s]: there is no section [dns %s]", certificate->name, name);
	if (index < 0)
		return loader_wrong(loader, "[certificate %s]: challenge = dns-01 needs dns = NAME of a section [dns NAME]",
				    certificate->name);
	if (!config->dns[index].server[0])
		return loader_wrong(loader, "[certificate %s]: [dns %s] has a mistake, see there", certificate->name,
				    config->dns[index].name);
	certificate->dns = (uint32_t)index;
	return 0;
}

void dns_resolve(struct loader *loader)
{
	struct config *config = loader->config;
	const uint32_t found = config->certificates;
	uint32_t kept = 0;

	loader->section = SECTION_CERTIFICATE;
	for (uint32_t i = 0; i < found; i++)
		if (resolve(loader, &config->certificate[i]) == 0)
			config->certificate[kept++] = config->certificate[i];
	config->certificates = kept;
	explicit_bzero(&config->certificate[kept], (found - kept) * sizeof(config->certificate[0])); /* one may have a password */
}
