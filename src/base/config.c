// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

const char *config_known_url(size_t i)
{
	return i < LENGTH_OF(known) ? known[i].url : NULL;
}

const char *config_ca_url(const char *name)
{
	for (size_t i = 0; i < LENGTH_OF(known); i++)
		if (!strcmp(name, known[i].name))
			return known[i].url;
	return NULL;
}

const char *config_staging(const struct ca *ca)
{
	const char *live = config_ca_url("letsencrypt"), *staging = config_ca_url("letsencrypt-staging");

	if (ca->staging[0])
		return ca->staging;
	return live && staging && (!strcmp(ca->directory, live) || !strcmp(ca->directory, staging)) ? staging : NULL;
}

bool config_knows_ca(const char *directory)
{
	for (size_t i = 0; i < LENGTH_OF(known); i++)
		if (!strcmp(directory, known[i].url))
			return true;
	return false;
}

bool config_has_public_ca(const struct config *config)
{
	for (uint32_t i = 0; i < config->cas; i++)
		if (config->ca[i].directory[0] && !config_knows_ca(config->ca[i].directory))
			return false;
	return config_knows_ca(config->acme.directory);
}

uint16_t config_url_port(const char *url)
{
	const char *host = strstr(url, "://");
	const char *end = host ? host + 3 + strcspn(host + 3, "/?#") : NULL, *colon = end;

	if (!host)
		return 0;
	while (colon > host + 3 && colon[-1] >= '0' && colon[-1] <= '9')
		colon--;
	if (colon > host + 3 && colon[-1] == ':' && colon < end)
		return (uint16_t)strtoul(colon, NULL, 10);
	return strncmp(url, "http:", 5) ? 443 : 80;
}

uint16_t config_ca_port(const struct config *config)
{
	return config_url_port(config->acme.proxy[0] ? config->acme.proxy : config->acme.directory);
}

/* --- only what is in use ------------------------------------------------------------------------------------------ */

void config_clear(struct config *config)
{
	explicit_bzero(config->certificate, config->certificates * sizeof(config->certificate[0]));
	memset(config->hook, 0, config->hooks * sizeof(config->hook[0]));
	memset(config->csr, 0, config->csr_used);
	memset(config->name, 0, config->names * sizeof(config->name[0]));
	config->hooks = config->csr_used = config->names = 0;
	memset(config, 0, offsetof(struct config, certificate));
}

void config_copy(struct config *to, const struct config *from)
{
	config_clear(to);
	memcpy(to, from, offsetof(struct config, certificate));
	to->hooks = from->hooks;
	to->csr_used = from->csr_used;
	to->names = from->names;
	memcpy(to->certificate, from->certificate, from->certificates * sizeof(from->certificate[0]));
	memcpy(to->hook, from->hook, from->hooks * sizeof(from->hook[0]));
	memcpy(to->csr, from->csr, from->csr_used);
	memcpy(to->name, from->name, from->names * sizeof(from->name[0]));
	memcpy(to->mark, from->mark, from->names * sizeof(from->mark[0]));
}

void config_forget_certificates(struct config *config)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), end = (uintptr_t)(config + 1) / page * page;
	const uintptr_t begin = ((uintptr_t)config->certificate + page - 1) / page * page;

	explicit_bzero(config->certificate, config->certificates * sizeof(config->certificate[0]));
	config->certificates = config->hooks = config->csr_used = config->names = 0;
	if (begin < end)
		(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}

/* FNV-1a: two certificates' names are compared by it before they are compared. */
uint32_t config_mark(const char *name)
{
	uint32_t mark = 2166136261U;

	for (; *name; name++)
		mark = (mark ^ (unsigned char)*name) * 16777619U;
	return mark;
}

int config_number(const char *text, unsigned long least, unsigned long most, int base, unsigned long *out)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -1;
	errno = 0;
	*out = strtoul(text, &end, base);
	return errno || *end || *out < least || *out > most ? -1 : 0;
}

int config_set_max_open(struct config *config, const char *text)
{
	unsigned long n;

	if (config_number(text, 5, 600, 10, &n) < 0)
		return -1;
	config->gate.max_open = (uint32_t)n;
	return 0;
}

bool config_is_address(const char *name)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
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

bool config_is_label(const char *name)
{
	size_t length = strlen(name);

	return length && length < LABEL_SIZE && name[0] != '.' && name[0] != '-' &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")];
}

int config_find(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->certificates; i++)
		if (!strcmp(config->certificate[i].name, name))
			return (int)i;
	return -1;
}

int config_find_watch(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->watches; i++)
		if (!strcmp(config->watch[i].name, name))
			return (int)i;
	return -1;
}

uint32_t config_challenges(const struct certificate *certificate)
{
	return certificate && certificate->challenges ? certificate->challenges : 1;
}

bool config_answers_by_dns(const struct certificate *certificate)
{
	for (int i = 0; i < CHALLENGE_TYPES; i++)
		if (challenge_kinds[i].dns && config_answers(certificate, (enum challenge_type)i))
			return true;
	return false;
}

bool config_needs(const struct certificate *certificate, enum challenge_window window)
{
	for (int i = 0; i < CHALLENGE_TYPES; i++)
		if (challenge_kinds[i].window == window && config_answers(certificate, (enum challenge_type)i))
			return true;
	return false;
}

bool config_needs_tls(const struct config *config)
{
	for (uint32_t i = 0; i < config->certificates; i++)
		if (config_needs(&config->certificate[i], WINDOW_TLS))
			return true;
	return false;
}

bool config_answers(const struct certificate *certificate, enum challenge_type type)
{
	return certificate->challenges ? memchr(certificate->challenge, (int)type, certificate->challenges) != NULL :
					 type == CHALLENGE_HTTP;
}
