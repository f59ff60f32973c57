// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/setup.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/sockets.h"

#define MOST_LISTENERS 16

void port_find_holder(uint16_t port, char name[KIN_NAME])
{
	OWN_DIR DIR *proc = opendir("/proc");
	uint32_t inodes[MOST_LISTENERS];
	struct fault ignored;
	int n = sockets_listeners(port, inodes, MOST_LISTENERS, &ignored);
	const struct dirent *entry;

	snprintf(name, KIN_NAME, "%s", n > 0 ? "a program" : "");
	while (n > 0 && proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid <= 0 || !process_holds(pid, inodes, n))
			continue;
		process_name(pid, name);
		return;
	}
}
