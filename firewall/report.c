// SPDX-License-Identifier: GPL-3.0-or-later
#include "firewall/report.h"

#include <string.h>

#include "base/log.h"
#include "firewall/backends.h"

#define NOTHING 2 /* to compare */

void report_opened(const struct window *window)
{
	const struct opening *opening = &window->opening;
	const struct plan *plan = &window->plan;

	if (plan->unbound)
		log_warning("this kernel cannot bind the rule to acmegate's socket (nft_socket, xt_socket): until it is closed, another "
			    "process that listens on port %u can be reached too",
			    opening->port);
	if (plan->untimed)
		log_warning("this kernel cannot end the rule in time (timeouts in sets, xt_time): if all of acmegate is killed, %s",
			    opening->own_listener ? "only the end of its socket closes the port" :
						    "the port stays open until acmegate recover runs");
	if (plan->lost[0])
		log_notice("packets of the validation miss marks that rules behind acmegate's would set, in %s; if the CA's packets or the "
			   "answers go astray, put the rule that blocks behind those",
			   plan->lost);
	if (plan->unowned)
		log_warning("this kernel cannot end the redirection with acmegate's process (tables with an owner, Linux 5.12): if all of "
			    "acmegate is killed, %s",
			    plan->untimed ? "it stays until acmegate recover runs" : "it ends in time");
	for (size_t i = 0; i < plan->lines; i++)
		log_debug("%s", plan->line[i]);
	if (plan->lines)
		log_notice("port %u open for at most %u s (%zu rule%s in %.2f ms)", opening->port, opening->seconds,
			   plan->lines - plan->sets, plan->lines - plan->sets == 1 ? "" : "s", window->open_cost * 1e3);
	else
		log_notice("port %u is not blocked by any chain; nothing to open", opening->port);
	if (plan->lost[0])
		log_notice("while the port is open, its packets miss what rules behind acmegate's set: %s", plan->lost);
}

void report_mended(struct window *window, int mended, const struct fault *fault)
{
	const char *shut = window->evidence.shut;

	if (mended < 0)
		log_warning("somebody has changed the ruleset, and the opening could not be put back: %s", fault->text);
	else if (mended > 0)
		log_notice("somebody has changed the ruleset; the opening was put back in %.1f ms", window->mend_cost * 1e3);
	if (shut[0] && strcmp(shut, window->said))
		log_warning("a rule that may shut port %u again was put ahead of acmegate's rule: %s. It is newer, and stays ahead",
			    window->opening.port, shut);
	memcpy(window->said, shut, sizeof(window->said));
}

/* 1: the same. 0: not. */
static int compare(struct window *window, unsigned char after[DIGEST_SIZE], struct fault *fault)
{
	unsigned char one[DIGEST_SIZE];
	bool same = true, any = false;

	memset(after, 0, DIGEST_SIZE);
	for (int i = 0; backends[i]; i++) {
		if (!window->ruleset[i] || !backends[i]->digest)
			continue;
		any = true;
		if (backends[i]->digest(window->ruleset[i], one, fault) < 0)
			return -1;
		same = same && !memcmp(one, window->before[i], DIGEST_SIZE);
		for (size_t j = 0; j < DIGEST_SIZE; j++)
			after[j] ^= one[j];
	}
	return any ? same : NOTHING;
}

void report_unchanged(struct window *window)
{
	unsigned char after[DIGEST_SIZE];
	struct fault fault;
	int same = compare(window, after, &fault);

	if (same < 0)
		log_warning("no rule of acmegate is left in the ruleset, but it could not be compared: %s", fault.text);
	else if (same == 1)
		log_notice("ruleset unchanged (sha256 %02x%02x%02x%02x%02x%02x...)", after[0], after[1], after[2], after[3],
			   after[4], after[5]);
	else if (!same)
		log_notice("no rule of acmegate is left in the ruleset; another program has changed it meanwhile");
}
