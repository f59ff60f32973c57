// SPDX-License-Identifier: GPL-3.0-or-later
#include "iptables.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

#include "ipt_table.h"
#include "ipt_tool.h"
#include "nft_batch.h"
#include "nft_survey.h"
#include "nft_tag.h"
#include "seam.h"

#define MOST_OURS 64		/* removed in one batch; more take another round */
#define LOOK_AGAIN 250000000L	/* nanoseconds: the legacy tables tell nobody of a change */

/* Where a packet to this host, or the reply to it, may be dropped, or in nat be sent to another one. */
static const char *const spots[][2] = {
	{ "raw", "PREROUTING" }, { "mangle", "PREROUTING" }, { "nat", "PREROUTING" }, { "mangle", "INPUT" },
	{ "filter", "INPUT" },	 { "security", "INPUT" },    { "raw", "OUTPUT" },     { "mangle", "OUTPUT" },
	{ "filter", "OUTPUT" },	 { "security", "OUTPUT" },   { "mangle", "POSTROUTING" },
};
#define PLACES (IPT_LAYERS * LENGTH_OF(spots))

struct place {
	size_t layer;
	const char *table, *chain;
	bool present;	/* the chain is there */
	bool blocks;	/* it may, and so needs the rule */
	bool stands;	/* it has the rule */
};

struct ruleset {
	struct netlink netlink;		/* no socket: no nf_tables */
	struct netlink news;
	int watch, timer;
	const char *tool[IPT_LAYERS];
	bool bound, timed;		/* what tools and kernel can do for the rule */
	struct opening made;		/* by this process */
	time_t start, stop;		/* the first and last second in which the rule matches */
	struct place place[PLACES];
	bool chosen;			/* the places are as the last reading showed them */
	bool inserted, removed;
	bool nothing;			/* of iptables-nft was found by the last reading, which was interrupted */
	unsigned char seen[DIGEST_SIZE]; /* the legacy tables as they were last looked at */
};

/* --- looking: iptables-nft, by netlink ---------------------------------------------------------------------------- */

/* Rules of iptables-nft that carry our tag. */
struct ours {
	const char *tag; /* NULL: any */
	struct place *in;
	size_t rules;
	struct {
		struct place *in;
		uint64_t handle;
	} rule[MOST_OURS];
};

static struct place *find_place(struct ruleset *ruleset, uint8_t family, const char *table, const char *chain)
{
	for (struct place *place = ruleset->place; place < ruleset->place + PLACES; place++)
		if (!ipt_layers[place->layer].legacy && ipt_layers[place->layer].family == family &&
		    !strcmp(place->table, table) && !strcmp(place->chain, chain))
			return place;
	return NULL;
}

static int visit_chain(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	const struct nlattr *attrs[NFTA_CHAIN_HOOK + 1];
	struct place *place;

	(void)fault;
	attrs_of_message(message, attrs, NFTA_CHAIN_HOOK);
	place = find_place(arg, generic->nfgen_family, attr_text(attrs[NFTA_CHAIN_TABLE]), attr_text(attrs[NFTA_CHAIN_NAME]));
	if (place && attrs[NFTA_CHAIN_HOOK])
		place->present = true;
	return 0;
}

/* Which chains of iptables-nft are there? 1: some. 0: none, and no rule needs to be read. AGAIN: at least these. */
static int look_for_chains(struct ruleset *ruleset, struct fault *fault)
{
	char buffer[512];
	int rc = 0, found = 0;

	for (size_t i = 0; i < PLACES; i++)
		ruleset->place[i].present = false;
	if (ruleset->netlink.socket)
		rc = netlink_dump(&ruleset->netlink, netlink_request(&ruleset->netlink, buffer, NFT_MSG_GETCHAIN), visit_chain, ruleset,
				  fault);
	for (size_t i = 0; i < PLACES; i++)
		found |= ruleset->place[i].present;
	return rc < 0 ? rc : found;
}

