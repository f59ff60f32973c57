// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/host.h"

#include <time.h>

#include "base/log.h"
#include "command/single.h"
#include "command/tokens.h"
#include "firewall/window.h"
#include "base/wire.h"

#define RECOVER_SECONDS 20 /* others may commit all the time, or hold a lock */

/* Says which of the nets had closed the port. Whoever holds the journal knows that no process of that run lives any more. */
static void say_recovered(const struct host *host, bool armed, int recovered)
{
	const struct opening *opening = &host->journal.opening;

	if (recovered == RECOVERY_RULES && !armed)
		log_warning("rules of acmegate stood in the firewall that no run had left (was a ruleset loaded that was saved "
			    "while the port was open?); they are removed");
	else if (recovered == RECOVERY_RULES && opening->own_listener && opening->tag[0])
		log_warning("an earlier run was killed while port %u was open; the kernel closed it with that process, and its "
			    "rules are removed now", opening->port);
	else if (recovered == RECOVERY_RULES)
		log_warning("an earlier run had left the port open; it is closed now");
	else if (recovered == RECOVERY_ARMED)
		log_warning("an earlier run ended before it could say that the port is closed; it is, nothing of acmegate's "
			    "stands in the firewall");
}

/* Closing goes by tag and needs no journal, so a broken one, or none, keeps nothing open. Returns -1. */
static int without_journal(const struct host *host)
{
	struct fault why;
	int found = window_sweep(host->config, NULL, &why);

	if (found < 0)
		log_error("%s", why.text);
	else
		log_warning("the firewall was searched without a journal: %s", found ? "rules of an earlier run are removed" :
										       "nothing of acmegate's stands in it");
	return -1;
}

int host_sweep_without_state(const struct host *host, struct fault *fault)
{
	OWN_FD int single = -1;

	return single_take(&single, -1, host->config->gate.state, fault) < 0 ? -1 : without_journal(host);
}

int host_sweep_without_journal(const struct host *host, struct fault *fault)
{
	const struct journal clear = { .fd = -1, .single = -1 };
	OWN_FD int single = -1;
	int found;

	if (single_take(&single, -1, host->config->gate.state, fault) < 0)
		return -1;
	found = window_sweep(host->config, &clear, fault);
	if (found > 0)
		say_recovered(host, false, RECOVERY_RULES);
	return found < 0 ? -1 : 0;
}

/* The locks of namespace and journal, or neither. One that holds the first holds the second too, unless it is just ending. */
static int lock_host(struct host *host, struct fault *fault)
{
	OWN_FD int single = -1;
	int taken = single_take(&single, host->state_fd, host->config->gate.state, fault);

	if (taken < 0)
		return -1;
	if (journal_open(&host->journal, host->state_fd, fault) < 0) {
		if (fault->kind == FAULT_LATER) /* its owner is at work */
			return -1;
		(void)!fault_at(fault, "%s/journal", host->config->gate.state);
		return without_journal(host);
	}
	if (!taken)
		taken = single_take(&single, host->state_fd, host->config->gate.state, fault);
	if (taken > 0) {
		host->journal.single = steal_fd(&single);
		return 0;
	}
	journal_close(&host->journal);
	return taken < 0 ? -1 : fault_set(fault, FAULT_LATER, "another acmegate is at work; try again when it has finished");
}

static int recover_window(struct host *host, struct fault *fault)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	const double end = monotonic_seconds() + RECOVER_SECONDS;
	const bool armed = host->journal.armed;
	int recovered;

	if (host->journal.quarantined)
		log_warning("the journal was unreadable and is kept as %s/journal.corrupt; searching the firewall for leftovers",
			    host->config->gate.state);
	while ((recovered = window_recover(&host->journal, host->config, fault)) < 0 && fault->kind == FAULT_LATER &&
	       monotonic_seconds() < end)
		nanosleep(&pause, NULL);
	if (recovered < 0)
		return -1;
	say_recovered(host, armed, recovered);
	tokens_sweep(host->config, host->state_fd);
	return 0;
}

int host_claim(struct host *host, struct fault *fault)
{
	if (lock_host(host, fault) < 0)
		return -1;
	if (recover_window(host, fault) == 0)
		return 0;
	journal_close(&host->journal);
	close_fd(&host->journal.single);
	return -1;
}
