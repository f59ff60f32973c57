// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/names.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool dots_at_end(const char *name)
{
	size_t length = strlen(name);

	return length > 1 && name[length - 1] == '.' && name[length - 2] != '.';
}

/* A wildcard is a label of its own, and the first; dns_check_certificate() says whether its certificate may have one. */
int names_check(struct loader *loader, const struct key *key, const char *full)
{
	const char *name = strncmp(full, "*.", 2) ? full : full + 2;
	size_t label = 0, dots = 0;

	if (dots_at_end(name))
		return loader_wrong(loader, "%s: '%s': write it without the dot at its end", key->name, name);
	for (const char *c = name;; c++) {
		if (*c && *c != '.') {
			if (!isalnum((unsigned char)*c) && *c != '-')
				return loader_wrong(loader, "%s: '%s': expected letters, digits, '-' and '.'", key->name, name);
			label++;
			continue;
		}
		if (!label || label > 63 || c[-1] == '-' || c[-(ptrdiff_t)label] == '-')
			return loader_wrong(loader, "%s: '%s' is not a host name", key->name, name);
		dots += *c == '.';
		label = 0;
		if (!*c)
			break;
	}
	if (isdigit((unsigned char)name[strlen(name) - 1]) && name[strspn(name, "0123456789.")] == '\0')
		return loader_wrong(loader, "%s: '%s' is neither an address nor a host name", key->name, name);
	if (!dots)
		return loader_wrong(loader, "%s: '%s': expected a full name with at least one dot", key->name, name);
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

/* Without a translator nobody asks for names: another name, one of its own, serves as well. */
static int take_foreign(struct loader *loader, const char *foreign, char name[NAME_SIZE])
{
	struct fault why;

	if (loader->part != CONFIG_WHOLE) {
		snprintf(name, NAME_SIZE, "untranslated-%u.invalid", loader->config->names);
		return 0;
	}
	if (!loader->translate)
		return loader_wrong(loader, "names: '%s': write an international name in its xn-- form", foreign);
	return loader->translate(foreign, name, &why) < 0 ? loader_wrong(loader, "names: '%s': %s", foreign, why.text) : 0;
}

static int take_word(struct loader *loader, const char *word, size_t length, char name[NAME_SIZE])
{
	char text[FOREIGN_NAME_SIZE];
	bool foreign = false;

	for (size_t i = 0; i < length; i++)
		foreign |= (unsigned char)word[i] >= 0x80;
	if (length >= (foreign ? FOREIGN_NAME_SIZE : NAME_SIZE))
		return loader_wrong(loader, "names: a name has at most %d characters", NAME_SIZE - 1);
	snprintf(text, sizeof(text), "%.*s", (int)length, word);
	if (foreign)
		return take_foreign(loader, text, name);
	memcpy(name, text, length + 1);
	return 0;
}

static int add_name(struct loader *loader, const struct key *key, const char *word, size_t length)
{
	struct config *config = loader->config;
	struct certificate *certificate = loader->certificate;
	char *name = config->name[config->names];

	if (config->names == MAX_NAMES - 1 || certificate->names == MAX_NAMES_EACH)
		return loader_wrong(loader, "names: at most %d in one certificate and %d in all", MAX_NAMES_EACH, MAX_NAMES - 1);
	if (take_word(loader, word, length, name) < 0)
		return -1;
	canonical(name);
	if (!config_is_address(name) && names_check(loader, key, name) < 0)
		return -1;
	for (uint32_t i = 0; i < certificate->names; i++)
		if (!strcmp(config->name[certificate->first_name + i], name))
			return loader_wrong(loader, "names: '%.*s' (%s) is given twice", (int)length, word, name);
	config->mark[config->names++] = config_mark(name);
	certificate->names++;
	return 0;
}

int names_set(struct loader *loader, const struct key *key, const char *value)
{
	if (!loader->certificate->names)
		loader->certificate->first_name = loader->config->names;
	for (const char *word = value; *word;) {
		size_t length = strcspn(word, " \t,");

		if (length && add_name(loader, key, word, length) < 0)
			return -1;
		word += length;
		word += strspn(word, " \t,");
	}
	return 0;
}
