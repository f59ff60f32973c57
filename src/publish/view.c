// SPDX-License-Identifier: GPL-3.0-or-later
#include "publish/view.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config_load.h"
#include "base/config_share.h"
#include "base/kernel.h"
#include "base/launch.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "base/wire.h"
#include "publish/international.h"
#include "publish/watch.h"

#define MOST_WORDS 4 /* before the names */

/* -1 with FAULT_NONE: there is none, because no run has been there yet. */
static int open_directory(const char *state, const char *name, int flags, struct fault *fault)
{
	char path[PATH_SIZE + 16];
	int fd;

	fault->kind = FAULT_NONE;
	snprintf(path, sizeof(path), "%s%s", state, name);
	fd = open(path, flags | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == EACCES)
		return fault_errno(fault, FAULT_FAILED, "%s (root may read it, and the group acmegate)", path);
	if (fd < 0 && errno != ENOENT)
		return fault_errno(fault, FAULT_FAILED, "%s", path);
	return fd;
}

/* They get their numbers from far away, so that none takes another's place. */
static int hand_over(struct descriptor *given, size_t n, struct fault *fault)
{
	for (size_t i = 0; i < n; i++)
		if (given[i].from >= 0 && (given[i].from = fcntl(given[i].from, F_DUPFD_CLOEXEC, FD_AGENT_END)) < 0)
			return fault_errno(fault, FAULT_LATER, "starting acmegate-view");
	close_range(STDERR_FILENO + 1, FD_AGENT_END - 1, 0);
	for (size_t i = 0; i < n; i++)
		if (given[i].from >= 0 && dup2(given[i].from, given[i].to) < 0)
			return fault_errno(fault, FAULT_LATER, "starting acmegate-view");
	return 0;
}

static int become_view(const struct show *show, bool mistaken, struct config *config, struct fault *fault)
{
	static char program[] = "acmegate-view", right[] = "right", wrong[] = "mistaken", plain[] = "NO_COLOR=1", locale[] = "LANG=C";
	char *words[MOST_WORDS + MAX_CERTIFICATES + 1] = { program, (char *)(uintptr_t)show->form, mistaken ? wrong : right };
	const char *no_color = getenv("NO_COLOR");
	char *const environment[] = { locale, no_color && *no_color ? plain : NULL, NULL };
	struct descriptor given[] = { { -1, FD_CONFIG }, { -1, FD_LEDGERS }, { -1, FD_WINDOWS }, { -1, FD_WATCHED } };
	char path[PATH_MAX];

	given[1].from = open_directory(config->gate.state, "/ledger", O_RDONLY, fault);
	if (fault->kind == FAULT_NONE)
		given[2].from = open_directory(config->gate.state, "", O_PATH, fault);
	if (fault->kind != FAULT_NONE)
		return -1;
	if (show->count > MAX_CERTIFICATES)
		return fault_set(fault, FAULT_USAGE, "more than %d names", MAX_CERTIFICATES);
	for (int i = 0; i < show->count; i++)
		words[3 + i] = show->names[i];
	if (launch_find("-view", path, fault) < 0 || sandbox_disarm(fault) < 0)
		return -1;
	given[3].from = show->ledgers_alone ? -1 : watch_look(config, fault);
	if (fault->kind != FAULT_NONE)
		return -1;
	given[0].from = config_share(config, ROLE_VIEWER, fault);
	if (given[0].from < 0 || hand_over(given, LENGTH_OF(given), fault) < 0)
		return -1;
	execve(path, words, environment);
	return fault_errno(fault, FAULT_FAILED, "starting %s (is acmegate installed completely?)", path);
}

void view_become(const struct show *show, struct fault *fault)
{
	static struct config config;
	static struct mistakes mistakes;
	int rc;

	config_translate_with(international_ascii);
	rc = config_load(&config, show->file, show->ledgers_alone ? CONFIG_CLOSING : CONFIG_GATE, &mistakes, fault);
	international_end();
	if (show->say)
		show->say(&mistakes, rc < 0);
	if (rc == 0 && become_view(show, mistakes.number > 0, &config, fault) < 0 && show->say)
		log_error("%s", fault->text);
}
