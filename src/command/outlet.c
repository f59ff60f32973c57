// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/outlet.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/owner.h"

/* The way to the directory, as far as it was gone. */
struct way {
	uid_t owner; /* of the last one; not root's: of all that follow */
	bool shared; /* others may put directories there */
};

/* Each directory on the way belongs to root, or to the user as whom the file is written, who could write it anyhow. */
static int check(struct way *way, int fd, const char *path, bool last, struct fault *fault)
{
	struct stat s;

	if (fstat(fd, &s) < 0)
		return fault_errno(fault, FAULT_FAILED, "%s", path);
	if (s.st_uid != way->owner && (way->owner != 0 || way->shared))
		return fault_set(fault, FAULT_FAILED,
				 "%s: a directory on the way belongs to user %u, who is not the owner of the one above it; choose a directory "
				 "that only root and one other user can write",
				 path, s.st_uid);
	way->shared = (s.st_mode & (S_IWGRP | S_IWOTH)) != 0;
	way->owner = s.st_uid;
	if (way->shared && (last || !(s.st_mode & S_ISVTX)))
		return fault_set(fault, FAULT_FAILED,
				 "%s: others than the owner can write a directory on the way; chmod go-w takes that away", path);
	return 0;
}

static int refuse(const char *path, struct fault *fault)
{
	if (errno == ELOOP || errno == ENOTDIR)
		return fault_set(fault, FAULT_FAILED,
				 "%s: a symbolic link, or no directory, is on the way; name the directory itself", path);
	if (errno == EROFS)
		return fault_set(fault, FAULT_FAILED,
				 "%s cannot be written here; under acmegate.service that takes a drop-in with ReadWritePaths=%.*s",
				 path, (int)(strrchr(path, '/') - path), path);
	return fault_errno(fault, FAULT_FAILED, "%s", path);
}

static int open_way(struct outlet *outlet, const char *path, struct fault *fault)
{
	char copy[PATH_SIZE], *rest = NULL, *name, *next;
	struct way way = { 0 };

	snprintf(copy, sizeof(copy), "%s", path);
	outlet->dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	name = strtok_r(copy, "/", &rest);
	while (name && outlet->dir >= 0) {
		OWN_FD int above = outlet->dir;

		next = strtok_r(NULL, "/", &rest);
		if (!next) {
			outlet->dir = steal_fd(&above);
			snprintf(outlet->name, sizeof(outlet->name), "%s", name);
			return check(&way, outlet->dir, path, true, fault);
		}
		outlet->dir = -1;
		if (check(&way, above, path, false, fault) < 0)
			return -1;
		outlet->dir = owner_step(above, name, O_PATH);
		name = next;
	}
	return outlet->dir < 0 ? refuse(path, fault) : fault_set(fault, FAULT_FAILED, "%s: expected the path of a file", path);
}

/* With no right of the group's yet: it becomes another one. */
static int make(struct outlet *outlet)
{
	int rc = owner_become(outlet->dir);

	if (rc == 0) {
		(void)unlinkat(outlet->dir, outlet->beside, 0);
		outlet->fd = openat(outlet->dir, outlet->beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	owner_leave();
	return outlet->fd < 0 ? -1 : 0;
}

static int give(struct outlet *outlet, mode_t mode, gid_t group)
{
	int rc;

	if (fchown(outlet->fd, (uid_t)-1, group) < 0)
		return -1;
	rc = owner_become(outlet->dir) < 0 ? -1 : fchmod(outlet->fd, mode);
	owner_leave();
	return rc;
}

int outlet_open(struct outlet *outlet, const char *path, mode_t mode, gid_t group, struct fault *fault)
{
	outlet->path = path;
	if (open_way(outlet, path, fault) < 0)
		return -1;
	snprintf(outlet->beside, sizeof(outlet->beside), ".%s.new", outlet->name);
	return make(outlet) < 0 || give(outlet, mode, group) < 0 ? refuse(path, fault) : 0;
}

int outlet_publish(struct outlet *outlet, struct fault *fault)
{
	int rc = owner_become(outlet->dir) < 0 ? -1 : renameat(outlet->dir, outlet->beside, outlet->dir, outlet->name);

	owner_leave();
	if (rc == 0)
		outlet->beside[0] = '\0';
	return rc == 0 ? 0 : refuse(outlet->path, fault);
}

void outlet_close(struct outlet *outlet)
{
	if (outlet->fd >= 0 && outlet->beside[0] && owner_become(outlet->dir) == 0)
		(void)unlinkat(outlet->dir, outlet->beside, 0);
	owner_leave();
	close_fd(&outlet->fd);
	close_fd(&outlet->dir);
}
