// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#define FILE_LIMIT (128 * 1024) /* bytes of a file that we would have written */

int dir_open(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* 0711 for a directory whose mode has less. */
int dir_let_pass(int fd)
{
	struct stat s;

	if (fstat(fd, &s) < 0)
		return -1;
	return (s.st_mode & 0711) == 0711 ? 0 : fchmod(fd, 0711);
}

int dir_make(int at, const char *name, bool passable)
{
	bool made = mkdirat(at, name, 0700) == 0;
	OWN_FD int fd = made || errno == EEXIST ? dir_open(at, name) : -1;

	if (fd < 0 || (passable && dir_let_pass(fd) < 0))
		return -1;
	if (fsync(at) < 0) /* also when it was there: whoever made it may have been killed before this */
		return -1;
	return steal_fd(&fd);
}

int dir_top(int state, const char *name, bool passable)
{
	OWN_FD int fd = dir_open(state, name);
	OWN_FD int listed = -1;

	if (fd >= 0)
		return passable && dir_let_pass(fd) < 0 ? -1 : steal_fd(&fd);
	listed = errno == ENOENT ? dir_open(state, ".") : -1;
	return listed < 0 ? -1 : dir_make(listed, name, passable);
}

static int write_all(int fd, const char *data, size_t length)
{
	while (length) {
		ssize_t n = write(fd, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		length -= (size_t)n;
	}
	return 0;
}

int file_write(int dir, const char *name, const char *data, size_t length, const struct certificate *access)
{
	OWN_FD int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || write_all(fd, data, length) < 0)
		return -1;
	if (access && fchmod(fd, access->mode) < 0)
		return -1;
	if (access && (access->owner || access->group) && fchown(fd, access->owner, access->group) < 0)
		return -1;
	return fsync(fd);
}

/*
 * Reads a file that the configuration gave to another user as that user: root without CAP_DAC_READ_SEARCH has no more rights than
 * others. The file system's user goes back at once. The directories are root's, and everybody may pass them.
 */
static int open_as_owner(int dir, const char *name)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(dir, name, flags);
	struct stat s;

	if (fd >= 0 || errno != EACCES || geteuid() != 0 || fstatat(dir, name, &s, AT_SYMLINK_NOFOLLOW) < 0)
		return fd;
	setfsuid(s.st_uid);
	fd = openat(dir, name, flags);
	setfsuid(geteuid());
	return fd;
}

/* A mode is its owner's to change, as whom root without CAP_FOWNER does it. */
static int set_mode(int fd, uid_t owner, mode_t mode)
{
	int rc, code;

	setfsuid(owner);
	rc = fchmod(fd, mode);
	code = errno;
	setfsuid(geteuid());
	errno = code;
	return rc;
}

/*
 * In an order that lets nobody in who may not read it before or after: first the mode loses what it will not have, then the file
 * changes hands, then the mode gains.
 */
int file_give(int dir, const char *name, const struct certificate *access)
{
	OWN_FD int fd = open_as_owner(dir, name);
	struct stat s;
	mode_t mode;

	if (fd < 0 || fstat(fd, &s) < 0)
		return -1;
	mode = s.st_mode & 07777;
	if (mode == access->mode && s.st_uid == access->owner && s.st_gid == access->group)
		return 0;
	if (mode != (mode & access->mode) && set_mode(fd, s.st_uid, mode & access->mode) < 0)
		return -1;
	if ((s.st_uid != access->owner || s.st_gid != access->group) && fchown(fd, access->owner, access->group) < 0)
		return -1;
	if ((mode & access->mode) != access->mode && set_mode(fd, access->owner, access->mode) < 0)
		return -1;
	return fsync(fd) < 0 ? -1 : 1;
}

char *file_read(int dir, const char *name, size_t *length)
{
	OWN_FD int fd = open_as_owner(dir, name);
	struct stat s;
	char *data;
	ssize_t n;

	if (fd < 0 || fstat(fd, &s) < 0)
		return NULL;
	errno = EINVAL;
	if (!S_ISREG(s.st_mode) || s.st_size > FILE_LIMIT)
		return NULL;
	data = malloc((size_t)s.st_size + 1);
	if (!data)
		return NULL;
	for (*length = 0; *length < (size_t)s.st_size; *length += (size_t)n) {
		n = pread(fd, data + *length, (size_t)s.st_size - *length, (off_t)*length);
		if (n <= 0)
			break;
	}
	data[*length] = '\0';
	return data;
}

static bool is_temporary(const char *name)
{
	return !strncmp(name, TEMPORARY, strlen(TEMPORARY));
}

int dir_each(int dir, int (*act)(int dir, const char *name, void *context), void *context)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	OWN_DIR DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!entries) {
		own_close(&fd);
		return -1;
	}
	for (errno = 0; (entry = readdir(entries)); errno = 0)
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && act(dir, entry->d_name, context) < 0)
			return -1;
	return errno ? -1 : 0;
}

static int remove_file(int dir, const char *name, void *context)
{
	(void)context;
	return unlinkat(dir, name, 0);
}

int dir_remove(int dir, const char *name)
{
	OWN_FD int inner = dir_open(dir, name);

	if (inner < 0)
		return unlinkat(dir, name, 0);
	if (dir_each(inner, remove_file, NULL) < 0)
		return -1;
	return unlinkat(dir, name, AT_REMOVEDIR);
}

static int remove_temporary(int dir, const char *name, void *context)
{
	(void)context;
	return is_temporary(name) ? dir_remove(dir, name) : 0;
}

static int clean_inside(int dir, const char *name, void *context)
{
	OWN_FD int inner = -1;

	if (is_temporary(name))
		return dir_remove(dir, name);
	inner = dir_open(dir, name);
	return inner < 0 ? 0 : dir_each(inner, remove_temporary, context);
}

int dir_clean(int dir)
{
	return dir_each(dir, clean_inside, NULL);
}

int file_replace(int dir, const char *name, const char *data, size_t length)
{
	return file_replace_for(dir, name, data, length, NULL);
}

int file_replace_for(int dir, const char *name, const char *data, size_t length, const struct certificate *access)
{
	char temporary[48];

	snprintf(temporary, sizeof(temporary), TEMPORARY "%s", name);
	if (unlinkat(dir, temporary, 0) < 0 && errno != ENOENT)
		return -1;
	if (file_write(dir, temporary, data, length, access) < 0 || renameat(dir, temporary, dir, name) < 0) {
		(void)unlinkat(dir, temporary, 0);
		return -1;
	}
	return fsync(dir);
}

bool file_exists(int dir, const char *name)
{
	struct stat s;

	return fstatat(dir, name, &s, AT_SYMLINK_NOFOLLOW) == 0;
}

bool file_is_broken(int code)
{
	return code == ENOENT || code == ENOTDIR || code == ELOOP || code == EINVAL || code == EIO;
}
