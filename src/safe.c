// SPDX-License-Identifier: GPL-3.0-or-later
#include "safe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

/* The sticky bit keeps others from replacing an entry of a directory that they may write, as in /tmp. */
static int check(const struct stat *s, const char *path, struct fault *fault)
{
	bool shared = S_ISDIR(s->st_mode) && (s->st_mode & S_ISVTX);

	if (s->st_uid != 0 && s->st_uid != geteuid())
		return fault_set(fault, FAULT_USAGE, "%s belongs to user %u; make it root's: chown root %s", path, s->st_uid,
				 path);
	if ((s->st_mode & (S_IWGRP | S_IWOTH)) && !shared)
		return fault_set(fault, FAULT_USAGE, "%s can be written by others; take that away: chmod go-w %s", path, path);
	return 0;
}

static int check_parent(const char *path, struct fault *fault)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	struct stat s;

	if (!slash)
		snprintf(parent, sizeof(parent), ".");
	else
		snprintf(parent, sizeof(parent), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (stat(parent, &s) < 0)
		return fault_errno(fault, FAULT_USAGE, "%s", parent);
	return check(&s, parent, fault);
}

int safe_open(const char *path, struct fault *fault)
{
	OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat s;

	if (fd < 0 || fstat(fd, &s) < 0)
		return fault_errno(fault, FAULT_USAGE, "%s", path);
	if (!S_ISREG(s.st_mode))
		return fault_set(fault, FAULT_USAGE, "%s is not a regular file", path);
	if (check(&s, path, fault) < 0 || check_parent(path, fault) < 0)
		return -1;
	return steal_fd(&fd);
}

int safe_program(const char *path, struct fault *fault)
{
	struct stat s;

	if (stat(path, &s) < 0)
		return fault_errno(fault, FAULT_USAGE, "%s", path);
	if (!S_ISREG(s.st_mode) || !(s.st_mode & S_IXUSR))
		return fault_set(fault, FAULT_USAGE, "%s is not an executable file", path);
	if (check(&s, path, fault) < 0)
		return -1;
	return check_parent(path, fault);
}

int safe_directory(const char *path, struct fault *fault)
{
	OWN_FD int fd = -1;
	struct stat s;

	if (mkdir(path, 0711) < 0 && errno != EEXIST)
		return fault_errno(fault, FAULT_USAGE, "making the directory %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &s) < 0)
		return fault_errno(fault, FAULT_USAGE, "%s", path);
	if (check(&s, path, fault) < 0 || check_parent(path, fault) < 0)
		return -1;
	return steal_fd(&fd);
}
