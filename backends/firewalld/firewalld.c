// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/firewalld/firewalld.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/firewalld/bus.h"
#include "backends/nft/survey.h"
#include "backends/nft/sweep.h"
#include "base/run.h"
#include "base/spawn.h"

#define SECONDS 10	  /* for acmegate-firewalld to end; a call that firewalld does not answer takes three */
#define MOST (64 * 1024)  /* bytes that it says */

struct ruleset {
	struct netlink netlink; /* no socket: no nf_tables */
};

/* --- asking firewalld ----------------------------------------------------------------------------------------------- */

/* The code of a fault: there is no firewalld; it has said no, or nothing in time; it cannot be asked. */
enum { CODE_NOBODY = ESRCH, CODE_REFUSED = EPERM, CODE_NO_WAY = EIO };

static int is_nonsense(int status, const char *answer, struct fault *fault)
{
	fault_set(fault, FAULT_FAILED, "acmegate-firewalld gave no answer that acmegate knows (status %d): %.200s", status, answer);
	fault->code = CODE_NO_WAY;
	return -1;
}

/* Runs acmegate-firewalld VERB TAG [PORT SECONDS]. What it says is the caller's to free. 0, or -1 with a fault in its words. */
static int ask(const char *verb, const char *tag, const struct opening *opening, char **answer, struct fault *fault)
{
	char path[PATH_MAX], words[4][32];
	char *argv[] = { path, words[0], words[1], opening ? words[2] : NULL, words[3], NULL };
	int status;

	*answer = NULL;
	snprintf(words[0], sizeof(words[0]), "%s", verb);
	snprintf(words[1], sizeof(words[1]), "%s", tag);
	snprintf(words[2], sizeof(words[2]), "%u", opening ? opening->target : 0U);
	snprintf(words[3], sizeof(words[3]), "%u", opening ? opening->seconds : 0U);
	status = spawn_find("-firewalld", path, fault) < 0 ? -1 : run_disarmed(argv, SECONDS, MOST, answer, fault);
	if (status < 0)
		fault->code = CODE_NO_WAY;
	if (status <= 0)
		return status;
	if (status != STATUS_FAILED && status != STATUS_LATER && status != STATUS_NOBODY && status != STATUS_REFUSED)
		return is_nonsense(status, *answer, fault);
	(*answer)[strcspn(*answer, "\n")] = '\0';
	if (!(*answer)[0])
		return is_nonsense(status, "nothing", fault);
	fault_set(fault, status == STATUS_LATER ? FAULT_LATER : FAULT_FAILED, "%s", *answer);
	fault->code = status == STATUS_NOBODY ? CODE_NOBODY : status == STATUS_FAILED ? CODE_NO_WAY : CODE_REFUSED;
	return -1;
}

/* The same for what is answered by a number, which it returns. */
static int ask_number(const char *verb, const char *tag, const struct opening *opening, struct fault *fault)
{
	OWN_FREE char *answer = NULL;
	size_t digits;

	if (ask(verb, tag, opening, &answer, fault) < 0)
		return -1;
	digits = strspn(answer, "0123456789");
	if (digits == 0 || digits > 5 || strcmp(answer + digits, "\n"))
		return is_nonsense(0, answer, fault);
	return (int)strtol(answer, NULL, 10);
}

/* --- opening -------------------------------------------------------------------------------------------------------- */

static int firewalld_mend(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	int made = ask_number("open", opening->tag, opening, fault);

	(void)ruleset;
	return made < 0 ? -1 : made > 0;
}

static int firewalld_open(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	return firewalld_mend(ruleset, opening, fault) < 0 ? -1 : 0;
}

/* The lines are commands, and nothing that a terminal would obey. */
static int read_plan(char *answer, struct plan *plan, struct fault *fault)
{
	const size_t before = plan->lines;
	char *end;

	for (char *line = answer; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		if (strncmp(line, "firewall-cmd --zone=", 20) || (size_t)(end - line) >= sizeof(plan->line[0]))
			return is_nonsense(0, line, fault);
		for (const char *c = line; c < end; c++)
			if ((unsigned char)*c < 0x20 || *c == 0x7f)
				return is_nonsense(0, line, fault);
		if (plan->lines < PLAN_LINES)
			memcpy(plan->line[plan->lines++], line, (size_t)(end - line) + 1);
	}
	return plan->lines > before || before == PLAN_LINES ? 0 : is_nonsense(0, answer, fault);
}

static int firewalld_plan(struct ruleset *ruleset, const struct opening *opening, struct plan *plan, struct fault *fault)
{
	OWN_FREE char *answer = NULL;

	(void)ruleset;
	if (plan->owned[0] && plan->owner_is_deaf)
		return fault_set(fault, FAULT_FAILED, "%s", plan->owned);
	if (ask("plan", opening->tag, opening, &answer, fault) < 0 || read_plan(answer, plan, fault) < 0)
		return plan->owned[0] ? fault_at(fault, "%s", plan->owned) : -1;
	plan->owned[0] = '\0';
	plan->unbound = plan->unbound || opening->own_listener;
	return 0;
}

/* --- closing -------------------------------------------------------------------------------------------------------- */

/*
 * firewalld first: a rule that went away under it is one that it can no longer remove. So what firewalld refuses to remove, or is too
 * slow for, is left to the next attempt. What is left in the kernel when it has removed its rules, or cannot be asked, goes then.
 */
static int firewalld_close(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	const struct sweep sweep = { .netlink = &ruleset->netlink, .mark = MARK_PREFIX, .tag = tag };
	int removed = ask_number("close", tag ? tag : ANY_TAG, NULL, fault), swept = 0;
	bool no_way = removed < 0 && fault->code == CODE_NO_WAY;
	struct fault left;

	if (removed < 0 && fault->code == CODE_REFUSED)
		return -1;
	if (ruleset->netlink.socket)
		swept = sweep_close(&sweep, no_way ? &left : fault);
	return swept < 0 || no_way ? -1 : removed > 0 || swept;
}

/* --- the rest ------------------------------------------------------------------------------------------------------- */

static int firewalld_attach(struct ruleset **out, const struct config *config, struct fault *fault)
{
	struct ruleset *ruleset = calloc(1, sizeof(*ruleset));

	(void)config;
	if (!ruleset)
		return fault_errno(fault, FAULT_LATER, "attaching to firewalld");
	if (netlink_open(&ruleset->netlink, fault) < 0) {
		free(ruleset);
		return -1;
	}
	*out = ruleset;
	return 1;
}

static void firewalld_detach(struct ruleset *ruleset)
{
	netlink_close(&ruleset->netlink);
	free(ruleset);
}

/* Its chains are in nf_tables. */
static int fw_admit(struct ruleset *ruleset, const struct opening *opening, const struct peer *peer, size_t n, uint64_t *admitted,
		    struct fault *fault)
{
	(void)ruleset;
	return survey_peers(opening, peer, n, admitted, fault);
}

const struct backend firewalld_backend = {
	.admit = fw_admit,
	.name = "firewalld",
	.on_demand = true,
	.last = true,
	.attach = firewalld_attach,
	.plan = firewalld_plan,
	.open = firewalld_open,
	.mend = firewalld_mend,
	.close = firewalld_close,
	.detach = firewalld_detach,
};