/* A dump that is interrupted may repeat itself. */
static void note(struct ours *ours, uint64_t handle)
{
	for (size_t i = 0; i < ours->rules; i++)
		if (ours->rule[i].in == ours->in && ours->rule[i].handle == handle)
			return;
	ours->rule[ours->rules].in = ours->in;
	ours->rule[ours->rules++].handle = handle;
}

static int visit_rule(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_RULE_EXPRESSIONS + 1];
	struct ours *ours = arg;
	char tag[TAG_SIZE];

	(void)fault;
	attrs_of_message(message, attrs, NFTA_RULE_EXPRESSIONS);
	if (ours->rules < MOST_OURS && tag_of_match(attrs[NFTA_RULE_EXPRESSIONS], tag) && opening_is_tag(tag, ours->tag) &&
	    !strcmp(attr_text(attrs[NFTA_RULE_TABLE]), ours->in->table) &&
	    !strcmp(attr_text(attrs[NFTA_RULE_CHAIN]), ours->in->chain))
		note(ours, attr_u64(attrs[NFTA_RULE_HANDLE], 0));
	return 0;
}

static int ask_for_rules(struct ruleset *ruleset, struct ours *ours, uint16_t flags, uint64_t handle, struct fault *fault)
{
	char buffer[1024];

	return netlink_dump(&ruleset->netlink, netlink_about(&ruleset->netlink, buffer, NFT_MSG_GETRULE, flags,
							     ipt_layers[ours->in->layer].family, ours->in->table, ours->in->chain, handle),
			    visit_rule, ours, fault);
}

/* Only the chains that may have a rule of ours are read. AGAIN: there are these at least. */
static int look_for_ours(struct ruleset *ruleset, struct ours *ours, struct fault *fault)
{
	int result = 0;

	for (ours->in = ruleset->place; ours->in < ruleset->place + PLACES; ours->in++) {
		int rc = ipt_layers[ours->in->layer].legacy || !ours->in->present ? 0 :
			 ask_for_rules(ruleset, ours, NLM_F_DUMP, 0, fault);

		if (rc == -1)
			return -1;
		result = rc < 0 ? rc : result;
	}
	return result;
}

/* Asks for each rule once more by its handle, which may be somebody else's by now. */
static int verify(struct ruleset *ruleset, struct ours *ours, struct fault *fault)
{
	const struct ours noted = *ours;

	ours->rules = 0;
	for (size_t i = 0; i < noted.rules; i++) {
		int rc;

		ours->in = noted.rule[i].in;
		rc = ask_for_rules(ruleset, ours, 0, noted.rule[i].handle, fault);
		if (rc == AGAIN || (rc < 0 && fault->code != ENOENT))
			return rc;
	}
	return 0;
}

/* --- looking: legacy, in the kernel; by the tools only for what the rules mean ------------------------------------- */

typedef int visit_table(struct ruleset *, size_t layer, const char *name, const struct legacy_table *, void *, struct fault *);

/* Visits each legacy table that is loaded and has one of the spots. */
static int each_legacy_table(struct ruleset *ruleset, visit_table *visit, void *arg, struct fault *fault)
{
	static const char *const names[] = { "raw", "mangle", "nat", "filter", "security" };
	struct legacy_table table;
	int rc = 0;

	for (size_t layer = 0; layer < IPT_LAYERS; layer++)
		for (size_t i = 0; rc == 0 && ipt_layers[layer].legacy && i < LENGTH_OF(names); i++) {
			if (!table_is_loaded(ipt_layers[layer].family, names[i]))
				continue;
			rc = table_read(&table, ipt_layers[layer].family, names[i], fault);
			if (rc == 0)
				rc = visit(ruleset, layer, names[i], &table, arg, fault);
			table_free(&table);
		}
	return rc;
}

struct digest {
	struct sha256_ctx sum;
	bool without_ours;
};

static int add_table(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, void *arg,
		     struct fault *fault)
{
	struct digest *digest = arg;

