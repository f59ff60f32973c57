// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/nftables.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backends/nft/sending.h"
#include "backends/nft/set.h"
#include "backends/nft/sweep.h"

/* --- choosing ----------------------------------------------------------------------------------------------------- */

/* The addresses are needed only where a rule has to list them. */
static int read_host(struct ruleset *ruleset, struct fault *fault)
{
	struct mnl_socket *route;
	bool needed = false;
	int rc;

	for (size_t i = 0; i < ruleset->spots; i++)
		needed = needed || ruleset->spot[i].bound == BOUND_BY_ADDRESS ||
			 (ruleset->spot[i].bound == BOUND_BY_FIB && !ruleset->make.routed);
	if (!needed)
		return 0;
	host_free(&ruleset->host);
	route = host_connect(fault);
	rc = route ? host_read(&ruleset->host, route, fault) : -1;
	if (route)
		mnl_socket_close(route);
	ruleset->make.host = &ruleset->host;
	return rc;
}

/*
 * A rule of ours behind an older one that blocks went to a wrong place: it was put before the rule with a handle that is another rule's
 * since the table was loaded anew. It goes, and comes back where it should be.
 */
static void take_spot(struct ruleset *ruleset, const struct spot *spot)
{
	struct spot *taken = &ruleset->spot[ruleset->spots];
	uint64_t *misplaced = ruleset->misplaced[ruleset->spots++];

	*taken = *spot;
	memset(misplaced, 0, sizeof(taken->handle));
	if (!ruleset->generation || !spot->ahead || spot->ahead > spot->handle[0])
		return;
	memcpy(misplaced, spot->handle, sizeof(taken->handle));
	memset(taken->handle, 0, sizeof(taken->handle));
	ruleset->evidence.shut[0] = '\0';
}

