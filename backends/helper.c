// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/helper.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/kernel.h"
#include "base/launch.h"
#include "base/launch_program.h"
#include "base/log.h"
#include "base/seam.h"

#define MOST_WORDS 64
#define MOST_BYTES (64 * 1024) /* that a helper prints */
#define ROUNDS 2000	       /* of 1 ms: for processes that were killed to go away */

struct ruleset {
	const struct helper *helper;
	char command[COMMAND_SIZE]; /* of the administrator's */
	uint16_t port;
	uint32_t seconds;
};

/* The code of a fault: there is no such firewall; it has said no, or nothing in time; it cannot be asked. */
enum { CODE_NOBODY = ESRCH, CODE_REFUSED = EPERM, CODE_NO_WAY = EIO };

int helper_is_nonsense(const struct helper *helper, int status, const char *answer, struct fault *fault)
{
	fault_set(fault, FAULT_FAILED, "acmegate%s gave no answer that acmegate knows (status %d): %.200s", helper->program, status,
		  answer);
	fault->code = CODE_NO_WAY;
	return -1;
}

/* The fault of a helper of acmegate that did not do it. */
static int take_refusal(const struct helper *helper, int status, char *answer, struct fault *fault)
{
	const bool look = helper->armed && (status == HELPER_LOOK || status == HELPER_MADE);

	if (!look && status != STATUS_FAILED && status != STATUS_LATER && status != HELPER_NOBODY && status != HELPER_REFUSED)
		return helper_is_nonsense(helper, status, answer, fault);
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): who ended with a status has an answer, if an empty one */
	answer[strcspn(answer, "\n")] = '\0';
	if (!answer[0])
		return helper_is_nonsense(helper, status, "nothing", fault);
	fault_set(fault, look || status == STATUS_LATER ? FAULT_LATER : FAULT_FAILED, "%s", answer);
	fault->code = look ? status : status == HELPER_NOBODY ? CODE_NOBODY : status == STATUS_FAILED ? CODE_NO_WAY : CODE_REFUSED;
	return look ? AGAIN : -1;
}

/* Logs what acmegate's own helper has logged, ahead of its answer, and cuts it off. */
static void take_log(char *answer)
{
	static const char mark[] = "acmegate: ";
	char *rest = answer, *end;

	while (log_is_everything() && !strncmp(rest, mark, strlen(mark)) && (end = strchr(rest, '\n'))) {
		*end = '\0';
		log_trace("%s", rest + strlen(mark));
		rest = end + 1;
	}
	memmove(answer, rest, strlen(rest) + 1);
}

/* Runs acmegate's own helper. The caller frees *answer, its output. */
static int run_own(const struct helper *helper, char *verb, char *const environment[], char **answer, struct fault *fault)
{
	const size_t most = helper->most ? helper->most : MOST_BYTES;
	char path[PATH_MAX];
	char *const argv[] = { path, verb, NULL };
	const enum rights rights = helper->armed ? LAUNCH_FOR_THE_FIREWALL : LAUNCH_DISARMED;
	pid_t pid;
	int status = launch_find(helper->program, path, fault) < 0 ?
			     -1 :
			     launch_capture(argv, environment, helper->seconds, rights, most, answer, &pid, fault);

	if (*answer)
		take_log(*answer);
	if (status < 0)
		fault->code = CODE_NO_WAY;
	return status <= 0 ? status : take_refusal(helper, status, *answer, fault);
}

static int run_command(const struct ruleset *ruleset, char *verb, char *const environment[], unsigned int seconds, struct fault *fault)
{
	char command[COMMAND_SIZE], *words[MOST_WORDS + 2];
	size_t n;

	memcpy(command, ruleset->command, sizeof(command));
	n = launch_split(command, words, MOST_WORDS + 1);
	words[n] = verb;
	words[n + 1] = NULL;
	return launch_program("command", words, environment, seconds, LAUNCH_FOR_THE_FIREWALL, fault) < 0 ?
		       fault_at(fault, "%s", verb) :
		       0;
}

struct asked {
	const struct ruleset *ruleset; /* of the administrator's program; NULL: acmegate's own */
	unsigned int seconds;	       /* that it may take */
};

static int ask_any(const struct helper *helper, const struct asked *asked, const struct question *question, char **answer,
		   struct fault *fault)
{
	char action[32], mark[32 + TAG_SIZE], ports[32], time[32], debug[] = HELPER_DEBUG "=1";
	char *environment[] = { mark,
				action,
				ports,
				time,
				(char[]){ "LC_ALL=C" },
				(char[]){ "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
				NULL,
				NULL,
				NULL,
				NULL,
				NULL };
	size_t n = LENGTH_OF(environment) - 5;

	*answer = NULL;
	snprintf(action, sizeof(action), "ACMEGATE_ACTION=%s", question->verb);
	snprintf(mark, sizeof(mark), "ACMEGATE_TAG=%s", question->tag ? question->tag : "");
	snprintf(ports, sizeof(ports), "ACMEGATE_PORT=%u", question->port);
	snprintf(time, sizeof(time), "ACMEGATE_SECONDS=%u", question->seconds);
	for (size_t i = 0; i < LENGTH_OF(question->own) && question->own[i]; i++)
		environment[n++] = question->own[i];
	if (log_is_everything() && helper->program)
		environment[n++] = debug;
	environment[n] = seam_variable();
	log_trace("%s %s %s", mark, ports, time);
	if (helper->program)
		return run_own(helper, strchr(action, '=') + 1, environment, answer, fault);
	/* cppcheck-suppress nullPointer ; helper_ask() has a program, and no ruleset */
	return run_command(asked->ruleset, strchr(action, '=') + 1, environment, asked->seconds, fault); /* NOLINT */
}

int helper_ask(const struct helper *helper, const struct question *question, char **answer, struct fault *fault)
{
	return ask_any(helper, NULL, question, answer, fault);
}

/* The caller frees *answer, the output of acmegate's own helper. 0, or -1 with a fault in the helper's words. */
static int ask(const struct ruleset *ruleset, const char *verb, const char *tag, const struct opening *opening, char **answer,
	       struct fault *fault)
{
	const struct helper *helper = ruleset->helper;
	const struct question question = { .verb = verb,
					   .tag = tag,
					   .port = !opening || helper->outside ? ruleset->port : opening->target,
					   .seconds = opening ? opening->seconds : ruleset->seconds };
	const bool in_half = opening && question.seconds / 2 < helper->seconds;
	const struct asked asked = { ruleset, in_half ? question.seconds / 2 : helper->seconds };