	(void)ruleset;
	(void)fault;
	sha256_update(&digest->sum, 1, (const uint8_t[]){ (uint8_t)layer });
	sha256_update(&digest->sum, strlen(name) + 1, (const uint8_t *)name);
	table_hash(table, digest->without_ours, &digest->sum);
	return 0;
}

/* The legacy tables as they are, our rules included. */
static int attempt_look(struct ruleset *ruleset, const void *out, struct fault *fault)
{
	struct digest digest = { .without_ours = false };
	int rc;

	sha256_init(&digest.sum);
	rc = each_legacy_table(ruleset, add_table, &digest, fault);
	sha256_digest(&digest.sum, DIGEST_SIZE, (unsigned char *)(uintptr_t)out);
	return rc;
}

static const char *tool_of(struct ruleset *ruleset, size_t layer, struct fault *fault)
{
	if (!ruleset->tool[layer])
		ruleset->tool[layer] = ipt_find(&ipt_layers[layer], fault);
	return ruleset->tool[layer];
}

/* Redirected packets carry the world's port only before nat, and no nat chain but ours sees them. 0: none of ours come there. */
static uint16_t port_at(const struct place *place, const struct opening *opening)
{
	if (strcmp(place->chain, "PREROUTING"))
		return opening->target;
	return strcmp(place->table, "nat") || opening->target == opening->port ? opening->port : 0;
}

/* --- choosing ----------------------------------------------------------------------------------------------------- */

static int choose_legacy(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, void *arg,
			 struct fault *fault)
{
	const struct opening *opening = arg;
	OWN_FREE char *listing = NULL;
	uint16_t ports[SURVEY_HOOKS] = { 0 };
	struct place *place[SURVEY_HOOKS] = { NULL };
	uint32_t blocks;

	if (!tool_of(ruleset, layer, fault))
		return fault->code == ENOENT ? fault_at(fault, "tables of %s are loaded, which only that tool can read; if they do not "
							"block the port, set backend = nftables", ipt_layers[layer].name) : -1;
	listing = ipt_list(ruleset->tool[layer], name, fault);
	for (struct place *p = ruleset->place; p < ruleset->place + PLACES; p++)
		if (p->layer == layer && !strcmp(p->table, name)) {
			place[ipt_hook(p->chain)] = p;
			ports[ipt_hook(p->chain)] = port_at(p, opening);
		}
	if (!listing || survey_listing(listing, ports, &blocks, fault) < 0)
		return -1;
	for (size_t hook = 0; hook < SURVEY_HOOKS; hook++)
		if (place[hook]) {
			place[hook]->blocks = blocks >> hook & 1;
			place[hook]->stands = table_has(table, place[hook]->chain, opening->tag);
		}
	return 0;
}

static int choose_nft(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	const struct survey *survey = survey_choose(opening, fault);

	for (size_t i = 0; survey && i < survey->findings; i++) {
		const struct finding *finding = &survey->finding[i];
		struct place *place = find_place(ruleset, finding->family, finding->table, finding->chain);

		if (!place || finding->holder != HOLDER_IPTABLES)
			continue;
		place->blocks = true;
		place->stands = finding->handle;
	}
	return survey ? 0 : -1;
}

static int attempt_choose(struct ruleset *ruleset, const void *opening, struct fault *fault)
{
	int rc = look_for_chains(ruleset, fault);

	for (size_t i = 0; i < PLACES; i++)
		ruleset->place[i].blocks = ruleset->place[i].stands = false;
	if (rc > 0)
		rc = choose_nft(ruleset, opening, fault);
	if (rc == 0)
		rc = attempt_look(ruleset, ruleset->seen, fault);
	if (rc == 0)
		rc = each_legacy_table(ruleset, choose_legacy, (void *)(uintptr_t)opening, fault);
	ruleset->chosen = rc == 0;
	return rc;
}

static bool needs(const struct ruleset *ruleset, size_t layer)
{
	for (size_t i = 0; i < PLACES; i++)
		if (ruleset->place[i].layer == layer && ruleset->place[i].blocks)
			return true;
	return false;
}

