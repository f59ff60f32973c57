// SPDX-License-Identifier: GPL-3.0-or-later
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>

#include "log.h"

#define MOST_LINES 200 /* a program that prints without end does not fill the log */

static _Noreturn void become(char *const argv[], char *const environment[], int output)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
	    dup2(output, STDERR_FILENO) >= 0 && close_range(STDERR_FILENO + 1, ~0U, 0) == 0)
		execve(argv[0], argv, environment);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Logs the whole lines in buffer and keeps the rest; a line longer than the buffer is cut. */
static size_t log_lines(const char *who, char *buffer, size_t used, size_t size, int *lines)
{
	char *start = buffer, *end;

	while ((end = memchr(start, '\n', used - (size_t)(start - buffer))) || (start == buffer && used == size)) {
		size_t length = end ? (size_t)(end - start) : used;

		if ((*lines)++ < MOST_LINES)
			log_info("%s: %.*s", who, (int)length, start);
		start = end ? end + 1 : buffer + used;
	}
	used -= (size_t)(start - buffer);
	memmove(buffer, start, used);
	return used;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* One read from the pipe; false at its end. */
static bool take_output(const char *who, int output, char *buffer, size_t size, size_t *used, int *lines)
{
	ssize_t n = read(output, buffer + *used, size - *used);

	if (n < 0 && errno == EINTR)
		return true;
	if (n > 0)
		*used = log_lines(who, buffer, *used + (size_t)n, size, lines);
	return n > 0;
}

/*
 * Logs until the program has ended: true, or the time is up: false. What a daemon that it started holds open does not count;
 * what the program printed before it ended does.
 */
static bool follow(const char *who, int output, int pidfd, int64_t end)
{
	char buffer[512];
	size_t used = 0;
	int lines = 0;
	bool ended = false, open = true;

	while (!ended) {
		struct pollfd wait[] = { { .fd = pidfd, .events = POLLIN }, { .fd = open ? output : -1, .events = POLLIN } };
		int64_t left = end - now_ms();

		if (left <= 0 || poll(wait, 2, (int)left) == 0)
			return false;
		ended = wait[0].revents != 0 && !(wait[1].revents & POLLIN);
		if (wait[1].revents)
			open = take_output(who, output, buffer, sizeof(buffer), &used, &lines);
	}
	if (used)
		log_info("%s: %.*s", who, (int)used, buffer);
	return true;
}

int run_program(const char *who, char *const argv[], char *const environment[], unsigned int seconds,
		struct fault *fault)
{
	OWN_FD int pidfd = -1;
	int ends[2], status = 0;
	bool in_time;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fault_errno(fault, FAULT_LATER, "running %s", argv[0]);
	pid = fork();
	if (pid == 0)
		become(argv, environment, ends[1]);
	pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
	close(ends[1]);
	in_time = pidfd >= 0 && follow(who, ends[0], pidfd, now_ms() + seconds * INT64_C(1000));
	close(ends[0]);
	if (pid < 0)
		return fault_errno(fault, FAULT_LATER, "running %s", argv[0]);
	if (!in_time)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!in_time)
		return fault_set(fault, FAULT_FAILED, "%s did not end within %u seconds and was killed", argv[0], seconds);
	if (WIFSIGNALED(status))
		return fault_set(fault, FAULT_FAILED, "%s died of signal %d", argv[0], WTERMSIG(status));
	if (WEXITSTATUS(status))
		return fault_set(fault, FAULT_FAILED, "%s ended with status %d", argv[0], WEXITSTATUS(status));
	return 0;
}
