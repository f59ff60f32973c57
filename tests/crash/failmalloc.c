// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * failmalloc - LD_PRELOAD: the N-th allocation of acmegate (the privileged program: the agent's environment is emptied) gets
 * no memory, once. A child that it forks goes on with its parent's count.
 *
 *	FAILMALLOC_AT=N		which one; 0 or absent: none
 *	FAILMALLOC_LOG=FILE	"failed N" and who asked are appended there, and "allocations N" when the program ends by exit()
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The functions behind malloc in glibc. Looking them up by dlsym would itself allocate. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static long count, at = -1;
static int ready;

static void note(const char *what)
{
	const char *file = getenv("FAILMALLOC_LOG");
	char line[64];
	int fd = file ? open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
	int length = snprintf(line, sizeof(line), "%s %ld\n", what, count);

	if (fd < 0)
		return;
	(void)!write(fd, line, (size_t)length);
	if (count == at) {
		void *frames[32];

		backtrace_symbols_fd(frames, backtrace(frames, 32), fd);
	}
	close(fd);
}

static int fails(void)
{
	if (!ready)
		return 0;
	if (at < 0) {
		const char *text = getenv("FAILMALLOC_AT");

		at = text && !strcmp(program_invocation_short_name, "acmegate") ? atol(text) : 0;
	}
	if (++count != at)
		return 0;
	note("failed");
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

/* The first backtrace loads a library. */
__attribute__((constructor)) static void begin(void)
{
	void *frames[2];

	backtrace(frames, 2);
	ready = 1;
}

__attribute__((destructor)) static void end(void)
{
	if (!strcmp(program_invocation_short_name, "acmegate"))
		note("allocations");
}
