// SPDX-License-Identifier: GPL-3.0-or-later
#include "publish/readers.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

#define READERS "acmegate" /* units/sysusers.d */

static bool is_ledger(const char *name)
{
	return name[0] != '.' && !strchr(name, '~');
}

static void give(int dir, const char *name, gid_t group)
{
	OWN_FD int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat s;

	if (fd >= 0 && fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && fchown(fd, (uid_t)-1, group) == 0)
		(void)fchmod(fd, 0640);
}

/* The directory last: who is killed before does it again. */
void readers_let_in(int state_fd)
{
	OWN_FD int fd = openat(state_fd, "ledger", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	OWN_DIR DIR *dir = NULL;
	const struct dirent *entry;
	const struct group *group;
	struct stat s;

	if (fd < 0 || fstat(fd, &s) < 0 || (s.st_mode & S_IRGRP))
		return;
	group = getgrnam(READERS);
	dir = group ? fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) : NULL;
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (is_ledger(entry->d_name))
			give(fd, entry->d_name, group->gr_gid);
	if (fchown(fd, (uid_t)-1, group->gr_gid) == 0)
		(void)fchmod(fd, 0750);
}
