// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/launch_program.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/kernel.h"
#include "base/launch.h"
#include "base/log.h"

#define MOST_LINES 200 /* a program that prints without end does not fill the log */

/* The use of the output: it is logged line by line, or kept. */
struct sink {
	const char *who; /* NULL: keep it */
	char *buffer;
	size_t used, size, most;
	int lines;
	bool full;
	enum rights rights;
};

static _Noreturn void become_program(const struct sink *sink, char *const argv[], char *const environment[], int output, pid_t parent)
{
	struct fault fault;
	int fd = open("/dev/null", O_RDONLY);

	launch_reset_signals(false);
	setpgid(0, 0);
	if (sink->rights == LAUNCH_WITHOUT_FIREWALL && sandbox_give_up_firewall(&fault) < 0) {
		dprintf(output, "%s\n", fault.text);
		_exit(127);
	}
	/* a parent that died before that sends no signal */
	if (sink->rights != LAUNCH_WITHOUT_FIREWALL && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
		_exit(127);
	if (fd >= 0 && dup2(fd, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0 &&
	    close_range(STDERR_FILENO + 1, ~0U, 0) == 0) {
		if (sink->rights != LAUNCH_DISARMED)
			execve(argv[0], argv, environment);
		else if ((fd = launch_open_directory(argv[0])) >= 0 && fchdir(fd) == 0 && sandbox_disarm(&fault) == 0)
			/* by its name: disarmed, root may not enter the way there */
			execve(strrchr(argv[0], '/') + 1, argv, environment);
	}
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

void launch_while(int channel)
{
	caller = channel;
}

/* Room for another byte and a NUL. */
static bool make_room(struct sink *sink)
{
	char *buffer = NULL;

	if (sink->who || sink->size - sink->used > 1)
		return true;
	sink->full = sink->size * 2 > sink->most || !(buffer = realloc(sink->buffer, sink->size * 2));
	if (sink->full)
		return false;
	sink->buffer = buffer;
	sink->size *= 2;
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
		int64_t left = end - clock_milliseconds();
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

static void log_command(char *const argv[])
{
	char text[FAULT_TEXT_SIZE] = "";
	size_t used = 0;

	for (size_t i = 0; argv[i] && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %s", argv[i]);
	log_trace("runs%s", text);
}

static int run(struct sink *sink, char *const argv[], char *const environment[], unsigned int seconds, pid_t *id, struct fault *fault)
{
	const int64_t start = clock_milliseconds();
	const pid_t own = getpid();
	OWN_FD int pidfd = -1;
	int ends[2], status = 0;
	bool in_time;
	pid_t pid;

	log_command(argv);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fault_errno(fault, FAULT_LATER, "running %s", argv[0]);
	pid = fork();
	if (pid == 0)
		become_program(sink, argv, environment, ends[1], own);
	if (pid > 0)
		(void)setpgid(pid, pid); /* the child does so too: a group to kill must be there, whichever comes first */
	*id = pid;
	pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
	close(ends[1]);
	in_time = pidfd >= 0 && follow(sink, ends[0], pidfd, start + seconds * INT64_C(1000));
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
	log_trace("%s ended after %lld ms, status %#x", argv[0], (long long)(clock_milliseconds() - start), (unsigned int)status);
	if (WIFSIGNALED(status))
		return fault_set(fault, FAULT_FAILED, "%s died of signal %d", argv[0], WTERMSIG(status));
	return WEXITSTATUS(status);
}

int launch_program(const char *who, char *const argv[], char *const environment[], unsigned int seconds, enum rights rights,
		   struct fault *fault)
{
	char buffer[512];
	struct sink sink = { .who = who, .buffer = buffer, .size = sizeof(buffer), .rights = rights };
	pid_t pid;
	int status = run(&sink, argv, environment, seconds, &pid, fault);

	if (sink.used)
		log_notice("%s: %.*s", who, (int)sink.used, buffer);
	if (status > 0)
		return fault_set(fault, status == STATUS_LATER ? FAULT_LATER : FAULT_FAILED, "%s ended with status %d", argv[0],
				 status);
	return status;
}

size_t launch_split(char *command, char *words[], size_t size)
{
	char *save = NULL;
	size_t n = 0;

	for (char *word = strtok_r(command, " \t", &save); word && n < size - 1; word = strtok_r(NULL, " \t", &save))
		words[n++] = word;
	words[n] = NULL;
	return n;
}

int launch_capture(char *const argv[], char *const environment[], unsigned int seconds, enum rights rights, size_t most,
		   char **output, pid_t *pid, struct fault *fault)
{
	struct sink sink = { .most = most, .size = 4096, .rights = rights };
	int status;

	*output = sink.buffer = malloc(sink.size);
	if (!sink.buffer)
		return fault_errno(fault, FAULT_LATER, "running %s", argv[0]);
	status = run(&sink, argv, environment, seconds, pid, fault);
	*output = sink.buffer;
	sink.buffer[sink.used] = '\0';
	return status;
}
