// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "base/kernel.h"
#include "base/log.h"
#include "base/sandbox.h"

#define MOST_LINES 200 /* a program that prints without end does not fill the log */

/* What to do with the output: log it line by line, or keep it. */
struct sink {
	const char *who; /* NULL: keep it */
	char *buffer;
	size_t used, size, most;
	int lines;
	bool full, dies_with_us, disarmed, hook;
	pid_t pid;
};

/* Its name in its directory, which is entered with all rights; they are gone then. NULL: errno. */
static const char *disarm(const char *program)
{
	const char *name = strrchr(program, '/') + 1;
	char directory[PATH_MAX];
	struct fault fault;

	snprintf(directory, sizeof(directory), "%.*s", (int)(name - program), program);
	return chdir(directory) == 0 && sandbox_disarm(&fault) == 0 ? name : NULL;
}

static _Noreturn void become(const struct sink *sink, char *const argv[], char *const environment[], int output)
{
	const char *program;
	struct fault fault;
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int number = 1; number < 32; number++) /* the watchdog ignores them, and that would be inherited */
		signal(number, SIG_DFL);
	setpgid(0, 0);
	if (sink->hook && sandbox_give_up_firewall(&fault) < 0) {
		dprintf(output, "%s\n", fault.text);
		_exit(127);
	}
	if (sink->dies_with_us)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0 &&
	    close_range(STDERR_FILENO + 1, ~0U, 0) == 0 && (program = sink->disarmed ? disarm(argv[0]) : argv[0]))
		execve(program, argv, environment);
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
			log_notice("%s: %.*s", who, (int)length, start);
		start = end ? end + 1 : buffer + used;
	}
	used -= (size_t)(start - buffer);
	memmove(buffer, start, used);
	return used;
}

static int caller = -1;

void run_while(int channel)
{
	caller = channel;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Room for another byte and a NUL. */
static bool make_room(struct sink *sink)
{
	size_t size = sink->size * 2;
	char *buffer;

	if (sink->who || sink->size - sink->used > 1)
		return true;
	buffer = size > sink->most ? NULL : realloc(sink->buffer, size);
	sink->full = !buffer;
	if (!buffer)
		return false;
	sink->buffer = buffer;
	sink->size = size;
	return true;
}

/* One read from the pipe; false at its end. */
static bool take_output(struct sink *sink, int output)
{
	ssize_t n;

	if (!make_room(sink))
		return false;
	n = read(output, sink->buffer + sink->used, sink->size - sink->used - !sink->who);
	if (n < 0 && errno == EINTR)
		return true;
	if (n > 0)
		sink->used += (size_t)n;
	if (n > 0 && sink->who)
		sink->used = log_lines(sink->who, sink->buffer, sink->used, sink->size, &sink->lines);
	return n > 0;
}

/*
 * Takes the output until the program has ended: true, or the time is up, the output too much or the caller gone: false. What a daemon that it
 * started holds open does not count; what the program printed before it ended does.
 */
static bool follow(struct sink *sink, int output, int pidfd, int64_t end)
{
	bool ended = false, open = true;

	while (!ended && !sink->full) {
		struct pollfd wait[] = { { .fd = pidfd, .events = POLLIN },
					 { .fd = open ? output : -1, .events = POLLIN },
					 { .fd = caller } };
		int64_t left = end - now_ms();
		int n = left <= 0 ? 0 : poll(wait, LENGTH_OF(wait), (int)left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || wait[2].revents)
			return false;
		ended = wait[0].revents != 0 && !(wait[1].revents & POLLIN);
		if (wait[1].revents)
			open = take_output(sink, output);
	}
	return !sink->full;
}

static int run(struct sink *sink, char *const argv[], char *const environment[], unsigned int seconds, struct fault *fault)
{
	OWN_FD int pidfd = -1;
	int ends[2], status = 0;
	bool in_time;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fault_errno(fault, FAULT_LATER, "running %s", argv[0]);
	pid = fork();
	if (pid == 0)
		become(sink, argv, environment, ends[1]);
	if (pid > 0)
		(void)setpgid(pid, pid); /* the child does so too: a group to kill must be there, whichever comes first */
	sink->pid = pid;
	pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
	close(ends[1]);
	in_time = pidfd >= 0 && follow(sink, ends[0], pidfd, now_ms() + seconds * INT64_C(1000));
	close(ends[0]);
	if (pid < 0)
		return fault_errno(fault, FAULT_LATER, "running %s", argv[0]);
	if (!in_time)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (sink->full)
		return fault_set(fault, FAULT_FAILED, "%s printed too much and was killed", argv[0]);
	if (!in_time)
		return fault_set(fault, FAULT_FAILED, "%s did not end within %u seconds and was killed", argv[0], seconds);
	if (WIFSIGNALED(status))
		return fault_set(fault, FAULT_FAILED, "%s died of signal %d", argv[0], WTERMSIG(status));
	return WEXITSTATUS(status);
}

int run_program(const char *who, char *const argv[], char *const environment[], unsigned int seconds, enum run_rights rights,
		struct fault *fault)
{
	char buffer[512];
	struct sink sink = { .who = who,
			     .buffer = buffer,
			     .size = sizeof(buffer),
			     .dies_with_us = rights == RUN_FOR_THE_FIREWALL,
			     .hook = rights == RUN_WITHOUT_FIREWALL };
	int status = run(&sink, argv, environment, seconds, fault);

	if (sink.used)
		log_notice("%s: %.*s", who, (int)sink.used, buffer);
	if (status > 0)
		return fault_set(fault, status == STATUS_LATER ? FAULT_LATER : FAULT_FAILED, "%s ended with status %d", argv[0],
				 status);
	return status;
}

size_t run_split(char *command, char *words[], size_t size)
{
	char *save = NULL;
	size_t n = 0;

	for (char *word = strtok_r(command, " \t", &save); word && n < size - 1; word = strtok_r(NULL, " \t", &save))
		words[n++] = word;
	words[n] = NULL;
	return n;
}

static int capture(struct sink *sink, char *const argv[], char *const environment[], unsigned int seconds, char **output,
		   struct fault *fault)
{
	int status;

	*output = sink->buffer = malloc(4096);
	if (!sink->buffer)
		return fault_errno(fault, FAULT_LATER, "running %s", argv[0]);
	sink->size = 4096;
	sink->dies_with_us = true;
	status = run(sink, argv, environment, seconds, fault);
	*output = sink->buffer;
	sink->buffer[sink->used] = '\0';
	return status;
}

int run_capture(char *const argv[], char *const environment[], unsigned int seconds, size_t most, char **output, pid_t *pid,
		struct fault *fault)
{
	struct sink sink = { .most = most };
	int status = capture(&sink, argv, environment, seconds, output, fault);

	*pid = sink.pid;
	return status;
}

int run_disarmed(char *const argv[], char *const environment[], unsigned int seconds, size_t most, char **output, struct fault *fault)
{
	struct sink sink = { .most = most, .disarmed = true };

	return capture(&sink, argv, environment, seconds, output, fault);
}
