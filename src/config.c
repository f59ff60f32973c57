// SPDX-License-Identifier: GPL-3.0-or-later
#include "config.h"

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
#include <sys/mman.h>
#include <sys/stat.h>

#include "safe.h"

#define INI_LINE_LIMIT 200    /* INI_MAX_LINE of inih as packaged: longer lines would be cut in silence */
#define INI_SECTION_LIMIT 48  /* likewise MAX_SECTION */
#define CERTIFICATE_PREFIX "certificate "

/* What is being read, and where in it. inih calls store() between two calls of next_line(), so line is always right. */
struct loader {
	struct config *config;
	struct fault *fault;
	FILE *file;
	char *buffer;
	size_t capacity;
	uint32_t line;
	uint32_t section_line;	/* of the header that inih tells of with the first key below it */
	bool failed;
	bool continued;		/* the line begins with white space: the value of the line before goes on */
	bool fresh_section;	/* its header was read, none of its keys yet */
	uint64_t seen[4];	/* keys given so far, by kind of section */
	struct certificate *certificate;
};

enum section { SECTION_ACME, SECTION_GATE, SECTION_RESPONDER, SECTION_CERTIFICATE };

struct key {
	enum section section;
	const char *name;
	int (*set)(struct loader *, const struct key *, const char *value);
	size_t offset;		/* of the field in struct config or struct certificate */
	size_t size;
	const char *const *names;	/* of an enum's values, NULL at the end */
};