/* Which matches do all the tools that are needed know? */
static int probe(struct ruleset *ruleset, bool own_listener, struct fault *fault)
{
	bool bound = own_listener && !seam("no-socket"), timed = !seam("no-timeout");

	for (size_t i = 0; i < IPT_LAYERS; i++) {
		int knows = 0;

		if (!needs(ruleset, i))
			continue;
		if (!tool_of(ruleset, i, fault))
			return fault_at(fault, "chains of %s block the port, and opening them takes that tool", ipt_layers[i].name);
		for (int without = 0; without < 4 && !knows; without++) {
			ruleset->bound = bound && !(without & 1);
			ruleset->timed = timed && !(without & 2);
			knows = ipt_knows(ruleset->tool[i], ruleset->bound, ruleset->timed, fault);
		}
		if (knows < 0)
			return -1;
		if (!knows)
			return fault_set(fault, FAULT_FAILED, "%s does not know -m comment (module xt_comment)", ruleset->tool[i]);
		bound = ruleset->bound;
		timed = ruleset->timed;
	}
	return 0;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static void add_time(struct ipt_words *command, const char *option, time_t time)
{
	char text[32];
	struct tm utc;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", gmtime_r(&time, &utc));
	ipt_add(command, option);
	ipt_add(command, text);
}

enum action { INSERT, SHOW, DELETE };

/* With a time in the past, a machine that boots in the past does not reopen either. */
static void make_rule(const struct ruleset *ruleset, struct ipt_words *command, const struct place *place,
		      const struct opening *opening, enum action action)
{
	const bool reply = ipt_is_outgoing(place->chain), seen = port_at(place, opening) == opening->target; /* by our listener */
	char text[48];

	ipt_begin(command, ruleset->tool[place->layer], place->table);
	ipt_add(command, action == DELETE ? "-D" : "-I");
	ipt_add(command, place->chain);
	snprintf(text, sizeof(text), "%s -p tcp --%cport %u%s", action == DELETE ? "" : "1", reply ? 's' : 'd', port_at(place, opening),
		 reply ? " ! --syn" : "");
	ipt_add_all(command, text);
	if (ruleset->bound && !reply && seen) /* -m socket is for packets that come in */
		ipt_add_all(command, "-m socket --transparent --nowildcard");
	if (ruleset->timed && action != SHOW) {
		ipt_add_all(command, "-m time");
		add_time(command, "--datestart", ruleset->start);
		add_time(command, "--datestop", ruleset->stop);
	}
	if (action != SHOW) {
		ipt_add_all(command, "-m comment --comment");
		ipt_add(command, opening->tag);
	}
	ipt_add_all(command, "-j ACCEPT");
}

/* Opens where it does not stand yet. AGAIN when it did, since a tool that ends with 0 is no proof. */
static int insert_missing(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	const struct place *last = NULL;

	for (const struct place *place = ruleset->place; place < ruleset->place + PLACES; place++) {
		struct ipt_words command;
		pid_t pid;

		if (!place->blocks || place->stands)
			continue;
		if (!tool_of(ruleset, place->layer, fault))
			return -1;
		make_rule(ruleset, &command, place, opening, INSERT);
		if (ipt_run(&command, &pid, fault) < 0)
			return -1;
		netlink_expect(pid);
		ruleset->inserted = true;
		last = place;
	}
	if (!last)
		return 0;
	fault_set(fault, FAULT_LATER, "%s has made no rule in %s %s", ipt_layers[last->layer].name, last->table, last->chain);
	return AGAIN;
}

static int mark_legacy(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, void *tag,
		       struct fault *fault)
{
	(void)fault;
	for (struct place *place = ruleset->place; place < ruleset->place + PLACES; place++)
		if (place->layer == layer && !strcmp(place->table, name))
			place->stands = table_has(table, place->chain, tag);
	return 0;
}

static int read_back(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	struct ours ours = { .tag = tag };
	int rc = look_for_ours(ruleset, &ours, fault);

	if (rc == -1)
		return -1;
	for (size_t i = 0; i < PLACES; i++)
		ruleset->place[i].stands = false;
	for (size_t i = 0; i < ours.rules; i++)
		ours.rule[i].in->stands = true;
	return each_legacy_table(ruleset, mark_legacy, (void *)(uintptr_t)tag, fault);
}

/* Succeeds when a reading shows that it stands everywhere; somebody may be sweeping our rules away meanwhile. */
static int attempt_open(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	const struct opening *opening = arg;
	int rc = ruleset->chosen ? 0 : read_back(ruleset, opening->tag, fault);

	ruleset->chosen = false;
	return rc < 0 ? rc : insert_missing(ruleset, opening, fault);
}

/* Opens, and notes what the legacy tables look like then. */
static int settle(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	if (netlink_insist(attempt_open, ruleset, opening, fault) < 0)
		return -1;
	return netlink_insist(attempt_look, ruleset, ruleset->seen, fault);
}

/* Of nf_tables, what was chosen before the window holds; if somebody has changed it since, there is news, and it is mended. */
static int ipt_open(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	const struct itimerspec often = { { 0, LOOK_AGAIN }, { 0, LOOK_AGAIN } };
	unsigned char now[DIGEST_SIZE];

	ruleset->made = *opening;
	ruleset->start = time(NULL);
	ruleset->stop = ruleset->start + opening->seconds - 1; /* it matches until the end of that second */
	if (netlink_insist(attempt_look, ruleset, now, fault) < 0 ||
	    (memcmp(now, ruleset->seen, sizeof(now)) && netlink_insist(attempt_choose, ruleset, opening, fault) < 0))
		return -1;
	if ((needs(ruleset, 2) || needs(ruleset, 3)) && timerfd_settime(ruleset->timer, 0, &often, NULL) < 0)
		return fault_errno(fault, FAULT_LATER, "starting a timer");
	return settle(ruleset, opening, fault);
}

static int ipt_mend(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	uint64_t ticks;
	bool heard = ruleset->news.socket && netlink_heard(&ruleset->news, ruleset->netlink.port);

	if (read(ruleset->timer, &ticks, sizeof(ticks)) > 0) {
		unsigned char now[DIGEST_SIZE];

		if (netlink_insist(attempt_look, ruleset, now, fault) < 0)
			return -1;
		heard = heard || memcmp(now, ruleset->seen, sizeof(now)) != 0;
	}
	ruleset->inserted = false;
	if (heard && (netlink_insist(attempt_choose, ruleset, opening, fault) < 0 || settle(ruleset, opening, fault) < 0))
		return -1;
	return ruleset->inserted;
}

/* --- closing ------------------------------------------------------------------------------------------------------ */

/* In one batch, which fails if the handles may mean other rules by now. */
static int remove_ours(struct ruleset *ruleset, struct ours *ours, struct fault *fault)
{
	uint32_t generation;
	struct batch batch;
	int rc = netlink_generation(&ruleset->netlink, &generation, fault);

	if (rc == 0)
		rc = verify(ruleset, ours, fault);
	if (rc == 0)
		rc = batch_begin(&batch, &ruleset->netlink, generation, fault);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < ours->rules; i++) {
		const struct place *in = ours->rule[i].in;

		batch_delete(&batch, NFT_MSG_DELRULE, ipt_layers[in->layer].family, in->table, in->chain, ours->rule[i].handle);
	}
	rc = batch_commit(&batch, NULL, NULL, fault);
	batch_free(&batch);
	ruleset->removed = ruleset->removed || rc == 0;
	return rc;
}

