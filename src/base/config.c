// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <ini.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/safe.h"

#define INI_LINE_LIMIT 200   /* INI_MAX_LINE of inih as packaged, which gets longer lines in pieces */
#define LINE_MOST 4096	     /* of ours: any value fits, and some fifteen of the longest names */
#define INI_SECTION_LIMIT 48 /* likewise MAX_SECTION */
#define CERTIFICATE_PREFIX "certificate "

enum section { SECTION_ACME, SECTION_GATE, SECTION_RESPONDER, SECTION_CERTIFICATE, SECTION_UNKNOWN, SECTIONS };

/* What is being read, and where in it. inih calls store() between two calls of next_line(), so line is always right. */
struct loader {
	struct config *config;
	struct mistakes *mistakes;
	enum config_part part;
	FILE *file;
	char *buffer;
	size_t capacity;
	const char *rest;      /* of the line in buffer, that inih has not got yet; NULL: it has all */
	char value[LINE_MOST]; /* what it has told of the value so far */
	size_t used;
	uint32_t line;
	bool continued;	    /* the line begins with white space: the value of the line before goes on */
	bool fresh_section; /* its header was read, none of its keys yet */
	bool skipping;	    /* the header was wrong: what follows belongs to no section */
	bool spoiled;	    /* the certificate has a mistake, and is left out */
	enum section section;
	bool wrong[SECTIONS];	 /* which kinds of sections have mistakes */
	uint64_t seen[SECTIONS]; /* keys given so far, by kind of section */
	struct certificate *certificate;
};

/* Which of them stop a command; recovery is stopped by none. An unknown section may be a misspelled one. */
static const bool matters[][SECTIONS] = {
	[CONFIG_WHOLE] = { [SECTION_ACME] = true, [SECTION_GATE] = true, [SECTION_RESPONDER] = true, [SECTION_UNKNOWN] = true },
	[CONFIG_GATE] = { [SECTION_GATE] = true, [SECTION_RESPONDER] = true, [SECTION_UNKNOWN] = true },
	[CONFIG_CLOSING] = { false },
};

struct key {
	enum section section;
	const char *name;
	int (*set)(struct loader *, const struct key *, const char *value);
	size_t offset; /* of the field in struct config or struct certificate */
	size_t size;
	const char *const *names; /* of an enum's values, NULL at the end */
};

static void note(struct mistakes *mistakes, const char *text)
{
	if (mistakes->number < MOST_MISTAKES)
		snprintf(mistakes->text[mistakes->number], MISTAKE_SIZE, "%s", text);
	mistakes->number++;
}

