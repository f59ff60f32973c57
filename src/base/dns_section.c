// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/dns_section.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "base/address_section.h"
#include "base/safe.h"
#include "base/date.h"
#include "base/tsig_key.h"
#include "base/value.h"

#define SEPARATORS " \t,"
#define MARKS "@ \"'<>\\?#" /* that no URL of an API has */

const char *const dns_types[DNS_TYPES + 1] = {
	[DNS_RFC2136] = "rfc2136",	     [DNS_ACME_DNS] = "acme-dns", [DNS_HTTPREQ] = "httpreq",
	[DNS_DIGITALOCEAN] = "digitalocean", [DNS_EXEC] = "exec",
};

#define DIGITALOCEAN_URL "https://api.digitalocean.com"
#define FOR(type) (1U << (type))
#define APIS (FOR(DNS_ACME_DNS) | FOR(DNS_HTTPREQ) | FOR(DNS_DIGITALOCEAN))

/* The keys that only some types have, and those that a type cannot do without. */
static const struct rule {
	const char *name;
	size_t offset; /* of its text in struct dns */
	unsigned int may, must;
	const char *value; /* for a message */
} rules[] = {
	{ "server", offsetof(struct dns, server), FOR(DNS_RFC2136), FOR(DNS_RFC2136), "ADDRESS, a server that has the zone" },
	{ "key_file", offsetof(struct dns, key_file), FOR(DNS_RFC2136), FOR(DNS_RFC2136),
	  "FILE, with the TSIG key that the server knows" },
	{ "url", offsetof(struct dns, url), APIS, FOR(DNS_ACME_DNS) | FOR(DNS_HTTPREQ), "https://HOST..., where its API is" },
	{ "ca_file", offsetof(struct dns, ca_file), APIS, 0, NULL },
	{ "credentials_file", offsetof(struct dns, credentials_file), FOR(DNS_ACME_DNS) | FOR(DNS_HTTPREQ), FOR(DNS_ACME_DNS),
	  "FILE, for the registrations that acmegate dns register makes" },
	{ "token_file", offsetof(struct dns, token_file), FOR(DNS_DIGITALOCEAN), FOR(DNS_DIGITALOCEAN),
	  "FILE, with a token that may change the domain's records" },
	{ "allow_from", offsetof(struct dns, allow_from), FOR(DNS_ACME_DNS), 0, NULL },
	{ "program", offsetof(struct dns, program.command), FOR(DNS_EXEC), FOR(DNS_EXEC), "/PROGRAM, which puts values into the DNS" },
	{ "user", offsetof(struct dns, program.user), FOR(DNS_EXEC), 0, NULL },
	{ "environment_file", offsetof(struct dns, program.environment_file), FOR(DNS_EXEC), 0, NULL },
};

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
	memset(loader->seen[SECTION_DNS], 0, sizeof(loader->seen[SECTION_DNS]));
	return 0;
}

static int check_keys(struct loader *loader, const struct dns *dns)
{
	const char *number;

	for (size_t i = 0; i < LENGTH_OF(rules); i++) {
		const bool given = *((const char *)dns + rules[i].offset) != '\0';

		if (given && !(rules[i].may & FOR(dns->type)))
			return loader_wrong(loader, "[dns %s]: %s has no meaning with type = %s", dns->name, rules[i].name,
					    dns_types[dns->type]);
		if (!given && (rules[i].must & FOR(dns->type)))
			return loader_wrong(loader, "[dns %s] has no %s = %s", dns->name, rules[i].name, rules[i].value);
	}
	number = dns->algorithm != TSIG_UNKNOWN && dns->type != DNS_RFC2136 ? "algorithm" :
		 dns->program.seconds && dns->type != DNS_EXEC		    ? "timeout" :
									      NULL;
	return number ? loader_wrong(loader, "[dns %s]: %s has no meaning with type = %s", dns->name, number, dns_types[dns->type]) :
			0;
}

/*
 * Kept like a key. It is read later, by the one process that needs it. Until acmegate dns register has made it, that of acme-dns is missing.
 * Somebody else's question about the port or the certificates does not need it.
 */
static int check_secret(struct loader *loader, const struct dns *dns, const char *path)
{
	OWN_FD int fd = -1;
	struct fault why;
	struct stat s;

	if (!path[0] || (access(path, R_OK) < 0 &&
			 ((errno == ENOENT && dns->type == DNS_ACME_DNS) || (errno == EACCES && loader->part == CONFIG_GATE))))
		return 0;
	fd = safe_open(path, &why);
	if (fd < 0)
		return loader_wrong(loader, "[dns %s]: %s", dns->name, why.text);
	if (fstat(fd, &s) < 0 || (s.st_mode & (S_IRWXG | S_IRWXO)))
		return loader_wrong(loader, "[dns %s]: others than root can read the secrets in %s; chmod 0600 %s", dns->name, path,
				    path);
	return 0;
}

