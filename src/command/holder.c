// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/holder.h"

#include <dirent.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/sockets.h"

#define MOST_LISTENERS 16

int holder_find(uint16_t port, struct holder *holder, struct fault *fault)
{
	OWN_DIR DIR *proc = opendir("/proc");
	uint32_t inodes[MOST_LISTENERS];
	const int n = sockets_listeners(port, inodes, MOST_LISTENERS, fault);
	const struct dirent *entry;

	*holder = (struct holder){ .pid = 0 };
	while (n > 0 && proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid <= 0 || !process_holds(pid, inodes, n))
			continue;
		holder->pid = pid;
		process_name(pid, holder->name);
		break;
	}
	return n < 0 ? -1 : n > 0;
}
