// SPDX-License-Identifier: GPL-3.0-or-later
#include "window.h"

#include <stdio.h>
#include <string.h>
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

int window_prepare(struct window *window, struct journal *journal, const struct config *config, struct fault *fault)
{
	memset(window, 0, sizeof(*window));
	window->journal = journal;
	if (opening_make(&window->opening, config->gate.port, config->gate.max_open, fault) < 0 ||
	    attach(window, config, fault) < 0)
		return -1;
	for (int i = 0; backends[i]; i++)
		if (window->ruleset[i] &&
		    (backends[i]->plan(window->ruleset[i], &window->opening, &window->plan, fault) < 0 ||
		     backends[i]->digest(window->ruleset[i], window->before[i], fault) < 0))
			return -1;
	return 0;
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
}

static int close_all(const char *tag, struct fault *fault)
{
	int rc = 0;

	for (int i = 0; backends[i]; i++) {
		struct ruleset *ruleset = NULL;
		int attached = backends[i]->attach(&ruleset, fault);

		if (attached < 0 || (attached && backends[i]->close(ruleset, tag, fault) < 0))
			rc = -1;
		if (attached > 0)
			backends[i]->detach(ruleset);
	}
	return rc;
}

/* Any tag, not the journal's only: there is one warden at a time, so whatever else carries a tag is a leftover too. */
int window_recover(struct journal *journal, bool force, struct fault *fault)
{
	bool armed = journal->armed;

	if (!armed && !force)
		return 0;
	if (close_all(NULL, fault) < 0)
		return fault_at(fault, "closing what an earlier run left open");
	if (armed && journal_clear(journal, fault) < 0)
		return -1;
	return armed;
}
