// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/helper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/launch.h"

#define MOST_WORDS 64
#define MOST_BYTES (64 * 1024) /* that a helper prints */

struct ruleset {
	const struct helper *helper;
	char command[COMMAND_SIZE]; /* of the administrator's */
	uint16_t port;
	uint32_t seconds;
};

/* The code of a fault: there is no such firewall; it has said no, or nothing in time; it cannot be asked. */
enum { CODE_NOBODY = ESRCH, CODE_REFUSED = EPERM, CODE_NO_WAY = EIO };

static int is_nonsense(const struct helper *helper, int status, const char *answer, struct fault *fault)
{
	fault_set(fault, FAULT_FAILED, "acmegate%s gave no answer that acmegate knows (status %d): %.200s", helper->program, status,
		  answer);
	fault->code = CODE_NO_WAY;
	return -1;
}

/* Runs acmegate's own helper. What it prints is the caller's to free. */
static int run_own(const struct helper *helper, char *verb, char *const environment[], char **answer, struct fault *fault)
{
	char path[PATH_MAX];
	char *argv[] = { path, verb, NULL };
	pid_t pid;
	int status = launch_find(helper->program, path, fault) < 0 ?
			     -1 :
			     launch_capture(argv, environment, helper->seconds, LAUNCH_DISARMED, MOST_BYTES, answer, &pid, fault);

	if (status < 0)
		fault->code = CODE_NO_WAY;
	if (status <= 0)
		return status;
	if (status != STATUS_FAILED && status != STATUS_LATER && status != HELPER_NOBODY && status != HELPER_REFUSED)
		return is_nonsense(helper, status, *answer, fault);
	(*answer)[strcspn(*answer, "\n")] = '\0';
	if (!(*answer)[0])
		return is_nonsense(helper, status, "nothing", fault);
	fault_set(fault, status == STATUS_LATER ? FAULT_LATER : FAULT_FAILED, "%s", *answer);
	fault->code = status == HELPER_NOBODY ? CODE_NOBODY : status == STATUS_FAILED ? CODE_NO_WAY : CODE_REFUSED;
	return -1;
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

/* The caller frees *answer, the output of acmegate's own helper. 0, or -1 with a fault in the helper's words. */
static int ask(const struct ruleset *ruleset, const char *verb, const char *tag, const struct opening *opening, char **answer,
	       struct fault *fault)
{
	const struct helper *helper = ruleset->helper;
	const uint16_t port = !opening || helper->outside ? ruleset->port : opening->target;
	const uint32_t seconds = opening ? opening->seconds : ruleset->seconds;
	const bool in_half = opening && seconds / 2 < helper->seconds;
	char action[32], mark[32 + TAG_SIZE], ports[32], time[32];
	char *environment[] = { mark,
				action,
				ports,
				time,
				(char[]){ "LC_ALL=C" },
				(char[]){ "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
				NULL };

	*answer = NULL;
	snprintf(action, sizeof(action), "ACMEGATE_ACTION=%s", verb);
	snprintf(mark, sizeof(mark), "ACMEGATE_TAG=%s", tag ? tag : "");
	snprintf(ports, sizeof(ports), "ACMEGATE_PORT=%u", port);
	snprintf(time, sizeof(time), "ACMEGATE_SECONDS=%u", seconds);
	return helper->program ?
		       run_own(helper, strchr(action, '=') + 1, environment, answer, fault) :
		       run_command(ruleset, strchr(action, '=') + 1, environment, in_half ? seconds / 2 : helper->seconds, fault);
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
		return is_nonsense(ruleset->helper, 0, answer, fault);
	return (int)strtol(answer, NULL, 10);
}

/* The lines are commands, and nothing that a terminal would obey. */
static int read_plan(const struct helper *helper, char *answer, struct plan *plan, struct fault *fault)
{
	const size_t before = plan->lines;
	char *end;

	for (char *line = answer; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		if (strncmp(line, helper->plan_line, strlen(helper->plan_line)) || (size_t)(end - line) >= sizeof(plan->line[0]))
			return is_nonsense(helper, 0, line, fault);
		for (const char *c = line; c < end; c++)
			if ((unsigned char)*c < 0x20 || *c == 0x7f)
				return is_nonsense(helper, 0, line, fault);
		if (plan->lines < PLAN_LINES)
			memcpy(plan->line[plan->lines++], line, (size_t)(end - line) + 1);
	}
	return plan->lines > before || before == PLAN_LINES ? 0 : is_nonsense(helper, 0, answer, fault);
}

int helper_plan(struct ruleset *ruleset, const struct opening *opening, struct plan *plan, struct fault *fault)
{
	OWN_FREE char *answer = NULL;

	if (ruleset->helper->program)
		return ask(ruleset, "plan", opening->tag, opening, &answer, fault) < 0 ?
			       -1 :
			       read_plan(ruleset->helper, answer, plan, fault);
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

int helper_attach(struct ruleset **out, const struct helper *helper, const struct config *config, struct fault *fault)
{
	struct ruleset *ruleset;

	if (!helper->program && !config->gate.command[0])
		return 0;
	ruleset = calloc(1, sizeof(*ruleset));
	if (!ruleset)
		return fault_errno(fault, FAULT_LATER, "preparing to run a helper");
	ruleset->helper = helper;
	memcpy(ruleset->command, config->gate.command, sizeof(ruleset->command));
	ruleset->port = config->gate.port;
	ruleset->seconds = config->gate.max_open;
	*out = ruleset;
	return 1;
}

void helper_detach(struct ruleset *ruleset)
{
	free(ruleset);
}
