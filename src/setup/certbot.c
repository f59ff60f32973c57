// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * certbot.c - hooks of certbot that open the port, and acmegate's in their place. A hook is a program in renewal-hooks/pre or post, or
 * a line pre_hook or post_hook of a certificate, or of cli.ini. One that does something else stays.
 */
#include "setup/setup.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "import/estate.h"
#include "command/firewall_tool.h"
#include "setup/tool.h"

#define TOP "/etc/letsencrypt"
#define HOOKS TOP "/renewal-hooks/"

/* The task in each file that has hooks. */
struct search {
	struct trail *trail; /* NULL: they are counted and shown */
	bool show;
	int found;
};

/* Does this script change a firewall, in a line that is no comment? */
static bool opens(const char *text)
{
	bool found = false;

	while (*text && !found) {
		const size_t length = strcspn(text, "\n");
		OWN_FREE char *line = strndup(text, length);

		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): OWN_FREE releases, which clang 14 does not know */
		found = line && line[strspn(line, " \t")] != '#' && firewall_tool_of(line);
		text += length + (text[length] != '\0');
	}
	return found;
}

/* "pre_hook = COMMAND", in cli.ini with '-'. NULL: it is no hook. Its command otherwise. */
static const char *find_command(const char *line)
{
	const char *const names[] = { "pre_hook", "post_hook", "pre-hook", "post-hook" };

	for (size_t i = 0; i < LENGTH_OF(names); i++) {
		const size_t length = strlen(names[i]);

		if (!strncmp(line, names[i], length) && line[length + strspn(line + length, " \t")] == '=')
			return strchr(line, '=') + 1;
	}
	return NULL;
}

/* The line names a script, or is one itself. */
static bool line_opens(const char *line)
{
	const char *command = find_command(line);
	OWN_PAPER struct paper script = { 0 };
	struct fault ignored;
	char path[PATH_MAX];

	if (!command)
		return false;
	if (opens(command))
		return true;
	return sscanf(command, " %4000[^ \t\"']", path) == 1 && path[0] == '/' && paper_read(path, &script, &ignored) == 0 &&
	       script.exists && opens(script.text);
}

/* Lines of a file go one by one. */
static int take_lines(void *context, const char *path, const char *name, struct fault *fault)
{
	OWN_PAPER struct paper now = { 0 }, next = { 0 };
	struct search *search = context;
	const int before = search->found;
	char *save = NULL;

	(void)name;
	if (paper_read(path, &now, fault) < 0)
		return -1;
	next = now;
	next.length = 0;
	next.text = calloc(1, now.length + 1);
	for (char *line = now.text; next.text && line && *line; line = save) {
		const size_t length = strcspn(line, "\n") + (strchr(line, '\n') != NULL);
		OWN_FREE char *copy = strndup(line, length);

		save = line + length;
		if (copy && line_opens(copy)) {
			search->found++;
			if (search->show)
				printf("%s: %s", path, copy);
			continue;
		}
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): OWN_FREE releases, which clang 14 does not know */
		memcpy(next.text + next.length, line, length);
		next.length += length;
	}
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): OWN_PAPER releases, which clang 14 does not know */
	return !search->trail || search->found == before ? 0 : trail_put(search->trail, path, &next, fault) < 0 ? -1 : 0;
}

static int take_script(void *context, const char *path, const char *name, struct fault *fault)
{
	OWN_PAPER struct paper script = { 0 };
	struct search *search = context;

	if (access(path, X_OK) < 0 || !strcmp(name, "acmegate"))
		return 0;
	if (paper_read(path, &script, fault) < 0)
		return -1;
	if (!opens(script.text))
		return 0;
	search->found++;
	if (search->show)
		printf("%s:\n%s", path, script.text);
	return search->trail && trail_put(search->trail, path, &(const struct paper){ 0 }, fault) < 0 ? -1 : 0;
}

/* A directory that does not exist has none. */
static int search_all(struct search *search, struct fault *fault)
{
	static const struct {
		const char *path;
		int (*take)(void *, const char *, const char *, struct fault *);
	} folders[] = { { HOOKS "pre", take_script }, { HOOKS "post", take_script }, { TOP "/renewal", take_lines } };

	for (size_t i = 0; i < LENGTH_OF(folders); i++)
		if (access(folders[i].path, F_OK) == 0 && estate_each(folders[i].path, folders[i].take, search, fault) < 0)
			return -1;
	fflush(stdout);
	return access(TOP "/cli.ini", F_OK) < 0 ? 0 : take_lines(search, TOP "/cli.ini", "cli.ini", fault);
}

int certbot_show(struct fault *fault)
{
	struct search search = { .show = true };

	return search_all(&search, fault) < 0 ? -1 : search.found;
}

static int install(struct setup *setup, const char *when, struct fault *fault)
{
	OWN_PAPER struct paper hook = { 0 };
	char folder[64], path[96];

	snprintf(path, sizeof(path), SHARE "/certbot/%s/acmegate", when);
	if (paper_read(path, &hook, fault) < 0)
		return -1;
	if (!hook.exists)
		return fault_set(fault, FAULT_FAILED, "%s is missing: install acmegate completely (make install)", path);
	hook.uid = hook.gid = 0;
	hook.mode = 0755;
	snprintf(folder, sizeof(folder), HOOKS "%s", when);
	snprintf(path, sizeof(path), "%s/acmegate", folder);
	return trail_make_directory(&setup->trail, folder, fault) < 0 ? -1 : trail_put(&setup->trail, path, &hook, fault);
}

/* acmegate's come first: a hook too many only opens twice. */
int certbot_run(struct setup *setup)
{
	struct search search = { .trail = &setup->trail };
	struct fault fault;

	if (!setup->replaces_hooks)
		return STATUS_DONE;
	if (trail_make_directory(&setup->trail, TOP "/renewal-hooks", &fault) < 0 || install(setup, "pre", &fault) < 0 ||
	    install(setup, "post", &fault) < 0 || search_all(&search, &fault) < 0) {
		log_error("%s", fault.text);
		return fault_status(&fault);
	}
	log_notice("setup: " HOOKS "pre/acmegate and post/acmegate open and close the port for certbot now, and %d hook%s that did no "
		   "longer; try them: certbot renew --dry-run",
		   search.found, search.found == 1 ? "" : "s");
	return STATUS_DONE;
}
