// SPDX-License-Identifier: GPL-3.0-or-later
/* hooks.c - do hooks of other clients open the port, too? Of certbot: the keys of its files, and its directories of hooks. */
#include "check/check.h"
#include "check/lines.h"
#include "command/firewall_tool.h"

#include <string.h>

/* The findings so far. */
struct hooks {
	struct examination *e;
	unsigned int found;
};

static bool take(struct hooks *hooks, const char *place, const char *line)
{
	const char *tool = firewall_tool_of(line);

	if (!tool)
		return true;
	hooks->found++;
	sheet_add(&hooks->e->sheet, MARK_WARNING, place,
		  "acmegate setup puts acmegate hook pre and acmegate hook post in its place; acmegate(8), OTHER CLIENTS, shows more",
		  "runs %s: a port that this opens stays open when its client is killed", tool);
	return false;
}

/* Of a script one line is enough. */
static bool take_script(void *hooks, const char *place, const char *line)
{
	return take(hooks, place, line);
}

static bool take_key(void *hooks, const char *place, const char *line)
{
	if (!strncmp(line, "pre", strlen("pre")) || !strncmp(line, "post", strlen("post")))
		(void)take(hooks, place, line);
	return true;
}

void check_hooks(struct examination *e)
{
	struct hooks hooks = { .e = e };

	lines_read("/etc/letsencrypt/cli.ini", take_key, &hooks);
	lines_read_all("/etc/letsencrypt/renewal", ".conf", take_key, &hooks);
	lines_read_all("/etc/letsencrypt/renewal-hooks/pre", "", take_script, &hooks);
	lines_read_all("/etc/letsencrypt/renewal-hooks/post", "", take_script, &hooks);
	if (!hooks.found)
		sheet_add(&e->sheet, MARK_OK, "", NULL, "no hook of certbot opens the port by itself");
}