static int attempt_close_nft(struct ruleset *ruleset, const void *tag, struct fault *fault)
{
	struct ours ours = { .tag = tag };
	int chains = look_for_chains(ruleset, fault), rc;

	if (chains == 0 || chains == -1)
		return chains;
	rc = look_for_ours(ruleset, &ours, fault);
	if (rc == -1)
		return -1;
	if (!ours.rules)
		return netlink_nothing(chains < 0 ? chains : rc, &ruleset->nothing);
	ruleset->nothing = false;
	rc = remove_ours(ruleset, &ours, fault);
	return rc < 0 ? rc : AGAIN; /* the next attempt reads back */
}

/* What this process has made is known without a listing of all rules. 1: removed. 0: there is no such rule. */
static int remove_known(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table,
			const char *tag, struct fault *fault)
{
	int removed = 0;

	if (!tag || strcmp(tag, ruleset->made.tag))
		return 0;
	for (const struct place *place = ruleset->place; place < ruleset->place + PLACES; place++) {
		struct ipt_words command;
		pid_t pid;

		if (place->layer != layer || strcmp(place->table, name) || !table_has(table, place->chain, tag))
			continue;
		make_rule(ruleset, &command, place, &ruleset->made, DELETE);
		if (ipt_run(&command, &pid, fault) == 0)
			removed = 1;
		else if (fault->kind == FAULT_LATER)
			return -1;
	}
	ruleset->removed = ruleset->removed || removed;
	return removed;
}

