// SPDX-License-Identifier: GPL-3.0-or-later
#include "window.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

double monotonic_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint32_t mask_of(const struct window *window)
{
	uint32_t mask = 0;

	for (uint32_t i = 0; backends[i]; i++)
		mask |= window->ruleset[i] ? 1U << i : 0;
	return mask;
}

static bool is_chosen(const struct config *config, const struct backend *backend)
{
	return config->gate.backend == BACKEND_AUTO || !strcmp(backend->name, "nftables");
}

static int attach(struct window *window, const struct config *config, struct fault *fault)
{
	for (int i = 0; backends[i]; i++)
		if (is_chosen(config, backends[i]) && backends[i]->attach(&window->ruleset[i], fault) < 0)
			return -1;
	if (!mask_of(window))
		return fault_set(fault, FAULT_FAILED, "this kernel has no nf_tables, and acmegate knows no other firewall here: "
						      "load the module (modprobe nf_tables)");
	return config->gate.backend == BACKEND_AUTO ? backend_check_unknown(fault) : 0;
}

static int watch(struct window *window, int fd, struct fault *fault)
{
	struct epoll_event readable = { .events = EPOLLIN };

	if (epoll_ctl(window->news, EPOLL_CTL_ADD, fd, &readable) < 0)
		return fault_errno(fault, FAULT_LATER, "watching the firewall");
	return 0;
}

static int plan(struct window *window, struct fault *fault)
{
	for (int i = 0; backends[i]; i++) {
		struct ruleset *ruleset = window->ruleset[i];

		if (ruleset && (backends[i]->plan(ruleset, &window->opening, &window->plan, fault) < 0 ||
				backends[i]->digest(ruleset, window->before[i], fault) < 0 ||
				watch(window, backends[i]->watch(ruleset), fault) < 0))
			return -1;
	}
	window->opening.own_listener = !window->plan.unbound;
	return 0;
}

int window_prepare(struct window *window, struct journal *journal, const struct config *config, struct fault *fault)
{
	memset(window, 0, sizeof(*window));
	window->journal = journal;
	window->news = epoll_create1(EPOLL_CLOEXEC);
	if (window->news < 0)
		return fault_errno(fault, FAULT_LATER, "watching the firewall");
	if (opening_make(&window->opening, config->gate.port, config->gate.max_open, fault) < 0 ||
	    attach(window, config, fault) < 0)
		return -1;
	return plan(window, fault);
}

int window_open(struct window *window, struct fault *fault)
{
	double start;

	window->standing = true;
	if (journal_arm(window->journal, &window->opening, mask_of(window), fault) < 0)
		return -1;
	start = monotonic_seconds();
	for (int i = 0; backends[i]; i++)
		if (window->ruleset[i] && backends[i]->open(window->ruleset[i], &window->opening, fault) < 0)
			return -1;
	window->opened = monotonic_seconds();
	window->open_cost = window->opened - start;
	return 0;
}

/* What is put back lives no longer than what was swept away would have. */
int window_mend(struct window *window, struct fault *fault)
{
	struct opening rest = window->opening;
	double left = rest.seconds - (monotonic_seconds() - window->opened);
	int mended = 0;

	rest.seconds = left < 1 ? 1 : (uint32_t)left + 1;
	for (int i = 0; backends[i]; i++) {
		int rc = window->ruleset[i] ? backends[i]->mend(window->ruleset[i], &rest, fault) : 0;

		if (rc < 0)
			return -1;
		mended |= rc;
	}
	return mended;
}

int window_close(struct window *window, struct fault *fault)
{
	double start = monotonic_seconds();
	int rc = 0;

	for (int i = 0; backends[i]; i++) /* one that fails does not keep the others open */
		if (window->ruleset[i] && backends[i]->close(window->ruleset[i], window->opening.tag, fault) < 0)
			rc = -1;
	if (rc < 0)
		return -1;
	window->close_cost = monotonic_seconds() - start;
	window->standing = false;
	return 0;
}

int window_compare(struct window *window, unsigned char after[DIGEST_SIZE], struct fault *fault)
{
	bool same = true;

	for (int i = 0; backends[i]; i++) {
		if (!window->ruleset[i])
			continue;
		if (backends[i]->digest(window->ruleset[i], after, fault) < 0)
			return -1;
		same = same && !memcmp(after, window->before[i], DIGEST_SIZE);
	}
	return same;
}

void window_free(struct window *window)
{
	for (int i = 0; backends[i]; i++)
		if (window->ruleset[i])
			backends[i]->detach(window->ruleset[i]);
	memset(window->ruleset, 0, sizeof(window->ruleset));
	close_fd(&window->news);
}

static int close_all(const char *tag, struct fault *fault)
{
	int result = 0;

	for (int i = 0; backends[i]; i++) { /* one that fails does not keep the others open */
		struct ruleset *ruleset = NULL;
		int rc = backends[i]->attach(&ruleset, fault);

		if (rc > 0) {
			rc = backends[i]->close(ruleset, tag, fault);
			backends[i]->detach(ruleset);
		}
		result = rc < 0 || result < 0 ? -1 : result | rc;
	}
	return result;
}

/*
 * Any tag, not the journal's only: there is one warden at a time, so whatever else carries a tag is a leftover too. And not
 * only when the journal is armed: a ruleset that somebody saved during a window and loads later brings the rules back.
 */
int window_recover(struct journal *journal, struct fault *fault)
{
	bool armed = journal->armed;
	int found = close_all(NULL, fault);

	if (found < 0)
		return fault_at(fault, "closing what an earlier run left open");
	if (armed && journal_clear(journal, fault) < 0)
		return -1;
	return found ? RECOVERY_RULES : armed ? RECOVERY_ARMED : RECOVERY_NOTHING;
}
