/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * own.h - locals that release what they own when they go out of scope.
 *
 *	OWN_FD int fd = open(...);	closed at every return
 *	OWN_FREE char *s = strdup(...);	freed at every return
 *	return steal_fd(&fd);		hand the descriptor to the caller instead
 *
 * and the first act of every program, fill_standard().
 */
#ifndef ACMEGATE_BASE_OWN_H
#define ACMEGATE_BASE_OWN_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))

static inline void own_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void own_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void own_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Closes the descriptor, if there is one, and forgets its number. */
static inline void close_fd(int *fd)
{
	own_close(fd);
	*fd = -1;
}

/*
 * Puts /dev/null where standard input, output or error is closed: the next file that is opened would take its number, and get
 * what is printed. -1: the program must not go on.
 */
static inline int fill_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
			return -1;
	return 0;
}

#define OWN_FD __attribute__((cleanup(own_close)))
#define OWN_FREE __attribute__((cleanup(own_free)))
#define OWN_DIR __attribute__((cleanup(own_closedir)))

#endif