/* "-A INPUT ..." becomes "-D INPUT ...". Somebody else may have been faster: the next round sees. */
static int remove_legacy(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, void *arg,
			 struct fault *fault)
{
	OWN_FREE char *listing = NULL;
	const char *tag = ((void **)arg)[0], *next;
	int known;

	if (!table_has(table, NULL, tag))
		return 0;
	*(bool *)((void **)arg)[1] = true;
	known = remove_known(ruleset, layer, name, table, tag, fault);
	if (known)
		return known < 0 ? -1 : 0;
	listing = tool_of(ruleset, layer, fault) ? ipt_list(ruleset->tool[layer], name, fault) : NULL;
	if (!listing)
		return -1;
	for (const char *line = listing; line; line = next) {
		size_t length = ipt_line(line, &next);
		struct ipt_words rule = { 0 }, command;
		pid_t pid;

		ipt_split(&rule, line, length);
		if (rule.full || strcmp(rule.words ? rule.word[0] : "", "-A") || !ipt_tag(&rule, tag))
			continue;
		ipt_begin(&command, ruleset->tool[layer], name);
		ipt_add(&command, "-D");
		for (size_t i = 1; i < rule.words; i++)
			ipt_add(&command, rule.word[i]);
		if (ipt_run(&command, &pid, fault) == 0)
			ruleset->removed = true;
		else if (fault->kind == FAULT_LATER)
			return -1;
	}
	return 0;
}

static int attempt_close_legacy(struct ruleset *ruleset, const void *tag, struct fault *fault)
{
	bool found = false;
	void *arg[] = { (void *)(uintptr_t)tag, &found };

	int rc = each_legacy_table(ruleset, remove_legacy, arg, fault);

	return rc == 0 && found ? AGAIN : rc; /* the next attempt reads back */
}

