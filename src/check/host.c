// SPDX-License-Identifier: GPL-3.0-or-later
#include "check/host.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

bool check_is_listening(const struct config *config)
{
	for (uint32_t i = 0; i < config->certificates; i++)
		if (config_answers(&config->certificate[i], CHALLENGE_HTTP))
			return true;
	return false;
}

/* Has somebody a lock of flock(2) on this file? By the kernel's list: to try would be to take it. */
static bool is_locked(const char *path)
{
	FILE *file = fopen("/proc/locks", "re");
	bool found = false;
	struct stat s;

	if (file && stat(path, &s) == 0) {
		char line[256], wanted[64];

		snprintf(wanted, sizeof(wanted), " %02x:%02x:%lu ", major(s.st_dev), minor(s.st_dev), (unsigned long)s.st_ino);
		while (!found && fgets(line, sizeof(line), file))
			found = strstr(line, "FLOCK") && strstr(line, wanted);
	}
	if (file)
		fclose(file);
	return found;
}

/* By the locks of the gate: of the journal, and of this network namespace (firewall/single.h). */
bool check_is_busy(const struct config *config)
{
	char path[PATH_SIZE + 16];
	struct stat s;

	snprintf(path, sizeof(path), "%s/journal", config->gate.state);
	if (is_locked(path))
		return true;
	if (stat("/proc/self/ns/net", &s) < 0)
		return false;
	snprintf(path, sizeof(path), "/run/acmegate/netns-%lu", (unsigned long)s.st_ino);
	return is_locked(path);
}
