// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/stage.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define STAGE "rehearsal"
#define DEEPEST 4 /* certificates/NAME/N/FILE */

int stage_open(const struct config *config, int state_fd, struct config *staged)
{
	OWN_FD int fd = openat(state_fd, STAGE, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const size_t size = sizeof(staged->gate.state);

	if (fd < 0)
		return -1;
	config_copy(staged, config);
	if (snprintf(staged->gate.state, size, "%s/" STAGE, config->gate.state) < (int)size)
		return steal_fd(&fd);
	errno = ENAMETOOLONG;
	return -1;
}

/* Follows no symbolic link. */
/* NOLINTNEXTLINE(misc-no-recursion): DEEPEST at most */
static void wipe(int at, const char *name, int depth)
{
	OWN_FD int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	OWN_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		(void)unlinkat(at, name, 0);
		return;
	}
	fd = -1; /* the stream's; NOLINT(clang-analyzer-deadcode.DeadStores): OWN_FD would close it */
	while (depth < DEEPEST && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			wipe(dirfd(dir), entry->d_name, depth + 1);
	(void)unlinkat(at, name, AT_REMOVEDIR);
}

void stage_strike(int stage_fd)
{
	wipe(stage_fd, "certificates", 1);
	wipe(stage_fd, "ledger", 1);
}

int stage_set(const struct config *config, int state_fd, struct config *staged, struct fault *fault)
{
	int fd = mkdirat(state_fd, STAGE, 0700) < 0 && errno != EEXIST ? -1 : stage_open(config, state_fd, staged);

	if (fd < 0)
		return fault_errno(fault, FAULT_FAILED, "%s/" STAGE, config->gate.state);
	stage_strike(fd);
	return fd;
}
