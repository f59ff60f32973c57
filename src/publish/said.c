// SPDX-License-Identifier: GPL-3.0-or-later
#include "publish/said.h"

#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"

#define NAME_SIZE 32

static void recall(int status_fd, const char *name, char text[FAULT_TEXT_SIZE])
{
	OWN_FD int fd = openat(status_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd < 0 ? 0 : read(fd, text, FAULT_TEXT_SIZE - 1);

	text[n > 0 ? n : 0] = '\0';
}

/* A text that cannot be kept is logged each time. */
static void keep(int status_fd, const char *name, const char *text)
{
	const ssize_t length = (ssize_t)strlen(text);
	char beside[NAME_SIZE + 8];
	OWN_FD int fd = -1;

	snprintf(beside, sizeof(beside), "%s.new", name);
	fd = openat(status_fd, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || write(fd, text, (size_t)length) != length || renameat(status_fd, beside, status_fd, name) < 0)
		(void)unlinkat(status_fd, beside, 0);
}

void said_once(int status_fd, const char *what, const char *text)
{
	char name[NAME_SIZE], before[FAULT_TEXT_SIZE];

	snprintf(name, sizeof(name), "%s.said", what);
	recall(status_fd, name, before);
	if (!strcmp(before, text))
		return;
	if (text[0]) {
		log_warning("[status] %s: %s (said once)", what, text);
		keep(status_fd, name, text);
	} else {
		log_notice("[status] %s: works again", what);
		(void)unlinkat(status_fd, name, 0);
	}
}
