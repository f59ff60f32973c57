// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/value.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/safe.h"

int value_text(struct loader *loader, const struct key *key, const char *value)
{
	size_t length = strlen(value);

	if (!length || length >= key->size)
		return loader_wrong(loader, "%s: expected 1 to %zu characters", key->name, key->size - 1);
	for (size_t i = 0; i < length; i++)
		if (!isprint((unsigned char)value[i]))
			return loader_wrong(loader, "%s: expected printable ASCII characters", key->name);
	memcpy(loader_field(loader, key), value, length + 1);
	return 0;
}

int value_label(struct loader *loader, const struct key *key, const char *value)
{
	if (value[strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")])
		return loader_wrong(loader, "%s: expected letters, digits, '.', '_' and '-'", key->name);
	return value_text(loader, key, value);
}

int value_directory(struct loader *loader, const struct key *key, const char *value)
{
	const char *url = config_ca_url(value);

	if (url)
		return value_text(loader, key, url);
	if (strncmp(value, "https://", 8) || !value[8] || strchr(value, ' '))
		return loader_wrong(loader,
				    "%s: expected an https URL or one of letsencrypt, letsencrypt-staging, google, "
				    "google-staging, zerossl, sslcom",
				    key->name);
	return value_text(loader, key, value);
}

static bool is_mail_address(const char *text, size_t length)
{
	const char *at = memchr(text, '@', length);

	return length < NAME_SIZE && at && at != text && memchr(at, '.', length - (size_t)(at - text)) &&
	       strcspn(text, " ,:?&<>\"\\") >= length;
}

/* One or more addresses, which are kept with ", " between them. */
int value_contact(struct loader *loader, const struct key *key, const char *value)
{
	char all[CONTACT_SIZE] = "";
	size_t used = 0, length;
	int count = 0;

	for (const char *word = value + strspn(value, " \t,"); *word; word += length + strspn(word + length, " \t,")) {
		length = strcspn(word, " \t,");
		if (!is_mail_address(word, length) || ++count > MAX_CONTACTS || used + length + 3 > sizeof(all))
			return loader_wrong(loader,
					    "%s: expected 1 to %d e-mail addresses of at most 253 characters, as in "
					    "admin@example.org, it@example.org",
					    key->name, MAX_CONTACTS);
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%.*s", used ? ", " : "", (int)length, word);
	}
	return value_text(loader, key, all);
}

int value_proxy(struct loader *loader, const struct key *key, const char *value)
{
	const char *host = strstr(value, "://"), *login = host ? strrchr(host, '@') : NULL, *port = strrchr(value, ':');
	struct stat s;

	if ((strncmp(value, "http://", 7) && strncmp(value, "https://", 8)) || port <= (login ? login + 1 : host + 3) || !port[1] ||
	    port[1 + strspn(port + 1, "0123456789")] || strpbrk(login ? login : host + 3, "/ ?#") ||
	    (login && !memchr(host + 3, ':', (size_t)(login - host - 3))))
		return loader_wrong(loader,
				    "%s: expected http://HOST:PORT, https://HOST:PORT or http://USER:PASSWORD@HOST:PORT (with "
				    "%%40 for an '@', %%2f for a '/')",
				    key->name);
	if (login && (fstat(fileno(loader->file), &s) < 0 || (s.st_mode & S_IROTH)))
		return loader_wrong(loader, "%s: everybody can read the password in this file; chmod o-r %s", key->name,
				    loader->config->file);
	return value_text(loader, key, value);
}

int value_hosts(struct loader *loader, const struct key *key, const char *value)
{
	if (value[strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[] ")])
		return loader_wrong(loader, "%s: expected names of hosts, separated by spaces", key->name);
	return value_text(loader, key, value);
}

int value_path(struct loader *loader, const struct key *key, const char *value)
{
	if (value[0] != '/')
		return loader_wrong(loader, "%s: expected an absolute path", key->name);
	return value_text(loader, key, value);
}

/* An ordinary user who runs acmegate status may read the configuration, and not what root alone may. */
static bool is_roots(int code)
{
	return code == EACCES && geteuid() != 0;
}

int value_file(struct loader *loader, const struct key *key, const char *value)
{
	OWN_FD int fd = -1;

	if (value[0] != '/')
		return value_path(loader, key, value);
	fd = open(value, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && !is_roots(errno))
		return loader_wrong(loader, "%s: %s: %s", key->name, value, strerror(errno));
	return value_path(loader, key, value);
}

int value_command(struct loader *loader, const struct key *key, const char *value)
{
	char program[COMMAND_SIZE];
	struct fault why;

	if (value[0] != '/')
		return value_path(loader, key, value);
	snprintf(program, sizeof(program), "%.*s", (int)strcspn(value, " \t"), value);
	if (safe_program(program, &why) < 0)
		return loader_wrong(loader, "%s: %s", key->name, why.text);
	return value_path(loader, key, value);
}

/* Behind the hooks of the certificates before it. */
static int add_hook(struct loader *loader, const struct key *key, const char *value)
{
	struct config *config = loader->config;
	struct certificate *certificate = loader->certificate;
	const struct key place = { SECTION_UNKNOWN, key->name, NULL, key->offset + config->hooks * key->size, key->size, NULL };

	if (config->hooks == MAX_HOOKS || certificate->hooks == MAX_HOOKS_EACH)
		return loader_wrong(loader, "%s: at most %d for one certificate and %d in all; write a script that runs several",
				    key->name, MAX_HOOKS_EACH, MAX_HOOKS);
	for (uint32_t i = config->hooks - certificate->hooks; i < config->hooks; i++)
		if (!strcmp(config->hook[i], value))
			return loader_wrong(loader, "%s: the same hook is given twice", key->name);
	if (value_command(loader, &place, value) < 0)
		return -1;
	if (!certificate->hooks++)
		certificate->first_hook = config->hooks;
	config->hooks++;
	return 0;
}

/* Refuses characters that only a shell understands: the program would get them as they are. */
static int check_plain(struct loader *loader, const struct key *key, const char *value)
{
	const char *found = strpbrk(value, "'\"$|`<>;");

	if (!found)
		found = strstr(value, "&&");
	if (found)
		return loader_wrong(loader, "%s: no shell runs this, so %.1s has no meaning; write a script, and name that here",
				    key->name, found);
	return 0;
}

int value_hook(struct loader *loader, const struct key *key, const char *value)
{
	return check_plain(loader, key, value) < 0 ? -1 : add_hook(loader, key, value);
}

int value_program(struct loader *loader, const struct key *key, const char *value)
{
	return check_plain(loader, key, value) < 0 ? -1 : value_command(loader, key, value);
}

/* The textfile collector reads files with this ending, and no others. */
int value_metrics(struct loader *loader, const struct key *key, const char *value)
{
	const char *end = strrchr(value, '.');

	if (!end || strcmp(end, ".prom"))
		return loader_wrong(loader, "%s: expected a file whose name ends in .prom: the textfile collector reads no others",
				    key->name);
	return value_path(loader, key, value);
}

int value_bool(struct loader *loader, const struct key *key, const char *value)
{
	bool yes = !strcmp(value, "yes") || !strcmp(value, "true");

	if (!yes && strcmp(value, "no") && strcmp(value, "false"))
		return loader_wrong(loader, "%s: expected yes or no", key->name);
	*(bool *)loader_field(loader, key) = yes;
	return 0;
}

int value_max_open(struct loader *loader, const struct key *key, const char *value)
{
	return config_set_max_open(loader->config, value) < 0 ? loader_wrong(loader, "%s: expected 5 to 600 seconds", key->name) : 0;
}

int value_mode(struct loader *loader, const struct key *key, const char *value)
{
	unsigned long n;

	if (config_number(value, 0400, 0777, 8, &n) < 0 || (n & 0133) || (n & 0400) == 0)
		return loader_wrong(loader,
				    "%s: expected an octal mode such as 0600 or 0640, without write for group and others "
				    "and without execute",
				    key->name);
	*(mode_t *)loader_field(loader, key) = (mode_t)n;
	return 0;
}

/* yes, no, or how many renewals keep the key of the certificate before them. */
int value_reuse(struct loader *loader, const struct key *key, const char *value)
{
	uint32_t *reuse = loader_field(loader, key);
	unsigned long n;

	if (!strcmp(value, "yes"))
		*reuse = REUSE_ALWAYS;
	else if (!strcmp(value, "no"))
		*reuse = 0;
	else if (config_number(value, 0, REUSE_MOST, 10, &n) < 0)
		return loader_wrong(loader, "%s: expected yes, no, or for how many renewals, 0 to %d", key->name, REUSE_MOST);
	else
		*reuse = (uint32_t)n + 1;
	return 0;
}

int value_port(struct loader *loader, const struct key *key, const char *value)
{
	unsigned long n;

	if (config_number(value, 1, 65535, 10, &n) < 0)
		return loader_wrong(loader, "%s: expected a port from 1 to 65535", key->name);
	*(uint16_t *)loader_field(loader, key) = (uint16_t)n;
	return 0;
}

/* The PEM files are what the others are made of, and what is read at the next run. */
int value_forms(struct loader *loader, const struct key *key, const char *value)
{
	bool pem = false, other = false;

	for (const char *word = value; *word && !other; word += strspn(word, " \t,")) {
		size_t length = strcspn(word, " \t,");

		if (length == 6 && !strncmp(word, "pkcs12", length))
			*(bool *)loader_field(loader, key) = true;
		else if (length == 3 && !strncmp(word, "pem", length))
			pem = true;
		else
			other = true;
		word += length;
	}
	if (other || !pem)
		return loader_wrong(loader, "%s: expected pem, or pem, pkcs12; the PEM files are written in any case", key->name);
	return 0;
}

/* One line of text, without its end, out of a file that is as long as the text at most. 0: it is no such thing. */
static size_t read_line(int fd, char *text, size_t size)
{
	ssize_t n = read(fd, text, size);
	size_t length = n > 0 ? (size_t)n : 0;

	if (length && text[length - 1] == '\n')
		length--;
	if (length && length < (size_t)n && text[length - 1] == '\r')
		length--;
	for (size_t i = 0; i < length; i++)
		if (text[i] < ' ' || text[i] > '~')
			return 0;
	return length;
}

/* A password: what a file has that nobody else may read. */
int value_password(struct loader *loader, const struct key *key, const char *value)
{
	char text[PASSWORD_SIZE + 2], *password = loader_field(loader, key);
	OWN_FD int fd = -1;
	struct fault why;
	struct stat s;
	size_t length;

	if (value[0] != '/')
		return loader_wrong(loader, "%s: expected an absolute path", key->name);
	if (access(value, geteuid() ? R_OK : F_OK) < 0 && is_roots(errno)) {
		password[0] = '*'; /* that there is one counts */
		return 0;
	}
	if (access(value, F_OK) < 0)
		return loader_wrong(loader, "%s: %s: %s; make a file with one line, the password, and chmod 0600", key->name, value,
				    strerror(errno));
	fd = safe_open(value, &why);
	if (fd < 0)
		return loader_wrong(loader, "%s: %s", key->name, why.text);
	if (fstat(fd, &s) < 0 || (s.st_mode & S_IROTH))
		return loader_wrong(loader, "%s: everybody can read the password in %s; chmod o-r %s", key->name, value, value);
	length = read_line(fd, text, sizeof(text));
	if (length && length < key->size)
		memcpy(password, text, length); /* its end is there: the certificate began with zeros */
	explicit_bzero(text, sizeof(text));
	if (!length || length >= key->size)
		return loader_wrong(loader, "%s: %s: expected one line of 1 to %zu ASCII characters, the password", key->name,
				    value, key->size - 1);
	return 0;
}

/* As many bytes as the file has, or one more than there is room for; -1: errno. */
static ssize_t read_all(int fd, char *to, size_t room)
{
	ssize_t n = 1, used = 0;

	for (; n > 0 && (size_t)used<room; used += n> 0 ? n : 0)
		n = read(fd, to + used, room - (size_t)used);
	return n < 0 ? -1 : used;
}

/* A request: its bytes, which only the signer looks into, behind those of the certificates before. */
int value_csr(struct loader *loader, const struct key *key, const char *value)
{
	struct config *config = loader->config;
	struct certificate *certificate = loader->certificate;
	OWN_FD int fd = -1;
	struct fault why;
	ssize_t n;

	if (value[0] != '/')
		return loader_wrong(loader, "%s: expected an absolute path", key->name);
	if (access(value, F_OK) < 0)
		return loader_wrong(loader, "%s: %s: %s; put the request there (PKCS#10, PEM or DER), as openssl req -new makes it",
				    key->name, value, strerror(errno));
	if (sizeof(config->csr) - config->csr_used < CSR_SIZE)
		return loader_wrong(loader, "%s: the requests of all certificates take more than %d KiB", key->name, CSR_ROOM / 1024);
	fd = safe_open(value, &why);
	if (fd < 0)
		return loader_wrong(loader, "%s: %s", key->name, why.text);
	n = read_all(fd, config->csr + config->csr_used, CSR_SIZE);
	if (n <= 0 || n >= CSR_SIZE)
		return loader_wrong(loader, "%s: %s: expected a request (PKCS#10) of 1 to %d bytes", key->name, value, CSR_SIZE - 1);
	certificate->csr_at = config->csr_used;
	certificate->csr_length = (uint32_t)n;
	config->csr_used += (uint32_t)n;
	return value_text(loader, key, value);
}

/* An enum, all of which have one size, by the name of its value. */
int value_choice(struct loader *loader, const struct key *key, const char *value)
{
	char expected[128] = "";
	size_t used = 0;

	_Static_assert(sizeof(enum key_type) == sizeof(unsigned int) && sizeof(enum backend_choice) == sizeof(unsigned int) &&
			       sizeof(enum responder_mode) == sizeof(unsigned int) && sizeof(enum dns_type) == sizeof(unsigned int),
		       "as gcc and clang make them");
	for (unsigned int i = 0; key->names[i]; i++) {
		if (!strcmp(value, key->names[i])) {
			memcpy(loader_field(loader, key), &i, sizeof(i));
			return 0;
		}
		used += (size_t)snprintf(expected + used, sizeof(expected) - used, "%s%s",
					 i == 0		   ? "" :
					 key->names[i + 1] ? ", " :
							     " or ",
					 key->names[i]);
	}
	return loader_wrong(loader, "%s: expected %s", key->name, expected);
}

int value_owner(struct loader *loader, const struct key *key, const char *value)
{
	const struct passwd *user = getpwnam(value);

	if (!user)
		return loader_wrong(loader, "%s: there is no user '%s' on this host", key->name, value);
	*(uid_t *)loader_field(loader, key) = user->pw_uid;
	return 0;
}

int value_group(struct loader *loader, const struct key *key, const char *value)
{
	const struct group *group = getgrnam(value);

	if (!group)
		return loader_wrong(loader, "%s: there is no group '%s' on this host", key->name, value);
	*(gid_t *)loader_field(loader, key) = group->gr_gid;
	return 0;
}
