// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/safe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_LINKS 40 /* the kernel's own limit */

/* The sticky bit keeps others from replacing an entry of a directory that they may write, as in /tmp. A link has no mode. */
static int check(const struct stat *s, const char *path, struct fault *fault)
{
	bool shared = S_ISDIR(s->st_mode) && (s->st_mode & S_ISVTX);

	if (s->st_uid != 0 && s->st_uid != geteuid())
		return fault_set(fault, FAULT_USAGE, "%s belongs to user %u; make it root's: chown root %s", path, s->st_uid, path);
	if ((s->st_mode & (S_IWGRP | S_IWOTH)) && !shared && !S_ISLNK(s->st_mode))
		return fault_set(fault, FAULT_USAGE, "%s can be written by others; take that away: chmod go-w %s", path, path);
	return 0;
}

/* A path: the part that is checked already, and the rest. */
struct way {
	char gone[PATH_MAX], left[2 * PATH_MAX];
	int links;
};

static int too_long(const char *path, struct fault *fault)
{
	return fault_set(fault, FAULT_USAGE, "%s is too long, or a loop of symbolic links", path);
}

/* The target takes the place of the link. */
static int follow(struct way *way, const char *path, struct fault *fault)
{
	char target[PATH_MAX], left[sizeof(way->left)];
	ssize_t n = readlink(way->gone, target, sizeof(target) - 1);
	char *slash = strrchr(way->gone, '/');
	int length;

	if (n < 0)
		return fault_errno(fault, FAULT_USAGE, "%s", way->gone);
	target[n] = '\0';
	length = snprintf(left, sizeof(left), "%s/%s", target, way->left);
	if (++way->links > MOST_LINKS || length >= (int)sizeof(left))
		return too_long(path, fault);
	memcpy(way->left, left, (size_t)length + 1);
	*(target[0] == '/' ? way->gone : slash) = '\0';
	return 0;
}

/* Checks one more name. "", "." and ".." lead to directories that are checked already. */
static int step(struct way *way, const char *path, struct fault *fault)
{
	size_t length = strcspn(way->left, "/"), used = strlen(way->gone);
	char name[NAME_MAX + 1];
	struct stat s;

	if (length > NAME_MAX || used + length + 2 > sizeof(way->gone))
		return too_long(path, fault);
	memcpy(name, way->left, length);
	name[length] = '\0';
	memmove(way->left, way->left + length + (way->left[length] == '/'), strlen(way->left + length) + 1);
	if (!name[0] || !strcmp(name, "."))
		return 0;
	if (!strcmp(name, "..")) {
		way->gone[used ? strrchr(way->gone, '/') - way->gone : 0] = '\0';
		return 0;
	}
	snprintf(way->gone + used, sizeof(way->gone) - used, "/%s", name);
	if (lstat(way->gone, &s) < 0)
		return fault_errno(fault, FAULT_USAGE, "%s", way->gone);
	if (check(&s, way->gone, fault) < 0)
		return -1;
	return S_ISLNK(s.st_mode) ? follow(way, path, fault) : 0;
}

/*
 * Every directory from the root on, and every link, as sshd does it: whoever may write one of them may put another file there.
 * The file at the end is checked, too.
 */
static int check_way(const char *path, struct fault *fault)
{
	struct way way = { .links = 0 };
	struct stat s;
	size_t used = 0;

	if (path[0] != '/') {
		if (!getcwd(way.left, PATH_MAX))
			return fault_errno(fault, FAULT_USAGE, "the current directory");
		used = strlen(way.left);
	}
	if (snprintf(way.left + used, PATH_MAX, "/%s", path) >= PATH_MAX)
		return too_long(path, fault);
	if (lstat("/", &s) < 0)
		return fault_errno(fault, FAULT_USAGE, "/");
	if (check(&s, "/", fault) < 0)
		return -1;
	while (way.left[0])
		if (step(&way, path, fault) < 0)
			return -1;
	return 0;
}

static int check_parent(const char *path, struct fault *fault)
{
	char parent[PATH_MAX];
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	while (length && path[length - 1] != '/')
		length--;
	snprintf(parent, sizeof(parent), "%.*s", (int)length, path);
	return check_way(parent, fault);
}

int safe_open(const char *path, struct fault *fault)
{
	OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat s;

	if (fd < 0 || fstat(fd, &s) < 0)
		return fault_errno(fault, FAULT_USAGE, "%s", path);
	if (!S_ISREG(s.st_mode))
		return fault_set(fault, FAULT_USAGE, "%s is not a regular file", path);
	if (check(&s, path, fault) < 0 || check_way(path, fault) < 0)
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
	return check_way(path, fault);
}

int safe_directory(const char *path, struct fault *fault)
{
	OWN_FD int fd = -1;
	struct stat s;

	if (check_parent(path, fault) < 0)
		return -1;
	if (mkdir(path, 0711) < 0 && errno != EEXIST)
		return fault_errno(fault, FAULT_USAGE, "making the directory %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &s) < 0)
		return fault_errno(fault, FAULT_USAGE, "%s", path);
	if (check(&s, path, fault) < 0 || check_way(path, fault) < 0)
		return -1;
	return steal_fd(&fd);
}