/* The key stays where values are changed: in runs, and in recovery. */
void dns_finish(struct loader *loader)
{
	struct dns *dns = loader->dns;
	const bool needs_key = loader->part == CONFIG_WHOLE || loader->part == CONFIG_CLOSING;

	if (!loader->spoiled && check_keys(loader, dns) == 0 && check_secret(loader, dns, dns->credentials_file) == 0)
		(void)!check_secret(loader, dns, dns->token_file);
	if (!loader->spoiled && dns->secret[0] && dns->algorithm == TSIG_UNKNOWN)
		loader_wrong(loader, "[dns %s]: %s says no algorithm: add algorithm = hmac-sha256, or what the server has",
			     dns->name, dns->key_file);
	if (dns->type == DNS_DIGITALOCEAN && !dns->url[0])
		snprintf(dns->url, sizeof(dns->url), DIGITALOCEAN_URL);
	if (!loader->spoiled)
		(void)!address_check(loader, dns);
	dns->sound = !loader->spoiled;
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

int dns_set_until(struct loader *loader, const struct key *key, const char *value)
{
	return date_read(value, &loader->certificate->persist_until) < 0 ?
		       loader_wrong(loader, "%s: expected a date as in 2027-12-31", key->name) :
		       0;
}

/* "http-01, dns-01 ...": all there are. */
static const char *kinds(void)
{
	static char text[128];
	size_t used = 0;

	for (int i = 0; i < CHALLENGE_TYPES; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : "", challenge_kinds[i].type);
	return text;
}

int dns_set_challenges(struct loader *loader, const struct key *key, const char *value)
{
	struct certificate *certificate = loader->certificate;

	for (const char *word = value + strspn(value, SEPARATORS); *word; word += strspn(word, SEPARATORS)) {
		const size_t length = strcspn(word, SEPARATORS);
		const int kind = find_kind(word, length);

		if (kind < 0)
			return loader_wrong(loader, "%s: '%.*s': expected one or more of %s, the preferred one first", key->name,
					    (int)length, word, kinds());
		if (memchr(certificate->challenge, kind, certificate->challenges))
			return loader_wrong(loader, "%s: %s is given twice", key->name, challenge_kinds[kind].type);
		certificate->challenge[certificate->challenges++] = (uint8_t)kind;
		word += length;
	}
	return certificate->challenges ? 0 : loader_wrong(loader, "%s: expected one or more of %s", key->name, kinds());
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

/* Paths are put behind it, each with a slash of its own. */
static int set_url(struct loader *loader, const struct key *key, const char *value)
{
	char *url = loader_field(loader, key);

	if (value_text(loader, key, value) < 0)
		return -1;
	for (size_t length = strlen(url); length && url[length - 1] == '/'; length--)
		url[length - 1] = '\0';
	return 0;
}

/* Secrets go there: only this host may be spoken to without TLS. */
int dns_set_url(struct loader *loader, const struct key *key, const char *value)
{
	static const char *const here[] = { "http://127.0.0.1", "http://[::1]", "http://localhost" };
	const char *host = strstr(value, "://"), *end;

	for (size_t i = 0; i < LENGTH_OF(here); i++)
		if (!strncmp(value, here[i], strlen(here[i])) && strchr(":/", value[strlen(here[i])]) && !strpbrk(value, MARKS))
			return set_url(loader, key, value);
	end = host ? host + 3 + strcspn(host + 3, "/") : value;
	if (strncmp(value, "https://", 8) || end == host + 3 || strpbrk(value, MARKS))
		return loader_wrong(
			loader,
			"%s: expected https://HOST or https://HOST:PORT/PATH without a user in it (http only to 127.0.0.1 and [::1])",
			key->name);
	return set_url(loader, key, value);
}

static bool is_network(const char *word, size_t length)
{
	char text[INET6_ADDRSTRLEN + 4], *slash;
	unsigned char binary[16];
	unsigned long bits;

	snprintf(text, sizeof(text), "%.*s", (int)length, word);
	slash = strchr(text, '/');
	if (length >= sizeof(text) || !slash)
		return false;
	*slash = '\0';
	return (inet_pton(AF_INET, text, binary) == 1 && config_number(slash + 1, 0, 32, 10, &bits) == 0) ||
	       (inet_pton(AF_INET6, text, binary) == 1 && config_number(slash + 1, 0, 128, 10, &bits) == 0);
}

int dns_set_networks(struct loader *loader, const struct key *key, const char *value)
{
	size_t length;

	for (const char *word = value + strspn(value, SEPARATORS); *word; word += length + strspn(word + length, SEPARATORS)) {
		length = strcspn(word, SEPARATORS);
		if (!is_network(word, length))
			return loader_wrong(loader, "%s: expected networks as 192.0.2.0/24 or 2001:db8::/32", key->name);
	}
	return value_text(loader, key, value);
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

/* One of its challenges puts a value into the DNS. */
static bool needs_section(const struct certificate *certificate)
{
	for (int i = 0; i < CHALLENGE_TYPES; i++)
		if (challenge_kinds[i].section && config_answers(certificate, (enum challenge_type)i))
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
					    "names: '%s': a wildcard cannot be validated over HTTP (RFC 8555, 8.3) or TLS; name each host, or "
					    "have challenge = dns-01 and dns = NAME of a section [dns NAME], or dns-persist-01",
					    name);
		if (config_is_address(name) && !otherwise)
			return loader_wrong(loader,
					    "names: '%s': an address cannot be validated through the DNS; have challenge = dns-01, http-01",
					    name);
	}
	if (certificate->dns_name[0] && !needs_section(certificate))
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
	if (!needs_section(certificate))
		return 0;
	if (index < 0 && name[0])
		return loader_wrong(loader, "[certificate %s]: there is no section [dns %s]", certificate->name, name);
	if (index < 0)
		return loader_wrong(loader, "[certificate %s]: challenge = dns-01 needs dns = NAME of a section [dns NAME]",
				    certificate->name);
	if (!config->dns[index].sound)
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
