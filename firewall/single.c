// SPDX-License-Identifier: GPL-3.0-or-later
#include "firewall/single.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

/* Writes the holder's words for the file: its state directory as the kernel knows it, and as a person does. */
static void describe(int state_fd, const char *state, char *text, size_t size)
{
	struct stat s = { 0 };

	if (state_fd >= 0)
		(void)fstat(state_fd, &s);
	snprintf(text, size, "%llx:%llx %s", (unsigned long long)s.st_dev, (unsigned long long)s.st_ino, state);
}

/* -1 with errno. The directory is root's alone: what somebody else has put there is not used. */
static int open_lock(void)
{
	char path[64];
	struct stat s;

	if ((mkdir(SINGLE_DIRECTORY, 0700) < 0 && errno != EEXIST) || lstat(SINGLE_DIRECTORY, &s) < 0)
		return -1;
	errno = EACCES;
	if (!S_ISDIR(s.st_mode) || s.st_uid != geteuid() || (s.st_mode & (S_IWGRP | S_IWOTH)) || stat("/proc/self/ns/net", &s) < 0)
		return -1;
	snprintf(path, sizeof(path), SINGLE_DIRECTORY "/netns-%llu", (unsigned long long)s.st_ino);
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static int refuse(int fd, const char *ours, struct fault *fault)
{
	char theirs[PATH_MAX];
	ssize_t n = pread(fd, theirs, sizeof(theirs) - 1, 0);
	const char *state;

	theirs[n < 0 ? 0 : n] = '\0';
	if (!theirs[0] || !strcmp(theirs, ours)) /* one that has just begun has not written yet */
		return 0;
	state = strchr(theirs, ' ');
	fault_set(fault, FAULT_LATER,
		  "another acmegate is at work on this host, with the state directory %s: only one can open its "
		  "firewall at a time; try again when it has finished, or give both the same [gate] state",
		  state ? state + 1 : theirs);
	fault->code = EBUSY;
	return -1;
}

int single_take(int *fd, int state_fd, const char *state, struct fault *fault)
{
	char ours[PATH_MAX];
	size_t length;

	*fd = open_lock();
	if (*fd < 0 && geteuid() != 0) /* without root's rights nothing will be opened */
		return 1;
	if (*fd < 0) {
		log_warning("%s: %s; another acmegate with another state directory would not be noticed", SINGLE_DIRECTORY,
			    strerror(errno));
		return 1;
	}
	describe(state_fd, state, ours, sizeof(ours));
	if (flock(*fd, LOCK_EX | LOCK_NB) < 0) {
		int rc = refuse(*fd, ours, fault);

		close_fd(fd);
		return rc;
	}
	length = strlen(ours);
	if (pwrite(*fd, ours, length, 0) != (ssize_t)length || ftruncate(*fd, (off_t)length) < 0)
		(void)!ftruncate(*fd, 0);
	return 1;
}
