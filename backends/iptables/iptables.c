// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/iptables/iptables.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "backends/iptables/choosing.h"
#include "backends/nft/sweep.h"
#include "backends/nft/tag.h"

#define LOOK_AGAIN 250000000L /* nanoseconds: the legacy tables tell nobody of a change */

static struct sweep sweep_of(struct ruleset *ruleset, const char *tag)
{
	return (struct sweep){ .netlink = &ruleset->netlink, .mark = MARK_MATCH, .tag = tag, .evidence = &ruleset->evidence };
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

/* Has anybody changed the chains of iptables-nft since these were chosen? Then their numbers may be of other rules. */
static bool is_stale(struct ruleset *ruleset)
{
	uint32_t generation;
	struct fault ignored;

	return ruleset->netlink.socket &&
	       (netlink_generation(&ruleset->netlink, &generation, &ignored) < 0 || generation != ruleset->generation);
}

/* The number of rules that were made. Of the legacy tables the helper reads back. */
static int ask_to_open(struct ruleset *ruleset, const struct opening *opening, choice *chosen, struct fault *fault)
{
	const struct wanted *last = request_last(ruleset, chosen);
	OWN_FREE char *answer = NULL;
	char *rest, *numbers;
	int rc;

	if (!last)
		return 0;
	rc = request_send(ruleset, "open", opening->tag, opening, chosen, &answer, fault);
	if (rc == AGAIN)
		ruleset->inserted = ruleset->inserted || fault->code == HELPER_MADE;
	if (rc == -1 && chosen != request_is_legacy && is_stale(ruleset))
		rc = AGAIN;
	ruleset->stale = rc == AGAIN;
	if (rc < 0)
		return rc;
	rest = answer;
	numbers = request_state(ruleset, &rest, fault);
	return numbers ? request_made(numbers, fault) : -1;
}

/* Opens where it does not stand yet. AGAIN when it did in iptables-nft, since a tool that ends with 0 is no proof. */
static int insert_missing(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	const struct wanted *last = NULL;
	int rc = request_last(ruleset, request_is_missing) ? ask_to_open(ruleset, opening, request_is_to_open, fault) : 0;

	if (rc < 0)
		return rc;
	for (struct wanted *wanted = ruleset->wanted; wanted < ruleset->wanted + ruleset->wants; wanted++) {
		if (!request_is_missing(ruleset, wanted))
			continue;
		if (wanted->spot.ahead)
			ruleset->evidence.shut[0] = '\0';
		wanted->spot.ahead = 0;
		wanted->present = wanted->legacy;
		last = wanted->legacy ? last : wanted;
		ruleset->inserted = true;
	}
	if (!last)
		return 0;
	fault_set(fault, FAULT_LATER, "%s has made no rule in %s %s", request_layer(last), last->spot.table, last->spot.chain);
	return AGAIN;
}

static int read_back(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	const struct sweep sweep = sweep_of(ruleset, tag);
	struct marks ours = { 0 };

	if (ruleset->netlink.socket && sweep_find(&sweep, &ours, fault) == -1)
		return -1;
	for (struct wanted *wanted = ruleset->wanted; wanted < ruleset->wanted + ruleset->wants; wanted++) {
		wanted->present = wanted->legacy && wanted->present;
		for (size_t i = 0; i < ours.count && !wanted->legacy; i++)
			if (ours.item[i].family == wanted->spot.family && !strcmp(ours.item[i].table, wanted->spot.table) &&
			    !strcmp(ours.item[i].name, wanted->spot.chain)) {
				wanted->present = true;
				wanted->spot.handle[0] = ours.item[i].handle;
			}
		ruleset->stale = ruleset->stale || !wanted->present;
	}
	return 0;
}

/* Succeeds when a reading shows the rule in every chain; another program may be removing our rules meanwhile. */
static int attempt_open(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	const struct opening *opening = arg;
	int rc = ruleset->chosen || ruleset->stale ? 0 : read_back(ruleset, opening->tag, fault);

	if (rc == 0 && ruleset->stale)
		rc = choosing_attempt(ruleset, opening, fault);
	ruleset->chosen = false;
	return rc < 0 ? rc : insert_missing(ruleset, opening, fault);
}

/* Of nf_tables, what was chosen before the window holds; if somebody has changed it since, there is news, and it is mended. */
static int ipt_open(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	const struct itimerspec often = { { 0, LOOK_AGAIN }, { 0, LOOK_AGAIN } };

	ruleset->made = *opening;
	ruleset->inserted = false;
	if (request_last(ruleset, request_is_legacy) && timerfd_settime(ruleset->timer, 0, &often, NULL) < 0)
		return fault_errno(fault, FAULT_LATER, "starting a timer");
	if (ruleset->busy) /* others commit all the time: that is no news */
		news_rest(&ruleset->news, false);
	return netlink_insist(attempt_open, ruleset, opening, fault);
}

/* The legacy tables tell nobody when they change: the helper looks. The number of rules that it put back; AGAIN, -1: choose again. */
static int look_at_legacy(struct ruleset *ruleset, struct fault *fault)
{
	uint64_t ticks;

	return read(ruleset->timer, &ticks, sizeof(ticks)) < 0 ? 0 : ask_to_open(ruleset, &ruleset->made, request_is_legacy, fault);
}

/* Are the rules in iptables-nft still there? Each is asked for by its handle. 0: one is not. */
static int attempt_check(struct ruleset *ruleset, const void *tag, struct fault *fault)
{
	const struct sweep sweep = sweep_of(ruleset, tag);

	for (const struct wanted *wanted = ruleset->wanted; wanted < ruleset->wanted + ruleset->wants; wanted++) {
		const struct spot *spot = &wanted->spot;
		int ours = wanted->legacy ? 1 : sweep_is_ours(&sweep, spot->family, spot->table, spot->chain, spot->handle[0], fault);

		if (ours <= 0)
			return ours;
	}
	return 1;
}

/* One rule that is gone is put back at once. But the chains are not read after each of many commits. */
static int ipt_mend(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	bool look, heard = news_heard(&ruleset->news, ruleset->netlink.port, &look);
	int legacy, rc;

	ruleset->inserted = false;
	legacy = look_at_legacy(ruleset, fault);
	ruleset->inserted = ruleset->inserted || legacy > 0;
	if (!look && legacy >= 0) {
		rc = heard ? netlink_insist(attempt_check, ruleset, opening->tag, fault) : 1;
		if (rc)
			return rc < 0 ? -1 : ruleset->inserted;
	}
	rc = netlink_insist(choosing_attempt, ruleset, opening, fault);
	if (rc == 0)
		rc = netlink_insist(attempt_open, ruleset, opening, fault);
	news_rest(&ruleset->news, rc < 0 && fault->kind == FAULT_LATER);
	return rc < 0 ? -1 : ruleset->inserted;
}

/* --- closing ------------------------------------------------------------------------------------------------------ */

/* 1: the helper has removed something. What this process has made it need not look for. */
static int close_legacy(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	const bool known = tag && !strcmp(tag, ruleset->made.tag);
	OWN_FREE char *answer = NULL;
	unsigned long removed;
	char *end;

	if (!request_has_legacy())
		return 0;
	if (request_send(ruleset, "close", tag, &ruleset->made, known ? request_is_legacy : NULL, &answer, fault) < 0)
		return -1;
	removed = strtoul(answer, &end, 10);
	if (end == answer || *end != ' ')
		return helper_is_nonsense(&request_helper, 0, answer, fault);
	if (removed)
		tag_count(&ruleset->evidence, strtoull(end + 1, NULL, 10));
	return removed > 0;
}

static int close_nft(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	const struct sweep sweep = sweep_of(ruleset, tag);

	return ruleset->netlink.socket ? sweep_close(&sweep, fault) : 0;
}

/* A helper that opened may have been killed a moment ago: the gate waits for its end, and removes a rule that it made meanwhile. */
static int ipt_close(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	const struct itimerspec never = { { 0, 0 }, { 0, 0 } };
	const bool sure = !tag || (!strcmp(tag, ruleset->made.tag) && !ruleset->unsure);
	int swept = close_nft(ruleset, tag, fault), ended, legacy;
	struct fault why = { 0 };

	ended = sure || (!request_has_legacy() && choosing_has_tables(ruleset, &why) == 0) ?
			0 :
			helper_end(tag, &why); /* without tables there was none */
	if (ended > 0 && swept >= 0) {
		int later = close_nft(ruleset, tag, fault);

		swept = later < 0 ? -1 : swept | later;
	}
	legacy = close_legacy(ruleset, tag, swept < 0 ? &why : fault);
	if (swept < 0 || legacy < 0)
		return -1;
	if (ended < 0) {
		*fault = why;
		return -1;
	}
	(void)timerfd_settime(ruleset->timer, 0, &never, NULL);
	return swept || legacy;
}

static void ipt_tell(const struct ruleset *ruleset, struct evidence *evidence)
{
	if (ruleset->evidence.counted)
		tag_count(evidence, ruleset->evidence.packets);
	if (!evidence->shut[0])
		memcpy(evidence->shut, ruleset->evidence.shut, sizeof(evidence->shut));
}

struct admission {
	const struct opening *opening;
	const struct peer *peer;
	size_t peers;
	uint64_t admitted;
};

/* Of its own family; the others do not traverse this table. */
static int admit_legacy(struct ruleset *ruleset, const char *listing, uint8_t family, const char *table, void *arg,
			struct fault *fault)
{
	struct admission *admission = arg;
	uint64_t these = admission->admitted, others = 0;

