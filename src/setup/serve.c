// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * serve.c - has a service show the certificate. The script beside the deploy hooks knows how each is configured and prints what a file
 * of it shall be; it changes nothing. A service that does not accept the file has the one from before.
 */
#include "setup/setup.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "setup/tool.h"

#define SERVE SHARE "/setup/serve"
#define ADVISES 3 /* the exit status of a script that leaves it to somebody */

/* The path, which then is all that is left of the text, and what was behind it become a file; one that is there keeps its owner and mode. */
static int split(char *said, struct paper *next, struct fault *fault)
{
	OWN_PAPER struct paper before = { 0 };
	char *end = strchr(said, '\n');

	if (!end || said[0] != '/')
		return fault_set(fault, FAULT_FAILED, SERVE ": expected a path and a text, not '%.80s'", said);
	*end = '\0';
	if (paper_read(said, &before, fault) < 0)
		return -1;
	*next = PAPER(end + 1, strlen(end + 1), 0644);
	if (before.exists)
		*next = (struct paper){ true, end + 1, strlen(end + 1), before.uid, before.gid, before.mode };
	return 0;
}

static int reload(const struct service *service, struct fault *fault)
{
	char line[COMMAND_SIZE];

	snprintf(line, sizeof(line), SHARE "/deploy/%s", service->hook);
	return tool_run_line(fault, line);
}

/* On the way back the service is reloaded once its file is as before, so that comes first here. */
static int put(struct setup *setup, const struct service *service, const char *path, const struct paper *next, struct fault *fault)
{
	OWN_PAPER struct paper before = { 0 };
	char line[COMMAND_SIZE];
	struct fault refusal;
	int rc;

	snprintf(line, sizeof(line), SHARE "/deploy/%s", service->hook);
	if (paper_read(path, &before, fault) < 0)
		return -1;
	if (paper_is_same(&before, next))
		return 0;
	if (trail_note(&setup->trail, TRAIL_RELOAD, line, fault) < 0)
		return -1;
	rc = trail_put(&setup->trail, path, next, fault);
	if (rc < 0 || tool_run(&refusal, SERVE, "check", service->name, NULL) == 0)
		return rc;
	log_warning("setup: %s does not accept %s, which is as it was before: %s", service->name, path, refusal.text);
	return trail_put(&setup->trail, path, &before, fault) < 0 ? -1 : 0;
}

static int write_text(struct setup *setup, const struct service *service, char *said, struct fault *fault)
{
	struct paper next;
	int rc = split(said, &next, fault) < 0 ? -1 : put(setup, service, said, &next, fault);

	if (rc <= 0)
		return rc;
	log_notice("setup: %s shows the certificate: %s", service->name, said);
	if (reload(service, fault) < 0)
		log_warning("setup: %s", fault->text);
	return 0;
}

static int serve_one(struct setup *setup, const struct service *service, struct fault *fault)
{
	static char *words[MAX_NAMES_EACH + 8];
	char folder[PATH_SIZE + LABEL_SIZE + 16];
	OWN_FREE char *said = NULL;
	size_t n = 0;
	int status;

	snprintf(folder, sizeof(folder), "%s/certificates/%s", setup->config->gate.state, setup->label);
	words[n++] = (char[]){ SERVE };
	words[n++] = (char[]){ "text" };
	words[n++] = (char *)(uintptr_t)service->name;
	words[n++] = folder;
	for (int i = 0; i < setup->call->words; i++)
		words[n++] = setup->call->word[i];
	words[n] = NULL;
	status = tool_ask(&said, fault, words);
	if (status == STATUS_DONE)
		return write_text(setup, service, said, fault);
	if (status == ADVISES)
		log_notice("setup: %s is yours to configure: %s", service->name, said);
	else if (status >= 0)
		log_warning("setup: " SERVE " %s: %s", service->name, said);
	return status < 0 ? -1 : 0;
}

int serve_run(struct setup *setup)
{
	struct fault fault;

	for (int i = 0; i < setup->services; i++)
		if (serve_one(setup, setup->service[i], &fault) < 0) {
			log_error("%s", fault.text);
			return fault_status(&fault);
		}
	return STATUS_DONE;
}