static int wrong(struct loader *loader, const char *format, ...) PRINTF_LIKE(2, 3);
static int wrong(struct loader *loader, const char *format, ...)
{
	char what[512];
	va_list args;

	if (loader->failed)
		return -1;
	loader->failed = true;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return fault_set(loader->fault, FAULT_USAGE, "%s:%u: %s", loader->config->file, loader->line, what);
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

static int set_directory(struct loader *loader, const struct key *key, const char *value)
{
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

	for (size_t i = 0; i < LENGTH_OF(known); i++)
		if (!strcmp(value, known[i].name))
			return set_text(loader, key, known[i].url);
	if (strncmp(value, "https://", 8) || !value[8] || strchr(value, ' '))
		return wrong(loader, "%s: expected an https URL or one of letsencrypt, letsencrypt-staging, google, "
				     "google-staging, zerossl, sslcom", key->name);
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
	if (strncmp(value, "http://", 7) && strncmp(value, "https://", 8))
		return wrong(loader, "%s: expected http://HOST:PORT or https://HOST:PORT", key->name);
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

	if (set_path(loader, key, value) < 0)
		return -1;
	fd = open(value, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return wrong(loader, "%s: %s: %s", key->name, value, strerror(errno));
	return 0;
}

static int set_command(struct loader *loader, const struct key *key, const char *value)
{
	char program[COMMAND_SIZE];
	struct fault why;

	if (set_path(loader, key, value) < 0)
		return -1;
	snprintf(program, sizeof(program), "%.*s", (int)strcspn(value, " \t"), value);
	if (safe_program(program, &why) < 0)
		return wrong(loader, "%s: %s", key->name, why.text);
	return 0;
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
		return wrong(loader, "%s: expected an octal mode such as 0600 or 0640, without write for group and others "
				     "and without execute", key->name);
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

const char *const backend_names[] = {
	[BACKEND_AUTO] = "auto",	   [BACKEND_NFTABLES] = "nftables", [BACKEND_IPTABLES] = "iptables",
	[BACKEND_FIREWALLD] = "firewalld", [BACKEND_COMMAND] = "command",   NULL,
};
_Static_assert(LENGTH_OF(backend_names) == BACKEND_CHOICES + 1, "one name for each choice");

static const char *const modes[] = {
	[RESPONDER_STANDALONE] = "standalone", [RESPONDER_REDIRECT] = "redirect", [RESPONDER_WEBROOT] = "webroot", NULL,
};
_Static_assert(LENGTH_OF(modes) == RESPONDER_MODES + 1, "one name for each mode");

/* An enum, all of which have one size, by the name of its value. */
static int set_choice(struct loader *loader, const struct key *key, const char *value)
{
	char expected[128] = "";
	size_t used = 0;

	_Static_assert(sizeof(enum key_type) == sizeof(unsigned int) && sizeof(enum backend_choice) == sizeof(unsigned int) &&
		       sizeof(enum responder_mode) == sizeof(unsigned int), "as gcc and clang make them");
	for (unsigned int i = 0; key->names[i]; i++) {
		if (!strcmp(value, key->names[i])) {
			memcpy(field(loader, key), &i, sizeof(i));
			return 0;
		}
		used += (size_t)snprintf(expected + used, sizeof(expected) - used, "%s%s",
					 i == 0 ? "" : key->names[i + 1] ? ", " : " or ", key->names[i]);
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

static int check_dns_name(struct loader *loader, const char *name)
{
	size_t label = 0, dots = 0;

	if (name[0] == '*')
		return wrong(loader, "names: '%s': a wildcard cannot be validated over HTTP (RFC 8555, 8.3); name each "
				     "host", name);
	for (const char *c = name;; c++) {
		if (*c && *c != '.') {
			if (!isalnum((unsigned char)*c) && *c != '-')
				return wrong(loader, "names: '%s': expected letters, digits, '-' and '.'; write an "
						     "international name in its xn-- form", name);
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

static int add_name(struct loader *loader, const char *word, size_t length)
{
	struct config *config = loader->config;
	struct certificate *certificate = loader->certificate;
	char *name = config->name[config->names];

	if (length >= NAME_SIZE)
		return wrong(loader, "names: a name has at most %d characters", NAME_SIZE - 1);
	if (config->names == MAX_NAMES - 1 || certificate->names == MAX_NAMES_EACH)
		return wrong(loader, "names: at most %d in one certificate and %d in all", MAX_NAMES_EACH, MAX_NAMES - 1);
	memcpy(name, word, length);
	name[length] = '\0';
	canonical(name);
	if (!config_is_address(name) && check_dns_name(loader, name) < 0)
		return -1;
	for (uint32_t i = 0; i < certificate->names; i++)
		if (!strcmp(config->name[certificate->first_name + i], name))
			return wrong(loader, "names: '%s' is given twice", name);
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
	{ SECTION_CERTIFICATE, "deploy", set_command, CERT(deploy), NULL },
};
_Static_assert(LENGTH_OF(keys) <= 64, "one bit for each key");

static int finish_section(struct loader *loader)
{
	const struct certificate *certificate = loader->certificate;

	if (loader->fresh_section)
		return wrong(loader, "the section above has no key");
	if (certificate && !certificate->names)
		return wrong(loader, "[certificate %s] has no names = HOST...", certificate->name);
	return 0;
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
	certificate->line = loader->section_line;
	loader->certificate = certificate;
	loader->seen[SECTION_CERTIFICATE] = 0;
	return 0;
}

static int find_section(struct loader *loader, const char *section, enum section *which)
{
	if (!strcmp(section, "acme")) {
		*which = SECTION_ACME;
	} else if (!strcmp(section, "gate")) {
		*which = SECTION_GATE;
	} else if (!strcmp(section, "responder")) {
		*which = SECTION_RESPONDER;
	} else if (!strncmp(section, CERTIFICATE_PREFIX, strlen(CERTIFICATE_PREFIX))) {
		*which = SECTION_CERTIFICATE;
		if (loader->fresh_section)
			return begin_certificate(loader, section + strlen(CERTIFICATE_PREFIX));
	} else {
		return wrong(loader, "section [%s]: expected [acme], [gate], [responder] or [certificate NAME]", section);
	}
	return 0;
}

static int store(void *user, const char *section, const char *name, const char *value)
{
	struct loader *loader = user;
	uint32_t line = loader->line;
	enum section which = SECTION_ACME;

	if (loader->failed)
		return 0;
	if (loader->fresh_section) /* a mistake in the header is told with its line */
		loader->line = loader->section_line;
	if (find_section(loader, section, &which) < 0)
		return 0;
	loader->line = line;
	loader->fresh_section = false;
	for (size_t i = 0; i < LENGTH_OF(keys); i++) {
		uint64_t bit = UINT64_C(1) << i;

		if (keys[i].section != which || strcmp(keys[i].name, name))
			continue;
		if ((loader->seen[which] & bit) && !(loader->continued && keys[i].set == set_names)) {
			wrong(loader, loader->continued ? "%s: expected one line" : "%s is given twice", name);
			return 0;
		}
		loader->seen[which] |= bit;
		return keys[i].set(loader, &keys[i], value) == 0;
	}
	wrong(loader, "[%s] has no key '%s', see acmegate.conf(5)", section, name);
	return 0;
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

/* Looks at a line before inih does, for what inih would pass over or cut in silence, or tell too late. */
static int look_at(struct loader *loader, const char *line, size_t length)
{
	const char *text = line + strspn(line, " \t");

	if (check_characters(loader, line, length) < 0)
		return -1;
	loader->continued = text != line;
	if (*text == '[' ? !strchr(text, ']') :
			   !loader->continued && *text && !strchr("#;\r\n", *text) && !strpbrk(text, "=:"))
		return wrong(loader, "expected [SECTION] or KEY = VALUE");
	if (*text != '[')
		return 0;
	if (strcspn(text, "]") > INI_SECTION_LIMIT)
		return wrong(loader, "expected a section name of at most %d characters", INI_SECTION_LIMIT);
	if (finish_section(loader) < 0)
		return -1;
	loader->fresh_section = true;
	loader->section_line = loader->line;
	loader->certificate = NULL;
	return 0;
}

static char *next_line(char *line, int size, void *user)
{
	struct loader *loader = user;
	ssize_t n = loader->failed ? -1 : getline(&loader->buffer, &loader->capacity, loader->file);

	if (n < 0 && !loader->failed && !feof(loader->file)) { /* an end before the end: it must not pass for a short file */
		fault_errno(loader->fault, FAULT_LATER, "reading %s", loader->config->file);
		loader->failed = true;
	}
	if (n < 0)
		return NULL;
	loader->line++;
	if (n >= size || n >= INI_LINE_LIMIT) {
		wrong(loader, "expected at most %d characters in a line; names may go on in the next line, behind a space",
		      INI_LINE_LIMIT - 2);
		return NULL;
	}
	if (look_at(loader, loader->buffer, (size_t)n) < 0)
		return NULL;
	memcpy(line, loader->buffer, (size_t)n + 1);
	return line;
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
	snprintf(config->gate.state, sizeof(config->gate.state), "/var/lib/acmegate");
}

static int find_user(struct config *config, struct fault *fault)
{
	const struct passwd *user = getpwnam(config->gate.user);

	if (!user)
		return fault_set(fault, FAULT_USAGE,
				 "%s: there is no user '%s' on this host; make it with systemd-sysusers or name another "
				 "in [gate] user", config->file, config->gate.user);
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
		return fault_set(fault, FAULT_USAGE, "%s: [responder] mode = webroot needs webroot = DIRECTORY, which the web "
						     "server serves as /", config->file);
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
	return find_user(config, fault);
}

static int parse(struct loader *loader)
{
	int line = ini_parse_stream(next_line, loader, store, loader);

	free(loader->buffer);
	if (loader->failed)
		return -1;
	if (line > 0) {
		loader->line = (uint32_t)line;
		return wrong(loader, "expected [SECTION] or KEY = VALUE");
	}
	if (line < 0)
		return fault_errno(loader->fault, FAULT_FAILED, "reading %s", loader->config->file);
	return finish_section(loader);
}

int config_load(struct config *config, const char *file, enum config_part part, struct fault *fault)
{
	struct loader loader = { .config = config, .fault = fault };
	int fd, rc;

	set_defaults(config, file);
	if (part == CONFIG_GATE && !strcmp(file, CONFIG_FILE) && access(file, F_OK) < 0 && errno == ENOENT)
		return 0;
	fd = safe_open(file, fault);
	if (fd < 0)
		return -1;
	loader.file = fdopen(fd, "r");
	if (!loader.file) {
		close(fd);
		return fault_errno(fault, FAULT_FAILED, "reading %s", file);
	}
	rc = parse(&loader);
	fclose(loader.file);
	if (rc == 0)
		rc = check_gate(config, fault);
	return rc < 0 || part == CONFIG_GATE ? rc : check_whole(config, fault);
}

int config_find(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->certificates; i++)
		if (!strcmp(config->certificate[i].name, name))
			return (int)i;
	return -1;
}

int config_share(const struct config *config, struct fault *fault)
{
	size_t used = offsetof(struct config, name) + config->names * sizeof(config->name[0]);
	OWN_FD int fd = memfd_create("acmegate-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, sizeof(*config)) < 0 || pwrite(fd, config, used, 0) != (ssize_t)used ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return fault_errno(fault, FAULT_LATER, "sharing the configuration with the agent");
	return steal_fd(&fd);
}

const struct config *config_receive(int fd)
{
	struct stat s;
	const struct config *config;

	if (fstat(fd, &s) < 0 || s.st_size != (off_t)sizeof(*config))
		return NULL;
	/* private: 5.10, 6.1 before 6.1.153 and 6.12 before 6.12.9 refuse to share a file that is sealed against writing */
	config = mmap(NULL, sizeof(*config), PROT_READ, MAP_PRIVATE, fd, 0);
	return config == MAP_FAILED ? NULL : config;
}