static int ipt_close(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	const struct itimerspec never = { { 0, 0 }, { 0, 0 } };
	int rc;

	ruleset->removed = ruleset->nothing = false;
	rc = netlink_insist(attempt_close_nft, ruleset, tag, fault);
	if (netlink_insist(attempt_close_legacy, ruleset, tag, fault) < 0 || rc < 0)
		return -1;
	(void)timerfd_settime(ruleset->timer, 0, &never, NULL);
	return ruleset->removed;
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static int attempt_digest(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	unsigned char *out = (unsigned char *)(uintptr_t)arg, nft[DIGEST_SIZE] = { 0 };
	struct digest digest = { .without_ours = true };
	int rc = look_for_chains(ruleset, fault);

	sha256_init(&digest.sum);
	if (rc > 0)
		rc = survey_digest(nft, fault);
	if (rc == 0)
		rc = each_legacy_table(ruleset, add_table, &digest, fault);
	sha256_update(&digest.sum, sizeof(nft), nft);
	sha256_digest(&digest.sum, DIGEST_SIZE, out);
	return rc;
}

static int ipt_digest(struct ruleset *ruleset, unsigned char out[DIGEST_SIZE], struct fault *fault)
{
	return netlink_insist(attempt_digest, ruleset, out, fault);
}

static int watch_all(struct ruleset *ruleset, struct fault *fault)
{
	struct epoll_event readable = { .events = EPOLLIN };

	if (ruleset->watch >= 0)
		return 0;
	ruleset->watch = epoll_create1(EPOLL_CLOEXEC);
	ruleset->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (ruleset->watch < 0 || ruleset->timer < 0 ||
	    epoll_ctl(ruleset->watch, EPOLL_CTL_ADD, ruleset->timer, &readable) < 0)
		return fault_errno(fault, FAULT_LATER, "watching the firewall");
	if (!ruleset->netlink.socket)
		return 0;
	if (netlink_listen(&ruleset->news, fault) < 0)
		return -1;
	if (epoll_ctl(ruleset->watch, EPOLL_CTL_ADD, mnl_socket_get_fd(ruleset->news.socket), &readable) < 0)
		return fault_errno(fault, FAULT_LATER, "watching the firewall");
	return 0;
}

static int ipt_plan(struct ruleset *ruleset, const struct opening *opening, struct plan *plan, struct fault *fault)
{
	if (watch_all(ruleset, fault) < 0 || netlink_insist(attempt_choose, ruleset, opening, fault) < 0 ||
	    probe(ruleset, opening->own_listener, fault) < 0)
		return -1;
	for (const struct place *place = ruleset->place; place < ruleset->place + PLACES; place++) {
		struct ipt_words command;
		size_t used = 0;

		if (!place->blocks || plan->lines == PLAN_LINES)
			continue;
		make_rule(ruleset, &command, place, opening, SHOW);
		for (size_t w = 0; w < command.words && used < sizeof(plan->line[0]); w++)
			used += (size_t)snprintf(plan->line[plan->lines] + used, sizeof(plan->line[0]) - used, "%s%s", w ? " " : "",
						 command.word[w]);
		plan->lines++;
		plan->unbound = plan->unbound || (opening->own_listener && !ruleset->bound);
		plan->untimed = plan->untimed || !ruleset->timed;
	}
	return 0;
}

static int ipt_watch(struct ruleset *ruleset)
{
	return ruleset->watch;
}

static void ipt_detach(struct ruleset *ruleset)
{
	survey_end();
	netlink_close(&ruleset->netlink);
	netlink_close(&ruleset->news);
	close_fd(&ruleset->watch);
	close_fd(&ruleset->timer);
	free(ruleset);
}

/* In use wherever there could be tables of it in the next moment; which there are is seen at each look. */
static int ipt_attach(struct ruleset **out, const struct config *config, struct fault *fault)
{
	struct ruleset *ruleset = calloc(1, sizeof(*ruleset));
	int rc;

	(void)config;
	if (!ruleset)
		return fault_errno(fault, FAULT_LATER, "attaching to iptables");
	ruleset->watch = ruleset->timer = -1;
	for (size_t i = 0; i < PLACES; i++)
		ruleset->place[i] = (struct place){ .layer = i / LENGTH_OF(spots), .table = spots[i % LENGTH_OF(spots)][0],
						    .chain = spots[i % LENGTH_OF(spots)][1] };
	rc = netlink_open(&ruleset->netlink, fault);
	for (size_t i = 0; rc == 0 && i < PLACES; i++)
		rc = ipt_layers[ruleset->place[i].layer].legacy &&
		     table_is_loaded(ipt_layers[ruleset->place[i].layer].family, ruleset->place[i].table);
	if (rc == 1)
		*out = ruleset;
	else
		ipt_detach(ruleset);
	return rc;
}

const struct backend iptables_backend = {
	.name = "iptables",
	.attach = ipt_attach,
	.plan = ipt_plan,
	.open = ipt_open,
	.watch = ipt_watch,
	.mend = ipt_mend,
	.close = ipt_close,
	.digest = ipt_digest,
	.detach = ipt_detach,
};