static int wrong(struct loader *loader, const char *format, ...) PRINTF_LIKE(2, 3);
static int wrong(struct loader *loader, const char *format, ...)
{
	char what[512], text[MISTAKE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(text, sizeof(text), "%s:%u: %s", loader->config->file, loader->line, what);
	note(loader->mistakes, text);
	loader->wrong[loader->section] = true;
	loader->spoiled = true;
	return -1;
}

static void *field(const struct loader *loader, const struct key *key)
{
	char *base = key->section == SECTION_CERTIFICATE ? (char *)loader->certificate : (char *)loader->config;

	return base + key->offset;
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static int set_text(struct loader *loader, const struct key *key, const char *value)
{
	size_t length = strlen(value);

	if (!length || length >= key->size)
		return wrong(loader, "%s: expected 1 to %zu characters", key->name, key->size - 1);
	for (size_t i = 0; i < length; i++)
		if (!isprint((unsigned char)value[i]))
			return wrong(loader, "%s: expected printable ASCII characters", key->name);
	memcpy(field(loader, key), value, length + 1);
	return 0;
}

static int set_label(struct loader *loader, const struct key *key, const char *value)
{
	if (value[strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")])
		return wrong(loader, "%s: expected letters, digits, '.', '_' and '-'", key->name);
	return set_text(loader, key, value);
}

/* CAs that a name is enough for. */
static const struct {
	const char *name, *url;
} known[] = {
	{ "letsencrypt", "https://acme-v02.api.letsencrypt.org/directory" },
	{ "letsencrypt-staging", "https://acme-staging-v02.api.letsencrypt.org/directory" },
	{ "google", "https://dv.acme-v02.api.pki.goog/directory" },
	{ "google-staging", "https://dv.acme-v02.test-api.pki.goog/directory" },
	{ "zerossl", "https://acme.zerossl.com/v2/DV90" },
	{ "sslcom", "https://acme.ssl.com/sslcom-dv-ecc" },
};

bool config_has_public_ca(const struct config *config)
{
	for (size_t i = 0; i < LENGTH_OF(known); i++)
		if (!strcmp(config->acme.directory, known[i].url))
			return true;
	return false;
}

uint16_t config_ca_port(const struct config *config)
{
	const char *url = config->acme.proxy[0] ? config->acme.proxy : config->acme.directory, *host = strstr(url, "://");
	const char *end = host ? host + 3 + strcspn(host + 3, "/?#") : NULL, *colon = end;

	if (!host)
		return 0;
	while (colon > host + 3 && colon[-1] >= '0' && colon[-1] <= '9')
		colon--;
	if (colon > host + 3 && colon[-1] == ':' && colon < end)
		return (uint16_t)strtoul(colon, NULL, 10);
	return strncmp(url, "http:", 5) ? 443 : 80;
}

static int set_directory(struct loader *loader, const struct key *key, const char *value)
{
	for (size_t i = 0; i < LENGTH_OF(known); i++)
		if (!strcmp(value, known[i].name))
			return set_text(loader, key, known[i].url);
	if (strncmp(value, "https://", 8) || !value[8] || strchr(value, ' '))
		return wrong(loader,
			     "%s: expected an https URL or one of letsencrypt, letsencrypt-staging, google, "
			     "google-staging, zerossl, sslcom",
			     key->name);
	return set_text(loader, key, value);
}

static int set_contact(struct loader *loader, const struct key *key, const char *value)
{
	const char *at = strchr(value, '@');

	if (!at || at == value || !strchr(at, '.') || strpbrk(value, " ,:?&<>\""))
		return wrong(loader, "%s: expected one e-mail address, as in admin@example.org", key->name);
	return set_text(loader, key, value);
}

static int set_proxy(struct loader *loader, const struct key *key, const char *value)
{
	const char *host = strstr(value, "://"), *login = host ? strrchr(host, '@') : NULL, *port = strrchr(value, ':');
	struct stat s;

	if ((strncmp(value, "http://", 7) && strncmp(value, "https://", 8)) || port <= (login ? login + 1 : host + 3) || !port[1] ||
	    port[1 + strspn(port + 1, "0123456789")] || strpbrk(login ? login : host + 3, "/ ?#") ||
	    (login && !memchr(host + 3, ':', (size_t)(login - host - 3))))
		return wrong(loader,
			     "%s: expected http://HOST:PORT, https://HOST:PORT or http://USER:PASSWORD@HOST:PORT (with "
			     "%%40 for an '@', %%2f for a '/')",
			     key->name);
	if (login && (fstat(fileno(loader->file), &s) < 0 || (s.st_mode & S_IROTH)))
		return wrong(loader, "%s: everybody can read the password in this file; chmod o-r %s", key->name,
			     loader->config->file);
	return set_text(loader, key, value);
}

static int set_hosts(struct loader *loader, const struct key *key, const char *value)
{
	if (value[strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[] ")])
		return wrong(loader, "%s: expected names of hosts, separated by spaces", key->name);
	return set_text(loader, key, value);
}

static int set_path(struct loader *loader, const struct key *key, const char *value)
{
	if (value[0] != '/')
		return wrong(loader, "%s: expected an absolute path", key->name);
	return set_text(loader, key, value);
}

static int set_file(struct loader *loader, const struct key *key, const char *value)
{
	OWN_FD int fd = -1;

	if (value[0] != '/')
		return set_path(loader, key, value);
	fd = open(value, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return wrong(loader, "%s: %s: %s", key->name, value, strerror(errno));
	return set_path(loader, key, value);
}

static int set_command(struct loader *loader, const struct key *key, const char *value)
{
	char program[COMMAND_SIZE];
	struct fault why;

	if (value[0] != '/')
		return set_path(loader, key, value);
	snprintf(program, sizeof(program), "%.*s", (int)strcspn(value, " \t"), value);
	if (safe_program(program, &why) < 0)
		return wrong(loader, "%s: %s", key->name, why.text);
	return set_path(loader, key, value);
}

/* What a shell would understand, and the program would get as it is. */
static int set_hook(struct loader *loader, const struct key *key, const char *value)
{
	const char *found = strpbrk(value, "'\"$|`<>;");

	if (!found)
		found = strstr(value, "&&");
	if (found)
		return wrong(loader, "%s: no shell runs this, so %.1s has no meaning; write a script, and name that here",
			     key->name, found);
	return set_command(loader, key, value);
}

static int set_bool(struct loader *loader, const struct key *key, const char *value)
{
	bool yes = !strcmp(value, "yes") || !strcmp(value, "true");

	if (!yes && strcmp(value, "no") && strcmp(value, "false"))
		return wrong(loader, "%s: expected yes or no", key->name);
	*(bool *)field(loader, key) = yes;
	return 0;
}

static int number(const char *value, unsigned long least, unsigned long most, int base, unsigned long *out)
{
	char *end;

	if (!isdigit((unsigned char)value[0]))
		return -1;
	errno = 0;
	*out = strtoul(value, &end, base);
	return errno || *end || *out < least || *out > most ? -1 : 0;
}

int config_set_max_open(struct config *config, const char *text)
{
	unsigned long n;

	if (number(text, 5, 600, 10, &n) < 0)
		return -1;
	config->gate.max_open = (uint32_t)n;
	return 0;
}

static int set_max_open(struct loader *loader, const struct key *key, const char *value)
{
	if (config_set_max_open(loader->config, value) < 0)
		return wrong(loader, "%s: expected 5 to 600 seconds", key->name);
	return 0;
}

static int set_mode(struct loader *loader, const struct key *key, const char *value)
{
	unsigned long n;

	if (number(value, 0400, 0777, 8, &n) < 0 || (n & 0133) || (n & 0400) == 0)
		return wrong(loader,
			     "%s: expected an octal mode such as 0600 or 0640, without write for group and others "
			     "and without execute",
			     key->name);
	*(mode_t *)field(loader, key) = (mode_t)n;
	return 0;
}

static int set_port(struct loader *loader, const struct key *key, const char *value)
{
	unsigned long n;

	if (number(value, 1, 65535, 10, &n) < 0)
		return wrong(loader, "%s: expected a port from 1 to 65535", key->name);
	*(uint16_t *)field(loader, key) = (uint16_t)n;
	return 0;
}

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

/* An enum, all of which have one size, by the name of its value. */
static int set_choice(struct loader *loader, const struct key *key, const char *value)
{
	char expected[128] = "";
	size_t used = 0;

	_Static_assert(sizeof(enum key_type) == sizeof(unsigned int) && sizeof(enum backend_choice) == sizeof(unsigned int) &&
			       sizeof(enum responder_mode) == sizeof(unsigned int),
		       "as gcc and clang make them");
	for (unsigned int i = 0; key->names[i]; i++) {
		if (!strcmp(value, key->names[i])) {
			memcpy(field(loader, key), &i, sizeof(i));
			return 0;
		}
		used += (size_t)snprintf(expected + used, sizeof(expected) - used, "%s%s",
					 i == 0		   ? "" :
					 key->names[i + 1] ? ", " :
							     " or ",
					 key->names[i]);
	}
	return wrong(loader, "%s: expected %s", key->name, expected);
}

static int set_owner(struct loader *loader, const struct key *key, const char *value)
{
	const struct passwd *user = getpwnam(value);

	if (!user)
		return wrong(loader, "%s: there is no user '%s' on this host", key->name, value);
	*(uid_t *)field(loader, key) = user->pw_uid;
	return 0;
}

static int set_group(struct loader *loader, const struct key *key, const char *value)
{
	const struct group *group = getgrnam(value);

	if (!group)
		return wrong(loader, "%s: there is no group '%s' on this host", key->name, value);
	*(gid_t *)field(loader, key) = group->gr_gid;
	return 0;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

bool config_is_address(const char *name)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static bool dots_at_end(const char *name)
{
	size_t length = strlen(name);

	return length > 1 && name[length - 1] == '.' && name[length - 2] != '.';
}

static int check_dns_name(struct loader *loader, const char *name)
{
	size_t label = 0, dots = 0;

	if (dots_at_end(name))
		return wrong(loader, "names: '%s': write it without the dot at its end", name);
	if (name[0] == '*')
		return wrong(loader,
			     "names: '%s': a wildcard cannot be validated over HTTP (RFC 8555, 8.3); name each "
			     "host",
			     name);
	for (const char *c = name;; c++) {
		if (*c && *c != '.') {
			if (!isalnum((unsigned char)*c) && *c != '-')
				return wrong(loader, "names: '%s': expected letters, digits, '-' and '.'", name);
			label++;
			continue;
		}
		if (!label || label > 63 || c[-1] == '-' || c[-(ptrdiff_t)label] == '-')
			return wrong(loader, "names: '%s' is not a host name", name);
		dots += *c == '.';
		label = 0;
		if (!*c)
			break;
	}
	if (isdigit((unsigned char)name[strlen(name) - 1]) && name[strspn(name, "0123456789.")] == '\0')
		return wrong(loader, "names: '%s' is neither an address nor a host name", name);
	if (!dots)
		return wrong(loader, "names: '%s': expected a full name with at least one dot", name);
	return 0;
}

/* One spelling for each name, so that it compares equal to what the CA and the certificate say. */
static void canonical(char name[NAME_SIZE])
{
	unsigned char address[sizeof(struct in6_addr)];

	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (inet_pton(AF_INET6, name, address) == 1)
		inet_ntop(AF_INET6, address, name, NAME_SIZE);
}

static int (*translate)(const char *name, char ascii[NAME_SIZE], struct fault *fault);

void config_translate_with(int (*translator)(const char *name, char ascii[NAME_SIZE], struct fault *fault))
{
	translate = translator;
}

/* Where nobody asks for names, another one of its own serves as well. */
static int take_foreign(struct loader *loader, const char *foreign, char name[NAME_SIZE])
{
	struct fault why;

	if (loader->part != CONFIG_WHOLE) {
		snprintf(name, NAME_SIZE, "untranslated-%u.invalid", loader->config->names);
		return 0;
	}
	if (!translate)
		return wrong(loader, "names: '%s': write an international name in its xn-- form", foreign);
	return translate(foreign, name, &why) < 0 ? wrong(loader, "names: '%s': %s", foreign, why.text) : 0;
}

static int take_word(struct loader *loader, const char *word, size_t length, char name[NAME_SIZE])
{
	char text[FOREIGN_NAME_SIZE];
	bool foreign = false;

	for (size_t i = 0; i < length; i++)
		foreign |= (unsigned char)word[i] >= 0x80;
	if (length >= (foreign ? FOREIGN_NAME_SIZE : NAME_SIZE))
		return wrong(loader, "names: a name has at most %d characters", NAME_SIZE - 1);
	snprintf(text, sizeof(text), "%.*s", (int)length, word);
	if (foreign)
		return take_foreign(loader, text, name);
	memcpy(name, text, length + 1);
	return 0;
}

static int add_name(struct loader *loader, const char *word, size_t length)
{
	struct config *config = loader->config;
	struct certificate *certificate = loader->certificate;
	char *name = config->name[config->names];

	if (config->names == MAX_NAMES - 1 || certificate->names == MAX_NAMES_EACH)
		return wrong(loader, "names: at most %d in one certificate and %d in all", MAX_NAMES_EACH, MAX_NAMES - 1);
	if (take_word(loader, word, length, name) < 0)
		return -1;
	canonical(name);
	if (!config_is_address(name) && check_dns_name(loader, name) < 0)
		return -1;
	for (uint32_t i = 0; i < certificate->names; i++)
		if (!strcmp(config->name[certificate->first_name + i], name))
			return wrong(loader, "names: '%.*s' (%s) is given twice", (int)length, word, name);
	config->names++;
	certificate->names++;
	return 0;
}

static int set_names(struct loader *loader, const struct key *key, const char *value)
{
	(void)key;
	if (!loader->certificate->names)
		loader->certificate->first_name = loader->config->names;
	for (const char *word = value; *word;) {
		size_t length = strcspn(word, " \t,");

		if (length && add_name(loader, word, length) < 0)
			return -1;
		word += length;
		word += strspn(word, " \t,");
	}
	return 0;
}

/* --- sections and keys -------------------------------------------------------------------------------------------- */

#define ACME(member) offsetof(struct config, acme.member), sizeof(((struct config *)0)->acme.member)
#define GATE(member) offsetof(struct config, gate.member), sizeof(((struct config *)0)->gate.member)
#define RESP(member) offsetof(struct config, responder.member), sizeof(((struct config *)0)->responder.member)
#define CERT(member) offsetof(struct certificate, member), sizeof(((struct certificate *)0)->member)

static const struct key keys[] = {
	{ SECTION_ACME, "directory", set_directory, ACME(directory), NULL },
	{ SECTION_ACME, "contact", set_contact, ACME(contact), NULL },
	{ SECTION_ACME, "accept_terms", set_bool, ACME(accept_terms), NULL },
	{ SECTION_ACME, "ca_file", set_file, ACME(ca_file), NULL },
	{ SECTION_ACME, "trust_file", set_file, ACME(trust_file), NULL },
	{ SECTION_ACME, "hosts", set_hosts, ACME(hosts), NULL },
	{ SECTION_ACME, "proxy", set_proxy, ACME(proxy), NULL },
	{ SECTION_ACME, "eab_kid", set_text, ACME(eab_kid), NULL },
	{ SECTION_ACME, "eab_key_file", set_file, ACME(eab_key_file), NULL },
	{ SECTION_ACME, "account_key", set_choice, ACME(account_key), key_types },
	{ SECTION_GATE, "backend", set_choice, GATE(backend), backend_names },
	{ SECTION_GATE, "command", set_command, GATE(command), NULL },
	{ SECTION_GATE, "port", set_port, GATE(port), NULL },
	{ SECTION_GATE, "max_open", set_max_open, GATE(max_open), NULL },
	{ SECTION_GATE, "user", set_label, GATE(user), NULL },
	{ SECTION_GATE, "state", set_path, GATE(state), NULL },
	{ SECTION_RESPONDER, "mode", set_choice, RESP(mode), modes },
	{ SECTION_RESPONDER, "port", set_port, RESP(port), NULL },
	{ SECTION_RESPONDER, "webroot", set_path, RESP(webroot), NULL },
	{ SECTION_CERTIFICATE, "names", set_names, 0, 0, NULL },
	{ SECTION_CERTIFICATE, "key", set_choice, CERT(key), key_types },
	{ SECTION_CERTIFICATE, "profile", set_label, CERT(profile), NULL },
	{ SECTION_CERTIFICATE, "chain", set_text, CERT(chain), NULL },
	{ SECTION_CERTIFICATE, "owner", set_owner, CERT(owner), NULL },
	{ SECTION_CERTIFICATE, "group", set_group, CERT(group), NULL },
	{ SECTION_CERTIFICATE, "mode", set_mode, CERT(mode), NULL },
	{ SECTION_CERTIFICATE, "deploy", set_hook, CERT(deploy), NULL },
};
_Static_assert(LENGTH_OF(keys) <= 64, "one bit for each key");

/* A certificate with a mistake in it is left out, and its names. */
static void finish_section(struct loader *loader)
{
	struct config *config = loader->config;
	struct certificate *certificate = loader->certificate;

	if (loader->fresh_section)
		wrong(loader, "the section above has no key");
	else if (certificate && !certificate->names && !loader->spoiled)
		wrong(loader, "[certificate %s] has no names = HOST...", certificate->name);
	if (certificate && loader->spoiled) {
		if (certificate->names)
			config->names = certificate->first_name;
		memset(certificate, 0, sizeof(*certificate));
		config->certificates--;
	}
	loader->certificate = NULL;
	loader->fresh_section = false;
}

static int begin_certificate(struct loader *loader, const char *name)
{
	struct config *config = loader->config;
	struct certificate *certificate;
	int other = config_find(config, name);
	size_t length = strlen(name);

	if (!length || length >= LABEL_SIZE || name[0] == '.' || name[0] == '-' ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")])
		return wrong(loader, "[certificate NAME]: expected 1 to %d of a-z, 0-9, '.', '_', '-'", LABEL_SIZE - 1);
	if (other >= 0)
		return wrong(loader, "[certificate %s] stands already in line %u", name, config->certificate[other].line);
	if (config->certificates == MAX_CERTIFICATES)
		return wrong(loader, "more than %d certificates", MAX_CERTIFICATES);
	certificate = &config->certificate[config->certificates++];
	memcpy(certificate->name, name, length + 1);
	certificate->mode = 0600;
	certificate->line = loader->line;
	loader->certificate = certificate;
	loader->seen[SECTION_CERTIFICATE] = 0;
	return 0;
}

static enum section kind_of(const char *section)
{
	static const char *const names[] = { [SECTION_ACME] = "acme", [SECTION_GATE] = "gate", [SECTION_RESPONDER] = "responder" };

	for (size_t i = 0; i < LENGTH_OF(names); i++)
		if (!strcmp(section, names[i]))
			return (enum section)i;
	return strncmp(section, CERTIFICATE_PREFIX, strlen(CERTIFICATE_PREFIX)) ? SECTION_UNKNOWN : SECTION_CERTIFICATE;
}

/* text: the header, from its bracket on */
static int begin_section(struct loader *loader, const char *text)
{
	char section[INI_SECTION_LIMIT + 1];

	snprintf(section, sizeof(section), "%.*s", (int)strcspn(text + 1, "]"), text + 1);
	loader->section = kind_of(section);
	if (!strchr(text, ']'))
		return wrong(loader, "expected [SECTION] or KEY = VALUE");
	if (strcspn(text, "]") > INI_SECTION_LIMIT)
		return wrong(loader, "expected a section name of at most %d characters", INI_SECTION_LIMIT);
	if (loader->section == SECTION_UNKNOWN)
		return wrong(loader, "section [%s]: expected [acme], [gate], [responder] or [certificate NAME]", section);
	if (loader->section == SECTION_CERTIFICATE && begin_certificate(loader, section + strlen(CERTIFICATE_PREFIX)) < 0)
		return -1;
	loader->spoiled = false;
	loader->fresh_section = true;
	return 0;
}

static int set(struct loader *loader, const char *name, const char *value)
{
	for (size_t i = 0; i < LENGTH_OF(keys); i++) {
		uint64_t bit = UINT64_C(1) << i;

		if (keys[i].section != loader->section || strcmp(keys[i].name, name))
			continue;
		if ((loader->seen[loader->section] & bit) && !(loader->continued && keys[i].set == set_names))
			return wrong(loader, loader->continued ? "%s: expected one line" : "%s is given twice", name);
		loader->seen[loader->section] |= bit;
		return keys[i].set(loader, &keys[i], value);
	}
	return 1;
}

static int store(void *user, const char *section, const char *name, const char *piece)
{
	struct loader *loader = user;
	const char *value = loader->value;
	size_t length = strlen(piece);

	if (loader->skipping || length >= sizeof(loader->value) - loader->used)
		return 1;
	memcpy(loader->value + loader->used, piece, length + 1);
	loader->used += length;
	if (loader->rest)
		return 1;
	loader->fresh_section = false;
	if (kind_of(section) != loader->section || loader->section == SECTION_UNKNOWN)
		(void)!wrong(loader, "section [%s]: expected [acme], [gate], [responder] or [certificate NAME]", section);
	else if (set(loader, name, value) > 0)
		(void)!wrong(loader, "[%s] has no key '%s', see acmegate.conf(5)", section, name);
	return 1;
}

/* inih takes these for white space, or skips them, and would see a section that look_at() does not. */
static int check_characters(struct loader *loader, const char *line, size_t length)
{
	if (strlen(line) != length)
		return wrong(loader, "a NUL byte");
	if (!strncmp(line, "\xef\xbb\xbf", 3))
		return wrong(loader, "a byte order mark; save the file without it");
	for (const unsigned char *c = (const unsigned char *)line; *c; c++)
		if ((*c < 0x20 && *c != '\t' && *c != '\n' && !(*c == '\r' && c[1] == '\n')) || *c == 0x7f)
			return wrong(loader, "a control character");
	return 0;
}

static int check_line(struct loader *loader, const char *line, size_t length)
{
	const char *text = line + strspn(line, " \t");

	if (check_characters(loader, line, length) < 0)
		return -1;
	if (length >= LINE_MOST)
		return wrong(loader, "expected at most %d characters in a line; names may go on in the next line, behind a space",
			     LINE_MOST - 1);
	if (*text == '[')
		return begin_section(loader, text);
	if (text == line && *text && !strchr("#;\r\n", *text) && strcspn(text, "=:") >= (text[strcspn(text, "=:")] ? 100 : 0))
		return wrong(loader, "expected [SECTION] or KEY = VALUE");
	return 0;
}

/* Looks at a line before inih does, for what inih would pass over or cut in silence, or tell too late. */
static int look_at(struct loader *loader, const char *line, size_t length)
{
	const bool header = line[strspn(line, " \t")] == '[';

	loader->continued = line[0] == ' ' || line[0] == '\t';
	if (header) {
		finish_section(loader);
		loader->section = SECTION_UNKNOWN;
	}
	if (check_line(loader, line, length) == 0) {
		loader->skipping &= !header;
		return 0;
	}
	loader->skipping |= header;
	return -1;
}

/* A long line without what inih passes over: a comment, and what follows a header. */
static void shorten(char *line)
{
	char *text = line + strspn(line, " \t");

	if (strchr("#;", *text))
		*text = '\0';
	if (*text == '[')
		text[strcspn(text, "]") + 1] = '\0';
	for (; *text; text++)
		if (*text == ';' && text > line && strchr(" \t", text[-1]))
			*text-- = '\0';
}

/* inih takes off white space on both sides of a piece, and a comment begins with these. */
static bool can_cut(const char *at)
{
	return !strchr(" \t", at[-1]) && !strchr(" \t;#", *at);
}

/* The next piece: as much as inih takes, behind a space so that it goes on with the value. */
static char *hand_out(struct loader *loader, char *line, size_t size)
{
	const char *text = loader->rest;
	const bool begins = text == loader->buffer;
	size_t length = strlen(text), cut = size - 3, first = begins && !loader->continued ? strcspn(text, "=:") + 2 : 1;

	loader->rest = NULL;
	if (length > cut) {
		while (cut > first && !can_cut(text + cut))
			cut--;
		if (cut <= first) {
			wrong(loader, "expected words of more than one character in so long a line");
			return strcpy(line, "\n");
		}
		length = cut;
		loader->rest = text + cut;
	}
	snprintf(line, size, "%s%.*s\n", begins ? "" : " ", (int)length, text);
	return line;
}

/* inih gets an empty line in the place of a wrong one. */
static char *next_line(char *line, int size, void *user)
{
	struct loader *loader = user;
	size_t most = size < INI_LINE_LIMIT ? (size_t)size : INI_LINE_LIMIT;
	ssize_t n;

	if (loader->rest)
		return hand_out(loader, line, most);
	n = getline(&loader->buffer, &loader->capacity, loader->file);
	if (n < 0)
		return NULL;
	loader->line++;
	loader->used = 0;
	if (look_at(loader, loader->buffer, (size_t)n) < 0)
		return strcpy(line, "\n");
	loader->buffer[strcspn(loader->buffer, "\r\n")] = '\0';
	if ((size_t)n >= most)
		shorten(loader->buffer);
	loader->rest = loader->buffer;
	return hand_out(loader, line, most);
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static void set_defaults(struct config *config, const char *file)
{
	memset(config, 0, sizeof(*config));
	snprintf(config->file, sizeof(config->file), "%s", file);
	config->gate.port = 80;
	config->responder.port = 8402;
	config->gate.max_open = 60;
	snprintf(config->gate.user, sizeof(config->gate.user), "_acmegate");
	snprintf(config->gate.state, sizeof(config->gate.state), LOCALSTATEDIR "/lib/acmegate");
}

int config_find_user(struct config *config, struct fault *fault)
{
	const struct passwd *user = getpwnam(config->gate.user);

	if (!user)
		return fault_set(fault, FAULT_USAGE,
				 "%s: there is no user '%s' on this host; make it with systemd-sysusers or name another "
				 "in [gate] user",
				 config->file, config->gate.user);
	if (user->pw_uid == 0)
		return fault_set(fault, FAULT_USAGE, "%s: [gate] user must not be root", config->file);
	config->gate.uid = user->pw_uid;
	config->gate.gid = user->pw_gid;
	return 0;
}

static int check_gate(const struct config *config, struct fault *fault)
{
	if (config->gate.backend == BACKEND_COMMAND && !config->gate.command[0])
		return fault_set(fault, FAULT_USAGE, "%s: [gate] backend = command needs command = PROGRAM [ARGUMENT...]",
				 config->file);
	if (config->responder.mode == RESPONDER_WEBROOT && !config->responder.webroot[0])
		return fault_set(fault, FAULT_USAGE,
				 "%s: [responder] mode = webroot needs webroot = DIRECTORY, which the web "
				 "server serves as /",
				 config->file);
	if (config->responder.mode == RESPONDER_REDIRECT && config->responder.port == config->gate.port)
		return fault_set(fault, FAULT_USAGE, "%s: [responder] port must be another one than [gate] port", config->file);
	return 0;
}

static int check_whole(struct config *config, struct fault *fault)
{
	if (!config->acme.directory[0])
		return fault_set(fault, FAULT_USAGE, "%s: [acme] directory is missing; for example directory = letsencrypt",
				 config->file);
	if (!config->certificates)
		return fault_set(fault, FAULT_USAGE, "%s: there is no [certificate NAME] section", config->file);
	if (!config->acme.eab_kid[0] != !config->acme.eab_key_file[0])
		return fault_set(fault, FAULT_USAGE, "%s: [acme] eab_kid and eab_key_file go together", config->file);
	return config_find_user(config, fault);
}

/* -1: the file could not be read to its end, which must not pass for a short one. */
static int parse(struct loader *loader, struct fault *fault)
{
	int line = ini_parse_stream(next_line, loader, store, loader);

	free(loader->buffer);
	if (line < 0 || ferror(loader->file))
		return fault_errno(fault, FAULT_LATER, "reading %s", loader->config->file);
	finish_section(loader);
	if (line > 0) {
		loader->line = (uint32_t)line;
		loader->section = SECTION_UNKNOWN;
		(void)!wrong(loader, "expected [SECTION] or KEY = VALUE");
	}
	return 0;
}

static int read_file(struct loader *loader, struct fault *fault)
{
	int fd = safe_open(loader->config->file, fault), rc;

	if (fd < 0)
		return -1;
	loader->file = fdopen(fd, "r");
	if (!loader->file) {
		close(fd);
		return fault_errno(fault, FAULT_FAILED, "reading %s", loader->config->file);
	}
	rc = parse(loader, fault);
	fclose(loader->file);
	return rc;
}

/* Mistakes that stop this part; without them, what there is as a whole. */
static bool serves(const struct loader *loader, enum config_part part)
{
	struct config *config = loader->config;
	struct fault fault;

	if (part == CONFIG_WHOLE && loader->mistakes->number && !config->certificates)
		return false;
	for (int i = 0; i < SECTIONS; i++)
		if (loader->wrong[i] && matters[part][i])
			return false;
	if (part == CONFIG_CLOSING || (check_gate(config, &fault) == 0 && (part == CONFIG_GATE || check_whole(config, &fault) == 0)))
		return true;
	note(loader->mistakes, fault.text);
	return false;
}

int config_load(struct config *config, const char *file, enum config_part part, struct mistakes *mistakes, struct fault *fault)
{
	struct loader loader = { .config = config, .mistakes = mistakes, .part = part, .section = SECTION_UNKNOWN };

	mistakes->number = 0;
	set_defaults(config, file);
	if (part != CONFIG_WHOLE && !strcmp(file, CONFIG_FILE) && access(file, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (read_file(&loader, fault) < 0) {
		note(mistakes, fault->text);
		return -1;
	}
	return serves(&loader, part) ? 0 : fault_set(fault, FAULT_USAGE, "%s", mistakes->text[0]);
}

int config_find(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->certificates; i++)
		if (!strcmp(config->certificate[i].name, name))
			return (int)i;
	return -1;
}
