// SPDX-License-Identifier: GPL-3.0-or-later
#include "setup/paper.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_BYTES (1024 * 1024) /* of a configuration */

void paper_free(struct paper *paper)
{
	free(paper->text);
	*paper = (struct paper){ 0 };
}

static int read_all(int fd, struct paper *paper)
{
	ssize_t n = 0;

	while (paper->length < MOST_BYTES && (n = read(fd, paper->text + paper->length, MOST_BYTES - paper->length)) > 0)
		paper->length += (size_t)n;
	paper->text[paper->length] = '\0';
	return n < 0 ? -1 : 0;
}

int paper_read(const char *path, struct paper *paper, struct fault *fault)
{
	OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;

	*paper = (struct paper){ 0 };
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &status) < 0)
		return fault_errno(fault, FAULT_FAILED, "%s", path);
	if (!S_ISREG(status.st_mode) || status.st_size >= MOST_BYTES)
		return fault_set(fault, FAULT_FAILED, "%s: expected a file of less than %d bytes", path, MOST_BYTES);
	*paper = (struct paper){
		.exists = true, .text = malloc(MOST_BYTES + 1), .uid = status.st_uid, .gid = status.st_gid, .mode = status.st_mode & 07777
	};
	return paper->text && read_all(fd, paper) == 0 ? 0 : fault_errno(fault, FAULT_FAILED, "%s", path);
}

static int write_all(int fd, const struct paper *paper)
{
	for (size_t done = 0; done < paper->length;) {
		ssize_t n = write(fd, paper->text + done, paper->length - done);

		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return fchown(fd, paper->uid, paper->gid) < 0 || fchmod(fd, paper->mode) < 0 || fsync(fd) < 0 ? -1 : 0;
}

static int write_beside(int directory, const char *name, const struct paper *paper)
{
	char beside[NAME_MAX + 1];
	OWN_FD int fd = -1;

	if (snprintf(beside, sizeof(beside), ".%s.acmegate-new", name) >= (int)sizeof(beside)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	(void)unlinkat(directory, beside, 0); /* of a setup that was killed */
	fd = openat(directory, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && write_all(fd, paper) == 0 && renameat(directory, beside, directory, name) == 0)
		return 0;
	if (fd >= 0)
		(void)unlinkat(directory, beside, 0);
	return -1;
}

int paper_write(const char *path, const struct paper *paper, struct fault *fault)
{
	char target[PATH_MAX], folder[PATH_MAX];
	OWN_FD int directory = -1;
	const char *name;
	int rc;

	if (!realpath(path, target)) /* a link stays one */
		snprintf(target, sizeof(target), "%s", path);
	name = strrchr(target, '/') + 1;
	snprintf(folder, sizeof(folder), "%.*s", (int)(name - target), target);
	directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return fault_errno(fault, FAULT_FAILED, "%s", folder);
	rc = paper->exists ? write_beside(directory, name, paper) : unlinkat(directory, name, 0);
	if (rc < 0 && (paper->exists || errno != ENOENT))
		return fault_errno(fault, FAULT_FAILED, "%s", target);
	return fsync(directory) < 0 ? fault_errno(fault, FAULT_FAILED, "%s", folder) : 0;
}

bool paper_is_same(const struct paper *a, const struct paper *b)
{
	if (!a->exists || !b->exists)
		return a->exists == b->exists;
	return a->length == b->length && !memcmp(a->text, b->text, a->length) && a->mode == b->mode && a->uid == b->uid &&
	       a->gid == b->gid;
}
