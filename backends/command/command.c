// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/command/command.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/helper.h"
#include "base/kernel.h"

#define ROUNDS 200     /* of 10 ms: for processes that were killed to go away */
#define LAST_REQUEST 1 /* second: for what a killed program has sent to be carried out before we undo it */

/* Does the environment of this process hold the tag? The program has it there, and passes it to all that it starts. */
static bool carries(pid_t pid, const char *tag)
{
	char path[32], wanted[32 + TAG_SIZE], environment[16384];
	OWN_FD int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, environment, sizeof(environment));
	return n > 0 && memmem(environment, (size_t)n, wanted, (size_t)snprintf(wanted, sizeof(wanted), "ACMEGATE_TAG=%s", tag));
}

/* Kills what has this tag in its environment; the number. */
static int kill_all(const char *tag)
{
	OWN_DIR DIR *proc = opendir("/proc");
	const struct dirent *entry;
	int n = 0;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		OWN_FD int pidfd = pid > 0 ? pidfd_open(pid, 0) : -1; /* first: so that it is this process that is looked at */

		if (pidfd < 0 || !carries(pid, tag))
			continue;
		(void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		n++;
	}
	return n;
}

/*
 * A program that opens does not always end with the process that ran it: the kernel kills the program then, but not what the
 * program has started, and that could open after we have closed.
 */
static int end_stragglers(const char *tag, struct fault *fault)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int rounds = 0;

	while (kill_all(tag)) {
		if (rounds++ == ROUNDS)
			return fault_set(fault, FAULT_LATER, "what the program had started to open cannot be ended");
		nanosleep(&pause, NULL);
	}
	if (rounds)
		sleep(LAST_REQUEST);
	return 0;
}

static const struct helper command = { .seconds = COMMAND_SECONDS, .outside = true, .before_close = end_stragglers };

static int command_attach(struct ruleset **out, const struct config *config, struct fault *fault)
{
	return helper_attach(out, &command, config, fault);
}

const struct backend command_backend = {
	.name = "command",
	.on_demand = true,
	.attach = command_attach,
	.plan = helper_plan,
	.open = helper_open,
	.close = helper_close,
	.detach = helper_detach,
};
