// SPDX-License-Identifier: GPL-3.0-or-later
#include "publish/beside.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int open_directory(const char *path)
{
	const int length = (int)(last_part(path) - path);
	char directory[PATH_MAX];

	if (length >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	snprintf(directory, sizeof(directory), "%.*s", length, path);
	return open(length ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int beside_make(struct beside *beside, const char *last)
{
	if (strlen(last) > BESIDE_MOST) {
		errno = ENAMETOOLONG;
		return -1;
	}
	snprintf(beside->last, sizeof(beside->last), "%s", last);
	snprintf(beside->name, sizeof(beside->name), ".%s.new", last);
	(void)unlinkat(beside->dir, beside->name, 0); /* of one that was killed */
	beside->fd = openat(beside->dir, beside->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return beside->fd < 0 ? -1 : 0;
}

int beside_put(struct beside *beside)
{
	int rc = renameat(beside->dir, beside->name, beside->dir, beside->last);

	if (rc == 0)
		beside->name[0] = '\0';
	return rc;
}

int beside_open(struct beside *beside, const char *path, struct fault *fault)
{
	const char *last = last_part(path);

	beside->path = path;
	if (!last[0] || !strcmp(last, ".") || !strcmp(last, ".."))
		return fault_set(fault, FAULT_USAGE, "%s: expected the name of a file", path);
	if (strlen(last) > BESIDE_MOST)
		return fault_set(fault, FAULT_USAGE, "%s: the name of the file is too long", path);
	beside->dir = open_directory(path);
	if (beside->dir < 0)
		return fault_errno(fault, FAULT_FAILED, "the directory of %s", path);
	if (beside_make(beside, last) < 0 || fchmod(beside->fd, 0644) < 0)
		return fault_errno(fault, FAULT_FAILED, ".%s.new, which is to be written beside %s", last, path);
	return 0;
}

int beside_rename(struct beside *beside, struct fault *fault)
{
	return fsync(beside->fd) < 0 || beside_put(beside) < 0 ? fault_errno(fault, FAULT_FAILED, "%s", beside->path) : 0;
}

void beside_close(struct beside *beside)
{
	if (beside->fd >= 0 && beside->name[0])
		(void)unlinkat(beside->dir, beside->name, 0);
	close_fd(&beside->fd);
	close_fd(&beside->dir);
}
