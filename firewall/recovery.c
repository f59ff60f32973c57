// SPDX-License-Identifier: GPL-3.0-or-later
#include "firewall/recovery.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "firewall/single.h"
#include "firewall/window.h"

#define RECOVER_SECONDS 20 /* others may commit all the time, or hold a lock */

/* The state directory as a person knows it, or "". */
static void read_state(int state_fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", state_fd);
	n = readlink(link, path, PATH_MAX - 1);
	path[n < 0 ? 0 : n] = '\0';
}

/* Says which of the nets had closed the port. Whoever holds the journal knows that no process of that run lives any more. */
static void say_recovered(const struct opening *opening, bool armed, int recovered)
{
	if (recovered == RECOVERY_RULES && !armed)
		log_warning("the firewall had rules of acmegate that no run had left (was a ruleset loaded that was saved while the "
			    "port was open?); they are removed");
	else if (recovered == RECOVERY_RULES && opening->own_listener && opening->tag[0])
		log_warning("an earlier run was killed while port %u was open; the kernel closed it with that process, and its "
			    "rules are removed now",
			    opening->port);
	else if (recovered == RECOVERY_RULES)
		log_warning("an earlier run had left the port open; it is closed now");
	else if (recovered == RECOVERY_ARMED)
		log_warning("an earlier run ended before it could say that the port is closed; it is: no rule of acmegate is left in "
			    "the firewall");
}

/* Closing goes by tag and needs no journal, so a broken one, or none, keeps nothing open. */
static void without_journal(void)
{
	struct fault why;
	int found = window_sweep(NULL, &why);

	if (found < 0)
		log_error("%s", why.text);
	else
		log_warning("the firewall was searched without a journal: %s",
			    found ? "rules of an earlier run are removed" : "no rule of acmegate is left in it");
}

static int without_state(struct fault *fault)
{
	OWN_FD int single = -1;

	if (single_take(&single, -1, "", fault) < 0)
		return -1;
	without_journal();
	return 0;
}

/* A state directory that is not there has no journal, and nothing is armed. It is not made for a configuration that is wrong. */
static int without_trace(struct fault *fault)
{
	const struct journal clear = { .fd = -1, .single = -1 };
	OWN_FD int single = -1;
	int found;

	if (single_take(&single, -1, "", fault) < 0)
		return -1;
	found = window_sweep(&clear, fault);
	if (found > 0)
		say_recovered(&clear.opening, false, RECOVERY_RULES);
	return found < 0 ? -1 : 0;
}

/* The locks of namespace and journal, or neither. One that holds the first holds the second too, unless it is just ending. */
static int lock_host(struct journal *journal, int state_fd, const char *state, struct fault *fault)
{
	OWN_FD int single = -1;
	int taken = single_take(&single, state_fd, state, fault);

	if (taken < 0)
		return -1;
	if (journal_open(journal, state_fd, fault) < 0) {
		if (fault->kind == FAULT_LATER) /* its owner is at work */
			return -1;
		without_journal();
		return fault_at(fault, "%s/journal", state);
	}
	if (!taken)
		taken = single_take(&single, state_fd, state, fault);
	if (taken > 0) {
		journal->single = steal_fd(&single);
		return 0;
	}
	journal_close(journal);
	return taken < 0 ? -1 : fault_set(fault, FAULT_LATER, "another acmegate is at work; try again when it has finished");
}

static int recover(struct journal *journal, const char *state, struct fault *fault)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	const double end = clock_seconds() + RECOVER_SECONDS;
	const bool armed = journal->armed;
	int recovered;

	if (journal->quarantined)
		log_warning("the journal was unreadable and is kept as %s/journal.corrupt; searching the firewall for leftovers",
			    state);
	while ((recovered = window_recover(journal, fault)) < 0 && fault->kind == FAULT_LATER && clock_seconds() < end)
		nanosleep(&pause, NULL);
	if (recovered < 0)
		return -1;
	say_recovered(&journal->opening, armed, recovered);
	return 0;
}

int recovery_claim(struct journal *journal, int state_fd, enum claim how, struct fault *fault)
{
	char state[PATH_MAX];

	if (how != CLAIM_STATE || state_fd < 0)
		return how == CLAIM_WITHOUT_TRACE ? without_trace(fault) : without_state(fault);
	read_state(state_fd, state);
	if (lock_host(journal, state_fd, state, fault) < 0)
		return -1;
	if (recover(journal, state, fault) == 0)
		return 0;
	journal_close(journal);
	close_fd(&journal->single);
	return -1;
}
