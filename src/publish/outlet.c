// SPDX-License-Identifier: GPL-3.0-or-later
#include "publish/outlet.h"

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

static int open_way(struct beside *beside, const char *path, char last[PATH_SIZE], struct fault *fault)
{
	char copy[PATH_SIZE], *rest = NULL, *name, *next;
	struct way way = { 0 };

	snprintf(copy, sizeof(copy), "%s", path);
	beside->dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	name = strtok_r(copy, "/", &rest);
	while (name && beside->dir >= 0) {
		OWN_FD int above = beside->dir;

		next = strtok_r(NULL, "/", &rest);
		if (!next) {
			beside->dir = steal_fd(&above);
			snprintf(last, PATH_SIZE, "%s", name);
			return check(&way, beside->dir, path, true, fault);
		}
		beside->dir = -1;
		if (check(&way, above, path, false, fault) < 0)
			return -1;
		beside->dir = owner_step(above, name, O_PATH);
		name = next;
	}
	return beside->dir < 0 ? refuse(path, fault) : fault_set(fault, FAULT_FAILED, "%s: expected the path of a file", path);
}

/* With no right of the group's yet: it becomes another one. */
static int make(struct beside *beside, const char *last)
{
	int rc = owner_become(beside->dir) < 0 ? -1 : beside_make(beside, last);

	owner_leave();
	return rc;
}

static int give(const struct beside *beside, mode_t mode, gid_t group)
{
	int rc;

	if (fchown(beside->fd, (uid_t)-1, group) < 0)
		return -1;
	rc = owner_become(beside->dir) < 0 ? -1 : fchmod(beside->fd, mode);
	owner_leave();
	return rc;
}

int outlet_open(struct beside *beside, const char *path, mode_t mode, gid_t group, struct fault *fault)
{
	char last[PATH_SIZE];

	beside->path = path;
	if (open_way(beside, path, last, fault) < 0)
		return -1;
	return make(beside, last) < 0 || give(beside, mode, group) < 0 ? refuse(path, fault) : 0;
}

int outlet_publish(struct beside *beside, struct fault *fault)
{
	int rc = owner_become(beside->dir) < 0 ? -1 : beside_put(beside);

	owner_leave();
	return rc == 0 ? 0 : refuse(beside->path, fault);
}

/* One that may not become the owner leaves the file: the next run removes it. */
void outlet_close(struct beside *beside)
{
	if (beside->fd < 0 || owner_become(beside->dir) < 0)
		beside->name[0] = '\0';
	beside_close(beside);
	owner_leave();
}