/* A chain that others hold is for other backends; what they can do about it they know. */
static int read_and_choose(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	const struct survey *survey = survey_choose(opening, fault);

	ruleset->planned = survey;
	ruleset->spots = 0;
	ruleset->left[0] = ruleset->owned[0] = '\0';
	ruleset->owner_is_deaf = false;
	if (!survey)
		return -1;
	ruleset->generation = survey->generation;
	memcpy(ruleset->evidence.shut, survey->shut, sizeof(survey->shut));
	snprintf(ruleset->client, sizeof(ruleset->client), "%s", survey->client);
	for (size_t i = 0; i < survey->spots; i++) {
		const struct spot *spot = &survey->spot[i];

		if (spot->holder == HOLDER_NOBODY)
			take_spot(ruleset, spot);
		else if (spot->holder == HOLDER_IPTABLES && !ruleset->left[0])
			snprintf(ruleset->left, sizeof(ruleset->left), "%s", spot->why);
		else if (spot->holder == HOLDER_OWNER || (spot->holder == HOLDER_FIREWALLD && !ruleset->owned[0]))
			snprintf(ruleset->owned, sizeof(ruleset->owned), "%s", spot->why);
		ruleset->owner_is_deaf = ruleset->owner_is_deaf || spot->holder == HOLDER_OWNER;
	}
	return read_host(ruleset, fault);
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

/*
 * Lets the kernel go through the opening without committing it: what it cannot do is known, and its modules are loaded,
 * before the window. A kernel that lacks an expression still opens, with a net less.
 */
static int rehearse(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	int rc = -1;

	for (int without = 0; without < 16 && rc < 0; without++) {
		ruleset->make.dated = !(without & 1);
		ruleset->make.routed = !(without & 2);
		ruleset->make.bound = opening->own_listener && !(without & 4);
		ruleset->make.timed = !(without & 8);
		if (read_host(ruleset, fault) < 0)
			return -1;
		rc = sending_commit(ruleset, opening, true, fault);
		if (rc == AGAIN && fault->code == ERESTART)
			return AGAIN;
	}
	if (rc < 0)
		fault->kind = FAULT_FAILED;
	ruleset->rehearsed = rc == 0;
	return rc < 0 ? fault_at(fault, "trying the opening") : 0;
}

/* A rehearsal costs a grace period of the kernel's. For a foreign listener there is little to find out, so it may come after a failure. */
static int open_spots(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	int rc = sending_commit(ruleset, opening, false, fault);

	if (rc == 0 || ruleset->rehearsed || rc == AGAIN)
		return rc;
	rc = rehearse(ruleset, opening, fault);
	if (rc < 0)
		return rc;
	ruleset->plan->untimed = ruleset->plan->untimed || !ruleset->make.timed;
	return sending_commit(ruleset, opening, false, fault);
}

/* Is that rule of the spot's still ours? A handle may be somebody else's by now. 1, 0, AGAIN or -1. */
static int is_ours(struct ruleset *ruleset, const struct spot *spot, size_t which, const char *tag, struct fault *fault)
{
	const struct sweep sweep = { .netlink = &ruleset->netlink, .mark = MARK_SET, .tag = tag, .evidence = &ruleset->evidence };

	return sweep_is_ours(&sweep, spot->family, spot->table, spot->chain, spot->handle[which], fault);
}

/* Reads each rule back by its handle: an acknowledgement is no proof. AGAIN: somebody has swept one away already. */
static int check_spots(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	for (size_t i = 0; i < ruleset->spots; i++) {
		const struct spot *spot = &ruleset->spot[i];

		for (size_t r = 0; r < LENGTH_OF(spot->handle) && spot->handle[r]; r++) {
			int ours = is_ours(ruleset, spot, r, tag, fault);

			if (ours <= 0)
				return ours < 0 ? ours : AGAIN;
		}
	}
	return 0;
}

static bool is_complete(const struct ruleset *ruleset, const struct opening *opening)
{
	for (size_t i = 0; i < ruleset->spots; i++)
		if (!sending_is_open(ruleset, &ruleset->spot[i], opening))
			return false;
	return true;
}

/* One attempt for one generation of the ruleset; the next one chooses anew. */
static int attempt_open(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	const struct opening *opening = arg;
	int rc;

	if (!ruleset->planned && read_and_choose(ruleset, opening, fault) < 0)
		return -1;
	ruleset->planned = false;
	if (is_complete(ruleset, opening))
		return 0;
	rc = open_spots(ruleset, opening, fault);
	if (rc == 0)
		rc = check_spots(ruleset, opening->tag, fault);
	return rc < 0 ? rc : 1;
}

static int nft_open(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	ruleset->lost = 0;
	sending_set_time(ruleset, opening);
	if (netlink_insist(attempt_open, ruleset, opening, fault) < 0)
		return -1;
	if (!ruleset->generation || ruleset->lost) /* others commit all the time: that is no news */
		news_rest(&ruleset->news, false);
	return 0;
}

static int nft_watch(struct ruleset *ruleset)
{
	return ruleset->news.watch;
}

/* Forgets the handles of rules that are no longer there. */
static int check_handles(struct ruleset *ruleset, struct spot *spot, const char *tag, struct fault *fault)
{
	for (size_t r = 0; r < LENGTH_OF(spot->handle); r++) {
		int ours = !spot->handle[r] ? 0 : is_ours(ruleset, spot, r, tag, fault);

		if (ours < 0)
			return ours;
		spot->handle[r] = ours ? spot->handle[r] : 0;
	}
	return 0;
}

/* Puts the rule back into the chains that had it, without a reading of all rules. 1: it did. */
static int attempt_restore(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	const struct opening *opening = arg;
	int rc = netlink_generation(&ruleset->netlink, &ruleset->generation, fault);

	memset(ruleset->misplaced, 0, sizeof(ruleset->misplaced)); /* these handles are of an older generation */
	for (size_t i = 0; i < ruleset->spots && rc == 0; i++)
		rc = check_handles(ruleset, &ruleset->spot[i], opening->tag, fault);
	if (rc < 0 || is_complete(ruleset, opening))
		return rc;
	rc = sending_commit(ruleset, opening, false, fault);
	if (rc == AGAIN && fault->code != ERESTART)
		return -1; /* a chain or what was in it is gone: only a reading helps */
	return rc < 0 ? rc : 1;
}

/*
 * First what can be done at once; then, but not after each of many commits, the whole ruleset is read, since another chain may block
 * now. What others insert ahead of our rule is newer than it, and stays ahead.
 */
static int nft_mend(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	int restored = 0, rc;
	bool look;

	ruleset->lost = 0;
	if (news_heard(&ruleset->news, ruleset->netlink.port, &look))
		restored = netlink_insist(attempt_restore, ruleset, opening, fault);
	if (!look && restored >= 0)
		return restored;
	ruleset->planned = false;
	rc = netlink_insist(attempt_open, ruleset, opening, fault);
	news_rest(&ruleset->news, rc < 0 && fault->kind == FAULT_LATER);
	return rc < 0 ? -1 : rc || restored > 0;
}

/* --- closing ------------------------------------------------------------------------------------------------------ */

/* The handles that opening got save a dump of the rules, unless something unexpected is met. */
static int nft_close(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	const struct sweep sweep = { .netlink = &ruleset->netlink,
				     .mark = MARK_SET,
				     .tag = tag,
				     .evidence = &ruleset->evidence,
				     .spot = ruleset->spot,
				     .spots = ruleset->spots };
	int rc = sweep_close(&sweep, fault);

	ruleset->spots = 0;
	return rc;
}

/* Closing has looked at each rule once more. */
static void nft_tell(const struct ruleset *ruleset, struct evidence *evidence)
{
	if (ruleset->evidence.counted)
		tag_count(evidence, ruleset->evidence.packets);
	if (!evidence->shut[0])
		memcpy(evidence->shut, ruleset->evidence.shut, sizeof(evidence->shut));
}

static int nft_admit(struct ruleset *ruleset, const struct opening *opening, const struct peer *peer, size_t n, uint64_t *admitted,
		     struct fault *fault)
{
	(void)ruleset;
	return survey_peers(opening, peer, n, admitted, fault);
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static int nft_digest(struct ruleset *ruleset, unsigned char out[DIGEST_SIZE], struct fault *fault)
{
	_Static_assert(DIGEST_SIZE == SURVEY_DIGEST_SIZE, "both are SHA-256");
	(void)ruleset;
	return survey_digest(out, fault);
}

struct planning {
	const struct opening *opening;
	struct plan *plan;
};

static void print_spot(struct plan *plan, const struct ruleset *ruleset, size_t number, const struct opening *opening)
{
	const struct spot *spot = &ruleset->spot[number];

	if (sending_begins_table(ruleset, number, opening) && plan->lines < PLAN_LINES) {
		set_print(plan->line[plan->lines++], sizeof(plan->line[0]), spot->family, spot->table, opening, ruleset->make.timed);
		plan->sets++;
	}
	for (size_t i = 0; i < sending_count(ruleset, spot, opening) && plan->lines < PLAN_LINES; i++)
		rule_print(plan->line[plan->lines++], sizeof(plan->line[0]), spot, opening, &ruleset->make, i);
	if (spot->lost[0] && !plan->lost[0])
		snprintf(plan->lost, sizeof(plan->lost), "%s %s %s: %s", nft_family(spot->family), spot->table, spot->chain,
			 spot->lost);
}

static int attempt_plan(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	const struct planning *planning = arg;
	const struct opening *opening = planning->opening;
	struct plan *plan = planning->plan;
	int rc;

	ruleset->make.timed = ruleset->make.routed = ruleset->make.dated = true;
	sending_set_time(ruleset, opening);
	rc = read_and_choose(ruleset, opening, fault);
	if (rc == 0 && ruleset->spots && opening->own_listener)
		rc = rehearse(ruleset, opening, fault);
	if (rc < 0)
		return rc;
	ruleset->plan = plan;
	plan->lines = plan->sets = 0;
	plan->lost[0] = '\0';
	snprintf(plan->owned, sizeof(plan->owned), "%s", ruleset->owned);
	plan->owner_is_deaf = ruleset->owner_is_deaf;
	for (size_t i = 0; i < ruleset->spots; i++)
		print_spot(plan, ruleset, i, opening);
	plan->unbound = plan->unbound || (ruleset->spots && opening->own_listener && !ruleset->make.bound);
	plan->untimed = plan->untimed || (ruleset->spots && !ruleset->make.timed);
	snprintf(plan->left, sizeof(plan->left), "%s", ruleset->left);
	snprintf(plan->client, sizeof(plan->client), "%s", ruleset->client);
	return 0;
}

static int nft_plan(struct ruleset *ruleset, const struct opening *opening, struct plan *plan, struct fault *fault)
{
	struct planning planning = { opening, plan };

	if (news_open(&ruleset->news, true, fault) < 0)
		return -1;
	ruleset->lost = 0;
	return netlink_insist(attempt_plan, ruleset, &planning, fault);
}

static int nft_attach(struct ruleset **out, const struct means *means, struct fault *fault)
{
	int rc = netlink_attach(out, sizeof(struct ruleset), fault);

	(void)means;
	if (rc > 0)
		(*out)->news = NEWS_CLOSED;
	return rc;
}

static void nft_detach(struct ruleset *ruleset)
{
	survey_end();
	host_free(&ruleset->host);
	netlink_close(&ruleset->netlink);
	news_close(&ruleset->news);
	free(ruleset);
}

static int nft_remark(struct ruleset *ruleset, const struct opening *opening, const struct peer *ca, size_t n, struct plan *plan,
		      struct fault *fault)
{
	(void)ruleset;
	return survey_remarks(opening, ca, n, plan_remark, plan, fault);
}

const struct backend nftables_backend = {
	.choice = BACKEND_NFTABLES,
	.attach = nft_attach,
	.plan = nft_plan,
	.open = nft_open,
	.watch = nft_watch,
	.mend = nft_mend,
	.close = nft_close,
	.tell = nft_tell,
	.admit = nft_admit,
	.remark = nft_remark,
	.digest = nft_digest,
	.detach = nft_detach,
};
