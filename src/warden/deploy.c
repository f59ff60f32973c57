// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/deploy.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/launch_program.h"
#include "say/entry.h"

#define HOOK_SECONDS 120
#define MOST_WORDS 64
#define LOOKED_BACK 64 /* generations: three are kept, and there are gaps where one was broken */

#define FOLDER_SIZE (PATH_SIZE + LABEL_SIZE + 16)

/* The environment of a hook: the same for all hooks of a certificate. */
static struct environment {
	char name[64], live[FOLDER_SIZE + 64], lineage[FOLDER_SIZE + 64], previous[FOLDER_SIZE + 64], first[24];
	char names[MAX_NAMES_EACH * NAME_SIZE + 32], domains[MAX_NAMES_EACH * NAME_SIZE + 32];
} environment;

/* The names of the certificate with spaces between, behind "VARIABLE=". */
static void list_names(const struct config *config, const struct certificate *certificate, const char *variable, char *text,
		       size_t size)
{
	size_t used = (size_t)snprintf(text, size, "%s=", variable);

	for (uint32_t i = 0; i < certificate->names && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? " " : "", config->name[certificate->first_name + i]);
}

/* The number that "live" points to. 0: none. */
static unsigned long live_number(const char *folder)
{
	char link[FOLDER_SIZE + 8], target[16];
	ssize_t n;

	snprintf(link, sizeof(link), "%s/live", folder);
	n = readlink(link, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	return strtoul(target, NULL, 10);
}

/* The generation before this one that is still there: its directory behind "ACMEGATE_PREVIOUS=". */
static void find_previous(const char *folder, unsigned long live)
{
	char path[FOLDER_SIZE + 24];

	snprintf(environment.previous, sizeof(environment.previous), "ACMEGATE_PREVIOUS=");
	for (unsigned long number = live; number-- > 1 && live - number <= LOOKED_BACK;) {
		snprintf(path, sizeof(path), "%s/%lu", folder, number);
		if (access(path, F_OK) < 0)
			continue;
		snprintf(environment.previous, sizeof(environment.previous), "ACMEGATE_PREVIOUS=%s", path);
		return;
	}
}

static void describe(const struct config *config, const struct certificate *certificate, const char *folder)
{
	unsigned long live = live_number(folder);

	snprintf(environment.name, sizeof(environment.name), "ACMEGATE_NAME=%s", certificate->name);
	snprintf(environment.live, sizeof(environment.live), "ACMEGATE_LIVE=%s/live", folder);
	snprintf(environment.lineage, sizeof(environment.lineage), "RENEWED_LINEAGE=%s/live", folder);
	snprintf(environment.first, sizeof(environment.first), "ACMEGATE_FIRST=%s", live == 1 ? "yes" : "no");
	find_previous(folder, live);
	list_names(config, certificate, "ACMEGATE_NAMES", environment.names, sizeof(environment.names));
	list_names(config, certificate, "RENEWED_DOMAINS", environment.domains, sizeof(environment.domains));
}

static int run_hook(const struct certificate *certificate, const char *hook, struct fault *fault)
{
	char command[COMMAND_SIZE], who[96];
	char *arguments[MOST_WORDS + 1];
	char *variables[] = { (char[]){ "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
			      (char[]){ "HOME=/root" },
			      (char[]){ "LANG=C.UTF-8" },
			      environment.name,
			      environment.live,
			      environment.previous,
			      environment.first,
			      environment.names,
			      environment.lineage,
			      environment.domains,
			      NULL };

	snprintf(command, sizeof(command), "%s", hook);
	launch_split(command, arguments, LENGTH_OF(arguments));
	snprintf(who, sizeof(who), "deploy %s", certificate->name);
	return launch_program(who, arguments, variables, HOOK_SECONDS, LAUNCH_WITHOUT_FIREWALL, fault);
}

/* The storer's note of those that have succeeded before; without one all are run. */
static void read_note(const char *folder, char *text, size_t size)
{
	char path[FOLDER_SIZE + 24];
	OWN_FD int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/deploy-pending", folder);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	n = fd < 0 ? 0 : read(fd, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
}

static bool has_line(const char *text, const char *line)
{
	const size_t length = strlen(line);

	for (const char *end; (end = strchr(text, '\n')); text = end + 1)
		if ((size_t)(end - text) == length && !memcmp(text, line, length))
			return true;
	return false;
}

static void add_line(struct deployed *deployed, const char *line)
{
	deployed->length += (size_t)snprintf(deployed->text + deployed->length, sizeof(deployed->text) - deployed->length, "%s\n",
					     line);
}

bool deploy_run(const struct config *config, const struct certificate *certificate, struct deployed *deployed)
{
	static char before[sizeof(deployed->text) + 1];
	char folder[FOLDER_SIZE];
	struct fault fault;
	bool all = true;

	snprintf(folder, sizeof(folder), "%s/certificates/%s", config->gate.state, certificate->name);
	read_note(folder, before, sizeof(before));
	describe(config, certificate, folder);
	deployed->length = 0;
	for (uint32_t i = 0; i < certificate->hooks; i++) {
		const char *hook = config->hook[certificate->first_hook + i];
		bool done = has_line(before, hook);

		if (!done && run_hook(certificate, hook, &fault) < 0) {
			entry_log(LOG_LEVEL_ERROR,
				  &(struct entry){
					  .occasion = OCCASION_HOOK_FAILED, .certificate = certificate->name, .code = fault.code },
				  "certificate %s: %s; the certificate is in place, the hook is tried again by the next acmegate renew",
				  certificate->name, fault.text);
			all = false;
			continue;
		}
		if (!done)
			entry_log(LOG_LEVEL_NOTICE,
				  &(struct entry){ .occasion = OCCASION_HOOK_DONE, .certificate = certificate->name },
				  "certificate %s: the deploy hook has succeeded (%s)", certificate->name, hook);
		add_line(deployed, hook);
	}
	return all;
}
