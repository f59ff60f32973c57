// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/deploy.h"

#include <stdio.h>

#include "base/run.h"

#define HOOK_SECONDS 120
#define MOST_WORDS 64

/* The names of the certificate with spaces between, behind "VARIABLE=". */
static void list_names(const struct config *config, const struct certificate *certificate, const char *variable, char *text,
		       size_t size)
{
	size_t used = (size_t)snprintf(text, size, "%s=", variable);

	for (uint32_t i = 0; i < certificate->names && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? " " : "", config->name[certificate->first_name + i]);
}

int deploy_run(const struct config *config, const struct certificate *certificate, struct fault *fault)
{
	static char names[MAX_NAMES_EACH * NAME_SIZE + 32], domains[MAX_NAMES_EACH * NAME_SIZE + 32];
	char command[COMMAND_SIZE], who[96], name[64], live[PATH_SIZE + 96], lineage[PATH_SIZE + 96];
	char *arguments[MOST_WORDS + 1];
	char *environment[] = { (char[]){ "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
				(char[]){ "HOME=/root" },
				(char[]){ "LANG=C.UTF-8" },
				name,
				live,
				names,
				lineage,
				domains,
				NULL };

	snprintf(command, sizeof(command), "%s", certificate->deploy);
	run_split(command, arguments, LENGTH_OF(arguments));
	snprintf(who, sizeof(who), "deploy %s", certificate->name);
	snprintf(name, sizeof(name), "ACMEGATE_NAME=%s", certificate->name);
	snprintf(live, sizeof(live), "ACMEGATE_LIVE=%s/certificates/%s/live", config->gate.state, certificate->name);
	snprintf(lineage, sizeof(lineage), "RENEWED_LINEAGE=%s/certificates/%s/live", config->gate.state, certificate->name);
	list_names(config, certificate, "ACMEGATE_NAMES", names, sizeof(names));
	list_names(config, certificate, "RENEWED_DOMAINS", domains, sizeof(domains));
	return run_program(who, arguments, environment, HOOK_SECONDS, RUN_WITHOUT_FIREWALL, fault);
}