	(void)ruleset;
	for (size_t i = 0; i < admission->peers; i++)
		others |= admission->peer[i].family == family ? 0 : UINT64_C(1) << i;
	if (survey_peers_listed(listing, family, table, admission->opening, admission->peer, admission->peers, &these, fault) < 0)
		return -1;
	admission->admitted &= these | others;
	return 0;
}

static int ipt_admit(struct ruleset *ruleset, const struct opening *opening, const struct peer *peer, size_t n, uint64_t *admitted,
		     struct fault *fault)
{
	struct admission admission = { opening, peer, n, *admitted };

	if ((ruleset->netlink.socket && survey_peers(opening, peer, n, &admission.admitted, fault) < 0) ||
	    request_listings(ruleset, admit_legacy, &admission, fault) < 0)
		return -1;
	*admitted = admission.admitted;
	return 0;
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static int attempt_digest(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	unsigned char nft[DIGEST_SIZE] = { 0 };
	OWN_FREE char *legacy = NULL;
	int rc = choosing_has_tables(ruleset, fault);
	struct sha256_ctx sum;

	if (rc > 0)
		rc = survey_digest(nft, fault);
	if (rc == 0 && request_has_legacy())
		rc = request_send(ruleset, "digest", NULL, &ruleset->made, NULL, &legacy, fault);
	if (rc < 0)
		return rc;
	sha256_init(&sum);
	sha256_update(&sum, sizeof(nft), nft);
	sha256_update(&sum, legacy ? strlen(legacy) : 0, (const uint8_t *)(legacy ? legacy : ""));
	sha256_digest(&sum, DIGEST_SIZE, (unsigned char *)(uintptr_t)arg);
	return 0;
}

static int ipt_digest(struct ruleset *ruleset, unsigned char out[DIGEST_SIZE], struct fault *fault)
{
	return netlink_insist(attempt_digest, ruleset, out, fault);
}

static int watch_all(struct ruleset *ruleset, struct fault *fault)
{
	struct epoll_event readable = { .events = EPOLLIN };

	if (news_open(&ruleset->news, ruleset->netlink.socket, fault) < 0)
		return -1;
	if (ruleset->timer >= 0)
		return 0;
	ruleset->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (ruleset->timer < 0 || epoll_ctl(ruleset->news.watch, EPOLL_CTL_ADD, ruleset->timer, &readable) < 0)
		return fault_errno(fault, FAULT_LATER, "watching the firewall");
	return 0;
}

/* The helper knows what its tools and the kernel can do for the rule: "UNBOUND UNTIMED", each 0 or 1. */
static int ask_for_plan(struct ruleset *ruleset, const struct opening *opening, struct plan *plan, struct fault *fault)
{
	OWN_FREE char *answer = NULL;
	char *rest;
	const char *lacks;

	if (request_send(ruleset, "plan", opening->tag, opening, request_is_any, &answer, fault) < 0)
		return -1;
	rest = answer;
	lacks = request_state(ruleset, &rest, fault);
	if (!lacks)
		return -1;
	plan->unbound = plan->unbound || lacks[0] == '1';
	plan->untimed = plan->untimed || (lacks[0] && lacks[1] && lacks[2] == '1');
	return helper_take_plan(&request_helper, rest, plan, fault);
}

static int ipt_plan(struct ruleset *ruleset, const struct opening *opening, struct plan *plan, struct fault *fault)
{
	ruleset->state[0] = '\0';
	if (watch_all(ruleset, fault) < 0 || netlink_insist(choosing_attempt, ruleset, opening, fault) < 0 ||
	    (ruleset->wants && ask_for_plan(ruleset, opening, plan, fault) < 0))
		return -1;
	for (const struct wanted *wanted = ruleset->wanted; wanted < ruleset->wanted + ruleset->wants; wanted++)
		if (wanted->spot.lost[0] && !plan->lost[0])
			snprintf(plan->lost, sizeof(plan->lost), "%s %s %s: %s", request_layer(wanted), wanted->spot.table,
				 wanted->spot.chain, wanted->spot.lost);
	if (ruleset->client[0])
		snprintf(plan->client, sizeof(plan->client), "%s", ruleset->client);
	return 0;
}

static int ipt_watch(struct ruleset *ruleset)
{
	return ruleset->news.watch;
}

static void ipt_detach(struct ruleset *ruleset)
{
	survey_end();
	netlink_close(&ruleset->netlink);
	news_close(&ruleset->news);
	close_fd(&ruleset->timer);
	free(ruleset);
}

/* In use wherever there could be tables of it in the next moment; which there are is seen at each look. */
static int ipt_attach(struct ruleset **out, const struct means *means, struct fault *fault)
{
	struct ruleset *ruleset = calloc(1, sizeof(*ruleset));
	int rc;

	(void)means;
	if (!ruleset)
		return fault_errno(fault, FAULT_LATER, "attaching to iptables");
	ruleset->news = NEWS_CLOSED;
	ruleset->timer = -1;
	rc = netlink_open(&ruleset->netlink, fault);
	if (rc == 0)
		rc = request_has_legacy();
	if (rc == 1)
		*out = ruleset;
	else
		ipt_detach(ruleset);
	return rc;
}

static int ipt_remark(struct ruleset *ruleset, const struct opening *opening, const struct peer *ca, size_t n, struct plan *plan,
		      struct fault *fault)
{
	(void)ruleset;
	return survey_remarks(opening, ca, n, plan_remark, plan, fault);
}

const struct backend iptables_backend = {
	.choice = BACKEND_IPTABLES,
	.attach = ipt_attach,
	.plan = ipt_plan,
	.open = ipt_open,
	.watch = ipt_watch,
	.mend = ipt_mend,
	.close = ipt_close,
	.tell = ipt_tell,
	.admit = ipt_admit,
	.remark = ipt_remark,
	.digest = ipt_digest,
	.detach = ipt_detach,
};
