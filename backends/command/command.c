// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/command/command.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/kernel.h"
#include "base/run.h"

#define MOST_WORDS 64
#define ROUNDS 200		/* of 10 ms: for processes that were killed to go away */
#define LAST_REQUEST 1		/* second: for what a killed program has sent to be carried out before we undo it */

struct ruleset {
	char command[COMMAND_SIZE];
	uint16_t port;
	uint32_t seconds;
};

static int run(const struct ruleset *ruleset, const char *action, const char *tag, unsigned int limit, struct fault *fault)
{
	char command[COMMAND_SIZE], port[32], seconds[32], what[32], mark[32 + TAG_SIZE], *words[MOST_WORDS + 2];
	char *environment[] = { mark, what, port, seconds, (char[]){ "LC_ALL=C" },
				(char[]){ "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" }, NULL };
	size_t n;

	snprintf(command, sizeof(command), "%s", ruleset->command);
	snprintf(what, sizeof(what), "ACMEGATE_ACTION=%s", action);
	snprintf(mark, sizeof(mark), "ACMEGATE_TAG=%s", tag);
	snprintf(port, sizeof(port), "ACMEGATE_PORT=%u", ruleset->port);
	snprintf(seconds, sizeof(seconds), "ACMEGATE_SECONDS=%u", ruleset->seconds);
	n = run_split(command, words, MOST_WORDS + 1);
	words[n] = strchr(what, '=') + 1;
	words[n + 1] = NULL;
	return run_program("command", words, environment, limit, RUN_FOR_THE_FIREWALL, fault) < 0 ? fault_at(fault, "%s", action) : 0;
}

/* What the last argument of the program was, its environment tells, and that of everything which it has started. */
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

/* Half of the time is for the validation, and the rest of the host is opened after this one. */
static int command_open(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	unsigned int half = opening->seconds / 2;

	return run(ruleset, "open", opening->tag, half < COMMAND_SECONDS ? half : COMMAND_SECONDS, fault);
}

static int command_close(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	if ((tag && end_stragglers(tag, fault) < 0) || run(ruleset, "close", tag ? tag : "", COMMAND_SECONDS, fault) < 0)
		return -1;
	return 1;
}

static int command_plan(struct ruleset *ruleset, const struct opening *opening, struct plan *plan, struct fault *fault)
{
	(void)fault;
	if (plan->lines < PLAN_LINES)
		snprintf(plan->line[plan->lines++], sizeof(plan->line[0]), "ACMEGATE_TAG=%s ACMEGATE_PORT=%u ACMEGATE_SECONDS=%u %s open",
			 opening->tag, opening->port, opening->seconds, ruleset->command);
	return 0;
}

static void command_detach(struct ruleset *ruleset)
{
	free(ruleset);
}

static int command_attach(struct ruleset **out, const struct config *config, struct fault *fault)
{
	struct ruleset *ruleset = config->gate.command[0] ? calloc(1, sizeof(*ruleset)) : NULL;

	if (!config->gate.command[0])
		return 0;
	if (!ruleset)
		return fault_errno(fault, FAULT_LATER, "preparing to run the command");
	snprintf(ruleset->command, sizeof(ruleset->command), "%s", config->gate.command);
	ruleset->port = config->gate.port;
	ruleset->seconds = config->gate.max_open;
	*out = ruleset;
	return 1;
}

const struct backend command_backend = {
	.name = "command",
	.on_demand = true,
	.attach = command_attach,
	.plan = command_plan,
	.open = command_open,
	.close = command_close,
	.detach = command_detach,
};
