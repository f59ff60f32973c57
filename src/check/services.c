// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * services.c - do the services of this host read the live files of the store? One that names a generation keeps the certificate of that
 * day, and one that names another client's files does not see ours.
 */
#include "check/check.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "check/lines.h"

static const char *const directories[][2] = {
	{ "/etc/nginx", ".conf" },
	{ "/etc/nginx/conf.d", ".conf" },
	{ "/etc/nginx/sites-enabled", "" },
	{ "/etc/nginx/snippets", ".conf" },
	{ "/etc/apache2/sites-enabled", ".conf" },
	{ "/etc/httpd/conf.d", ".conf" },
	{ "/etc/postfix", "main.cf" },
	{ "/etc/dovecot", ".conf" },
	{ "/etc/dovecot/conf.d", ".conf" },
	{ "/etc/haproxy", ".cfg" },
	{ "/etc/mosquitto/conf.d", ".conf" },
	{ "/etc/prosody", ".lua" },
	{ "/etc/prosody/conf.d", ".lua" },
};
#define CERTBOT "/etc/letsencrypt/live/"

/* Does this path go on with one of our names, and then a slash? */
static const struct certificate *find(const struct config *config, const char *path)
{
	const size_t length = strcspn(path, "/ \t\n;\"'");

	for (uint32_t i = 0; path[length] == '/' && i < config->certificates; i++) {
		const struct certificate *certificate = &config->certificate[i];

		if (strlen(certificate->name) == length && !strncmp(certificate->name, path, length))
			return certificate;
		for (uint32_t j = 0; j < certificate->names; j++) {
			const char *name = config->name[certificate->first_name + j];

			if (strlen(name) == length && !strncmp(name, path, length))
				return certificate;
		}
	}
	return NULL;
}

static void say(struct examination *e, enum mark mark, const char *place, const struct certificate *certificate, const char *what)
{
	char remedy[2 * PATH_SIZE + 64];

	snprintf(remedy, sizeof(remedy), "name %s/certificates/%s/live there, and reload the service by a deploy hook",
		 e->config->gate.state, certificate->name);
	sheet_add(&e->sheet, mark, place, mark == MARK_OK ? NULL : remedy, "%s %s", what, certificate->name);
}

static bool take(void *context, const char *place, const char *line)
{
	struct examination *e = context;
	char ours[PATH_SIZE + 16];
	const char *at;
	const struct certificate *certificate;

	snprintf(ours, sizeof(ours), "%s/certificates/", e->config->gate.state);
	at = strstr(line, ours);
	certificate = at ? find(e->config, at + strlen(ours)) : NULL;
	if (certificate) {
		const char *rest = strchr(at + strlen(ours), '/');

		if (rest && isdigit((unsigned char)rest[1]))
			say(e, MARK_WRONG, place, certificate, "names one generation, which no renewal changes, of");
		else
			say(e, MARK_OK, place, certificate, "reads the files in use of");
		return true;
	}
	at = strstr(line, CERTBOT);
	certificate = at ? find(e->config, at + strlen(CERTBOT)) : NULL;
	if (certificate)
		say(e, MARK_WARNING, place, certificate, "reads certbot's files, and not those of the certificate");
	return true;
}

void check_services(struct examination *e)
{
	for (size_t i = 0; e->config->certificates && i < LENGTH_OF(directories); i++)
		lines_read_all(directories[i][0], directories[i][1], take, e);
}
