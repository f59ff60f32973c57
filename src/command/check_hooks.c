// SPDX-License-Identifier: GPL-3.0-or-later
/* check_hooks.c - do hooks of other clients open the port, too? Of certbot: the keys of its files, and its directories of hooks. */
#include "command/check.h"
#include "command/firewall_tool.h"

#include <stdio.h>
#include <string.h>

#define LINE_SIZE 1024
#define MOST_LINES 2000

static void say(struct examination *e, const char *path, unsigned int number, const char *tool)
{
	char subject[PATH_SIZE + 16];

	snprintf(subject, sizeof(subject), "%.*s:%u", PATH_SIZE - 1, path, number);
	sheet_add(&e->sheet, MARK_WARNING, subject,
		  "acmegate setup puts acmegate hook pre and acmegate hook post in its place; acmegate(8), OTHER CLIENTS, shows more",
		  "runs %s: a port that this opens stays open when its client is killed", tool);
}

/* keys: only lines "pre_hook = ..." and "post_hook = ..." count. */
static unsigned int read_file(struct examination *e, const char *path, bool keys)
{
	FILE *file = fopen(path, "re");
	char line[LINE_SIZE];
	unsigned int found = 0;

	for (unsigned int number = 1; file && number <= MOST_LINES && fgets(line, sizeof(line), file); number++) {
		const char *at = line + strspn(line, " \t"), *tool;

		if (*at == '#' || (keys && strncmp(at, "pre", 3) != 0 && strncmp(at, "post", 4) != 0))
			continue;
		tool = firewall_tool_of(at);
		if (tool)
			say(e, path, number, tool);
		found += tool != NULL;
		if (tool && !keys)
			break; /* a script is told of once */
	}
	if (file)
		fclose(file);
	return found;
}

static unsigned int read_directory(struct examination *e, const char *directory, const char *suffix, bool keys)
{
	OWN_DIR DIR *dir = opendir(directory);
	const struct dirent *entry;
	unsigned int found = 0;

	while (dir && (entry = readdir(dir))) {
		size_t length = strlen(entry->d_name), end = strlen(suffix);
		char path[PATH_SIZE];

		if (entry->d_name[0] == '.' || length <= end || strcmp(entry->d_name + length - end, suffix) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		found += read_file(e, path, keys);
	}
	return found;
}

void check_hooks(struct examination *e)
{
	unsigned int found = 0;

	found += read_file(e, "/etc/letsencrypt/cli.ini", true);
	found += read_directory(e, "/etc/letsencrypt/renewal", ".conf", true);
	found += read_directory(e, "/etc/letsencrypt/renewal-hooks/pre", "", false);
	found += read_directory(e, "/etc/letsencrypt/renewal-hooks/post", "", false);
	if (!found)
		sheet_add(&e->sheet, MARK_OK, "", NULL, "no hook of certbot opens the port by itself");
}
