// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/firewalld/kept.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/opening.h"

#define KEPT "/etc/firewalld/zones"

bool kept_has_tag(const char *text, const char *wanted)
{
	char tag[TAG_SIZE];

	for (const char *at = strstr(text, TAG_PREFIX); at; at = strstr(at + 1, TAG_PREFIX)) {
		snprintf(tag, sizeof(tag), "%s", at);
		if (opening_is_tag(tag, wanted[0] ? wanted : NULL))
			return true;
	}
	return false;
}

int kept_check(const char *tag, struct fault *fault)
{
	OWN_DIR DIR *list = opendir(KEPT);
	const struct dirent *entry;

	while (list && (entry = readdir(list))) {
		OWN_FD int fd = openat(dirfd(list), entry->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		const size_t length = strlen(entry->d_name);
		char text[32 * 1024];
		ssize_t n = length > 4 && !strcmp(entry->d_name + length - 4, ".xml") && fd >= 0 ? read(fd, text, sizeof(text) - 1) :
												   0;

		text[n < 0 ? 0 : n] = '\0';
		if (kept_has_tag(text, tag))
			return fault_set(fault, FAULT_FAILED,
					 "%s/%s: somebody has saved acmegate's rule there, and firewalld is not "
					 "running; start it, and run acmegate recover",
					 KEPT, entry->d_name);
	}
	return 0;
}
