// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * certbot.c - what certbot keeps:
 *
 *	renewal/NAME.conf			lines: server = URL of the directory, account = ID
 *	live/NAME/{privkey,fullchain}.pem	links into archive
 *	accounts/HOST/PATH/ID/private_key.json	the key, as JWK; HOST/PATH is the directory's URL
 *	accounts/HOST/PATH/ID/regr.json		what the CA said of the account
 */
#include "import/estate.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define LONGEST_PATH 6 /* parts of a directory's URL */

struct certbot {
	struct estate_list *list;
	const char *top;
	size_t prefix; /* length of TOP/accounts/ */
	int depth;
};

/* The value of `key = value` in the file. */
static int find_value(const char *path, const char *key, char *value, size_t size, struct fault *fault)
{
	FILE *file = fopen(path, "re");
	char line[1024], name[64];
	int at;

	value[0] = '\0';
	if (!file)
		return fault_errno(fault, FAULT_FAILED, "%s", path);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " %63[a-z_] = %n", name, &at) == 1 && !strcmp(name, key)) {
			line[strcspn(line, "\r\n")] = '\0';
			snprintf(value, size, "%s", line + at);
		}
	fclose(file);
	if (!value[0])
		return fault_set(fault, FAULT_FAILED, "%s has no line '%s = ...': is it certbot's?", path, key);
	return 0;
}

static int read_live(struct estate_item *item, const char *top, const char *lineage, const char *file, struct fault *fault)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/live/%s/%s", top, lineage, file) >= (int)sizeof(path))
		return fault_set(fault, FAULT_FAILED, "%s: the name of a certificate is too long", top);
	return estate_read(item, path, false, fault);
}

/* A file of another kind may lie beside them. */
static int add_certificate(void *context, const char *path, const char *name, struct fault *fault)
{
	const struct certbot *certbot = context;
	const char *end = strrchr(name, '.');
	struct estate_item *item;
	char lineage[NAME_MAX + 1];

	if (!end || strcmp(end, ".conf") != 0)
		return 0;
	snprintf(lineage, sizeof(lineage), "%.*s", (int)(end - name), name);
	item = estate_add(certbot->list, false, fault);
	if (!item || find_value(path, "server", item->directory, sizeof(item->directory), fault) < 0 ||
	    find_value(path, "account", item->id, sizeof(item->id), fault) < 0)
		return -1;
	estate_name(item->name, lineage);
	if (read_live(item, certbot->top, lineage, "privkey.pem", fault) < 0 ||
	    read_live(item, certbot->top, lineage, "fullchain.pem", fault) < 0)
		return fault_at(fault, "certbot's certificate %s", lineage);
	return 0;
}

static bool is_used(const struct estate_list *list, const char *directory, const char *id)
{
	for (size_t i = 0; i < list->items; i++)
		if (!list->item[i].data->account && !strcmp(list->item[i].directory, directory) && !strcmp(list->item[i].id, id))
			return true;
	return false;
}

/* The account of a CA is the one that a certificate was ordered with, or the first. NULL: there is none yet. */
static struct estate_item *find_account(struct estate_list *list, const char *directory)
{
	for (size_t i = 0; i < list->items; i++)
		if (list->item[i].data->account && !strcmp(list->item[i].directory, directory))
			return &list->item[i];
	return NULL;
}

/* The item for this account. NULL: with a fault, or (FAULT_NONE) because another account of that CA is imported. */
static struct estate_item *choose(struct certbot *certbot, const char *directory, const char *id, struct fault *fault)
{
	struct estate_item *item = find_account(certbot->list, directory);

	fault->kind = FAULT_NONE;
	if (!item)
		return estate_add(certbot->list, true, fault);
	if (is_used(certbot->list, directory, item->id) || !is_used(certbot->list, directory, id)) {
		log_notice("certbot's account %s at %s is left out: %s is imported", id, directory, item->id);
		return NULL;
	}
	log_notice("certbot's account %s at %s is left out: %s is imported", item->id, directory, id);
	item->length = sizeof(*item->data);
	item->data->key_length = 0;
	item->files[0] = '\0';
	return item;
}

static int add_account(struct certbot *certbot, const char *path, const char *id, struct fault *fault)
{
	char directory[URL_SIZE], file[PATH_MAX + 32];
	struct estate_item *item;

	snprintf(directory, sizeof(directory), "https://%.*s", (int)(strlen(path) - strlen(id) - 1 - certbot->prefix),
		 path + certbot->prefix);
	item = choose(certbot, directory, id, fault);
	if (!item)
		return fault->kind == FAULT_NONE ? 0 : -1;
	snprintf(item->directory, sizeof(item->directory), "%s", directory);
	snprintf(item->id, sizeof(item->id), "%s", id);
	snprintf(file, sizeof(file), "%s/private_key.json", path);
	if (estate_read(item, file, true, fault) < 0)
		return -1;
	snprintf(file, sizeof(file), "%s/regr.json", path);
	return estate_read(item, file, false, fault);
}

/* An account, or a part of a URL. */
static int walk(void *context, const char *path, const char *name, struct fault *fault)
{
	struct certbot *certbot = context;
	char key[PATH_MAX + 32];
	int rc;

	snprintf(key, sizeof(key), "%s/private_key.json", path);
	if (access(key, F_OK) == 0)
		return add_account(certbot, path, name, fault);
	if (access(path, R_OK | X_OK) < 0 || certbot->depth == LONGEST_PATH)
		return 0;
	certbot->depth++;
	rc = estate_each(path, walk, certbot, fault);
	certbot->depth--;
	return rc < 0 && fault->code == ENOTDIR ? 0 : rc;
}

int estate_of_certbot(struct estate_list *list, const char *directory, struct fault *fault)
{
	struct certbot certbot = { .list = list, .top = directory };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/renewal", directory);
	if (access(path, F_OK) < 0)
		return fault_set(fault, FAULT_USAGE, "%s: %s; is certbot's directory (--config-dir) another one? Name it with --from",
				 path, strerror(errno));
	if (estate_each(path, add_certificate, &certbot, fault) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/accounts", directory);
	certbot.prefix = strlen(path) + 1;
	return estate_each(path, walk, &certbot, fault);
}