	return ask_any(helper, &asked, &question, answer, fault);
}

/* The number of rules; of the administrator's program it is not known, and taken for one. */
static int ask_number(const struct ruleset *ruleset, const char *verb, const char *tag, const struct opening *opening,
		      struct fault *fault)
{
	OWN_FREE char *answer = NULL;
	size_t digits;

	if (ask(ruleset, verb, tag, opening, &answer, fault) < 0)
		return -1;
	if (!ruleset->helper->program)
		return 1;
	digits = strspn(answer, "0123456789");
	if (digits == 0 || digits > 5 || strcmp(answer + digits, "\n"))
		return helper_is_nonsense(ruleset->helper, 0, answer, fault);
	return (int)strtol(answer, NULL, 10);
}

int helper_take_plan(const struct helper *helper, char *answer, struct plan *plan, struct fault *fault)
{
	const size_t before = plan->lines;
	char *end;

	for (char *line = answer; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		if (strncmp(line, helper->plan_line, strlen(helper->plan_line)) || (size_t)(end - line) >= sizeof(plan->line[0]))
			return helper_is_nonsense(helper, 0, line, fault);
		for (const char *c = line; c < end; c++)
			if ((unsigned char)*c < 0x20 || *c == 0x7f)
				return helper_is_nonsense(helper, 0, line, fault);
		if (plan->lines < PLAN_LINES)
			memcpy(plan->line[plan->lines++], line, (size_t)(end - line) + 1);
	}
	return plan->lines > before || before == PLAN_LINES ? 0 : helper_is_nonsense(helper, 0, answer, fault);
}

int helper_plan(struct ruleset *ruleset, const struct opening *opening, struct plan *plan, struct fault *fault)
{
	OWN_FREE char *answer = NULL;

	if (ruleset->helper->program)
		return ask(ruleset, "plan", opening->tag, opening, &answer, fault) < 0 ?
			       -1 :
			       helper_take_plan(ruleset->helper, answer, plan, fault);
	if (plan->lines < PLAN_LINES)
		snprintf(plan->line[plan->lines++], sizeof(plan->line[0]),
			 "ACMEGATE_TAG=%s ACMEGATE_PORT=%u ACMEGATE_SECONDS=%u %s open", opening->tag, opening->port,
			 opening->seconds, ruleset->command);
	return 0;
}

int helper_mend(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	int made = ask_number(ruleset, "open", opening->tag, opening, fault);

	return made < 0 ? -1 : made > 0;
}

int helper_open(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	return helper_mend(ruleset, opening, fault) < 0 ? -1 : 0;
}

/*
 * The program first: a rule that went away under a firewall is one that it can no longer remove. So what it refuses, or is too slow
 * for, is left to the next attempt. What is left when it has removed its rules, or cannot be asked, goes by the sweep.
 */
int helper_close(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	const struct helper *helper = ruleset->helper;
	struct fault swept;
	int removed, left;

	if (tag && helper->before_close && helper->before_close(tag, fault) < 0)
		return -1;
	removed = ask_number(ruleset, "close", tag, NULL, fault);
	if (removed < 0 && (fault->code == CODE_REFUSED || !helper->sweep))
		return -1;
	left = helper->sweep ? helper->sweep(tag, &swept) : 0;
	if (removed < 0 && fault->code == CODE_NO_WAY)
		return -1;
	if (left < 0)
		*fault = swept;
	return left < 0 ? -1 : removed > 0 || left;
}

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

int helper_end(const char *tag, struct fault *fault)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int rounds = 0;

	while (kill_all(tag)) {
		if (rounds++ == ROUNDS)
			return fault_set(fault, FAULT_LATER, "what the program had started to open cannot be ended");
		nanosleep(&pause, NULL);
	}
	return rounds > 0;
}

int helper_attach(struct ruleset **out, const struct helper *helper, const struct means *means, struct fault *fault)
{
	struct ruleset *ruleset;

	if (!helper->program && !means->command[0])
		return 0;
	ruleset = calloc(1, sizeof(*ruleset));
	if (!ruleset)
		return fault_errno(fault, FAULT_LATER, "preparing to run a helper");
	ruleset->helper = helper;
	memcpy(ruleset->command, means->command, sizeof(ruleset->command));
	ruleset->port = means->port;
	ruleset->seconds = means->seconds;
	*out = ruleset;
	return 1;
}

void helper_detach(struct ruleset *ruleset)
{
	free(ruleset);
}
