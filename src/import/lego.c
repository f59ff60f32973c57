// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * lego.c - what lego keeps:
 *
 *	accounts/HOST/EMAIL/keys/EMAIL.key	the key, PEM; HOST is that of the directory's URL, with '_' for ':'
 *	accounts/HOST/EMAIL/account.json	what the CA said of the account
 *	certificates/DOMAIN.{key,crt}		PEM, with the issuers' certificates; DOMAIN is its first name
 *	certificates/DOMAIN.issuer.crt		the issuers' certificates
 *	certificates/DOMAIN.json		URLs of the CA
 *
 * The URL of the directory is not kept.
 */
#include "import/estate.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define HOSTS 8

struct lego {
	struct estate_list *list;
	const struct config *config;
	size_t hosts;
	char directory[HOSTS][URL_SIZE];
	struct estate_item *item;
};

/* Is it the host of this URL, as lego writes it? */
static bool is_host_of(const char *host, const char *url)
{
	const char *at = url + strlen("https://");
	const size_t length = strcspn(at, "/?#");

	if (strlen(host) != length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (tolower((unsigned char)host[i]) != (at[i] == ':' ? '_' : tolower((unsigned char)at[i])))
			return false;
	return true;
}

static const char *find_directory(const struct config *config, const char *host)
{
	for (uint32_t i = 0; i < config->cas; i++) {
		if (config->ca[i].directory[0] && is_host_of(host, config->ca[i].directory))
			return config->ca[i].directory;
		if (config->ca[i].staging[0] && is_host_of(host, config->ca[i].staging))
			return config->ca[i].staging;
	}
	for (size_t i = 0; config_known_url(i); i++)
		if (is_host_of(host, config_known_url(i)))
			return config_known_url(i);
	return NULL;
}

/* path: of the directory of an account */
static int add_account(void *context, const char *path, const char *name, struct fault *fault)
{
	struct lego *lego = context;
	const char *directory = lego->directory[lego->hosts - 1];
	char file[2 * PATH_MAX];

	if (lego->item && lego->item->data->account && !strcmp(lego->item->directory, directory)) {
		log_notice("lego's account %s at %s is left out: %s is imported", name, directory, lego->item->id);
		return 0;
	}
	lego->item = estate_add(lego->list, true, fault);
	if (!lego->item)
		return -1;
	snprintf(lego->item->directory, sizeof(lego->item->directory), "%s", directory);
	snprintf(lego->item->id, sizeof(lego->item->id), "%s", name);
	snprintf(file, sizeof(file), "%s/keys/%s.key", path, name);
	if (estate_read(lego->item, file, true, fault) < 0)
		return -1;
	snprintf(file, sizeof(file), "%s/account.json", path);
	return estate_read(lego->item, file, false, fault);
}

/* path: of a directory with the accounts at one CA */
static int add_host(void *context, const char *path, const char *name, struct fault *fault)
{
	struct lego *lego = context;
	const char *directory = find_directory(lego->config, name);

	if (!directory)
		return fault_set(fault, FAULT_USAGE,
				 "%s: lego does not keep the URL of this CA's directory, and it is none that acmegate knows: set directory = "
				 "URL in [acme] of %s for the time of the import",
				 path, lego->config->file);
	if (lego->hosts == HOSTS)
		return fault_set(fault, FAULT_FAILED, "%s: accounts at more than %d CAs", path, HOSTS);
	snprintf(lego->directory[lego->hosts++], URL_SIZE, "%s", directory);
	return estate_each(path, add_account, lego, fault);
}

/* Is the host of this CA in the file with the URLs? */
static bool mentions(const char *path, const char *directory)
{
	char text[4096], host[URL_SIZE];
	OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));
	const size_t length = strlen("https://") + strcspn(directory + strlen("https://"), "/?#");

	snprintf(host, sizeof(host), "%.*s/", (int)length, directory);
	return n > 0 && memmem(text, (size_t)n, host, strlen(host));
}

/* stem: the path without ".key" */
static int add_certificate(struct lego *lego, const char *stem, const char *name, struct fault *fault)
{
	struct estate_item *item = estate_add(lego->list, false, fault);
	char file[PATH_MAX + 32];
	const char *directory = lego->hosts ? lego->directory[0] : lego->config->acme.directory;

	if (!item)
		return -1;
	snprintf(file, sizeof(file), "%s.json", stem);
	for (size_t i = 1; i < lego->hosts; i++)
		if (mentions(file, lego->directory[i]))
			directory = lego->directory[i];
	if (!directory[0])
		return fault_set(fault, FAULT_USAGE,
				 "%s: there is no account that says which CA it came from: set directory = URL in [acme] of %s",
				 file, lego->config->file);
	snprintf(item->directory, sizeof(item->directory), "%s", directory);
	estate_name(item->name, name);
	snprintf(file, sizeof(file), "%s.key", stem);
	if (estate_read(item, file, false, fault) < 0)
		return -1;
	snprintf(file, sizeof(file), "%s.crt", stem);
	if (estate_read(item, file, false, fault) < 0)
		return -1;
	snprintf(file, sizeof(file), "%s.issuer.crt", stem);
	return access(file, F_OK) == 0 ? estate_read(item, file, false, fault) : 0;
}

static int add_file(void *context, const char *path, const char *name, struct fault *fault)
{
	const size_t length = strlen(path), end = strlen(".key"), named = strlen(name);
	char stem[PATH_MAX], domain[NAME_MAX + 1];

	if (named <= end || strcmp(name + named - end, ".key") != 0)
		return 0;
	snprintf(stem, sizeof(stem), "%.*s", (int)(length - end), path);
	snprintf(domain, sizeof(domain), "%.*s", (int)(named - end), name);
	return add_certificate(context, stem, domain, fault);
}

int estate_of_lego(struct estate_list *list, const char *directory, const struct config *config, struct fault *fault)
{
	struct lego lego = { .list = list, .config = config };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/accounts", directory);
	if (access(path, F_OK) < 0)
		return fault_set(fault, FAULT_USAGE, "%s: %s; is lego's directory (--path) another one? Name it with --from", path,
				 strerror(errno));
	if (estate_each(path, add_host, &lego, fault) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/certificates", directory);
	return access(path, F_OK) < 0 ? 0 : estate_each(path, add_file, &lego, fault);
}
