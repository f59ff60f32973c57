// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/iptables/iptables.h"

#include <arpa/inet.h>
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

#include "backends/iptables/kernel.h"
#include "backends/iptables/table.h"
#include "backends/iptables/tool.h"
#include "backends/nft/builtin.h"
#include "backends/nft/news.h"
#include "backends/nft/survey.h"
#include "backends/nft/sweep.h"
#include "backends/nft/tag.h"
#include "base/seam.h"

#define LOOK_AGAIN 250000000L /* nanoseconds: the legacy tables tell nobody of a change */

/* The legacy tables, and what others have made of them. */
struct sight {
	unsigned char all[DIGEST_SIZE], others[DIGEST_SIZE];
};

/* A chain that needs the rule. */
struct place {
	size_t layer;
	struct spot spot; /* with the handle of our rule in iptables-nft, once that was read */
	bool present;	  /* the rule is there */
};

struct ruleset {
	struct netlink netlink; /* no socket: no nf_tables */
	struct news news;
	int timer; /* for the legacy tables; -1: none */
	const char *tool[IPT_LAYERS];
	bool bound, timed;   /* what tools and kernel can do for the rule */
	struct opening made; /* by this process */
	time_t start, stop;  /* the first and last second in which the rule matches */
	size_t places;
	struct place place[2 * SURVEY_MOST];
	uint32_t generation;	      /* when the places were chosen */
	bool chosen;		      /* the places are as the last reading showed them */
	bool stale;		      /* somebody has changed the chains since: choose again */
	char client[FAULT_TEXT_SIZE]; /* how a legacy table may stop our client */
	bool inserted, removed;
	bool busy;	   /* others committed all the time while the places were chosen */
	struct sight seen; /* the legacy tables as they were last looked at */
	struct evidence evidence;
};

/* --- looking: iptables-nft, by netlink ---------------------------------------------------------------------------- */

/* The layer of iptables-nft with this family. */
static size_t layer_of(uint8_t family)
{
	size_t layer = 0;

	while (ipt_layers[layer].legacy || ipt_layers[layer].family != family)
		layer++;
	return layer;
}

/* Are there tables of iptables-nft? 0: no rule needs to be read. */
static int has_tables(struct ruleset *ruleset, struct fault *fault)
{
	return ruleset->netlink.socket ? sweep_has_iptables(&ruleset->netlink, fault) : 0;
}

static struct sweep sweep_of(struct ruleset *ruleset, const char *tag)
{
	return (struct sweep){ .netlink = &ruleset->netlink, .mark = MARK_MATCH, .tag = tag, .evidence = &ruleset->evidence };
}

/* --- looking: legacy, in the kernel; by the tools only for what the rules mean ------------------------------------- */

typedef int visit_table(struct ruleset *, size_t layer, const char *name, const struct legacy_table *, void *, struct fault *);

/* Visits each legacy table that is loaded. */
static int each_legacy_table(struct ruleset *ruleset, visit_table *visit, void *arg, struct fault *fault)
{
	struct legacy_table table;
	int rc = 0;

	for (size_t layer = 0; layer < IPT_LAYERS; layer++)
		for (size_t i = 0; rc == 0 && ipt_layers[layer].legacy && i < IPT_TABLES; i++) {
			if (!table_is_loaded(ipt_layers[layer].family, ipt_tables[i]))
				continue;
			rc = table_read(&table, ipt_layers[layer].family, ipt_tables[i], fault);
			if (rc == 0)
				rc = visit(ruleset, layer, ipt_tables[i], &table, arg, fault);
			table_free(&table);
		}
	return rc;
}

struct look {
	struct sha256_ctx sum[2]; /* of all rules, and without ours */
};

static int look_at_table(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, void *arg,
			 struct fault *fault)
{
	struct look *look = arg;

	(void)ruleset;
	(void)fault;
	for (int without_ours = 0; without_ours < 2; without_ours++) {
		struct sha256_ctx *sum = &look->sum[without_ours];

		sha256_update(sum, 1, (const uint8_t[]){ (uint8_t)layer });
		sha256_update(sum, strlen(name) + 1, (const uint8_t *)name);
		table_hash(table, without_ours, sum);
	}
	return 0;
}

/* The legacy tables as they are. */
static int attempt_look(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	struct sight *sight = (void *)(uintptr_t)arg;
	struct look look;
	int rc;

	sha256_init(&look.sum[0]);
	sha256_init(&look.sum[1]);
	rc = each_legacy_table(ruleset, look_at_table, &look, fault);
	sha256_digest(&look.sum[0], DIGEST_SIZE, sight->all);
	sha256_digest(&look.sum[1], DIGEST_SIZE, sight->others);
	return rc;
}

static const char *tool_of(struct ruleset *ruleset, size_t layer, struct fault *fault)
{
	if (!ruleset->tool[layer])
		ruleset->tool[layer] = ipt_find(&ipt_layers[layer], fault);
	return ruleset->tool[layer];
}

/* --- choosing ----------------------------------------------------------------------------------------------------- */

static int add_place(struct ruleset *ruleset, size_t layer, const struct spot *spot, struct fault *fault)
{
	if (ruleset->places == LENGTH_OF(ruleset->place))
		return fault_set(fault, FAULT_FAILED, "more than %zu chains of iptables may block the port. Nothing was changed",
				 LENGTH_OF(ruleset->place));
	ruleset->place[ruleset->places++] = (struct place){ layer, *spot, spot->handle[0] != 0 };
	return 0;
}

static int choose_legacy(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, void *arg,
			 struct fault *fault)
{
	const struct opening *opening = arg;
	OWN_FREE char *listing = NULL;
	const struct survey *survey;

	(void)table;
	if (!tool_of(ruleset, layer, fault))
		return fault->code == ENOENT ? fault_at(fault,
							"tables of %s are loaded, which only that tool can read; if they do not "
							"block the port, set backend = nftables",
							ipt_layers[layer].name) :
					       -1;
	listing = ipt_list(ruleset->tool[layer], name, fault);
	survey = listing ? survey_listing(listing, ipt_layers[layer].family, name, opening, fault) : NULL;
	for (size_t i = 0; survey && i < survey->spots; i++)
		if (add_place(ruleset, layer, &survey->spot[i], fault) < 0)
			return -1;
	if (survey && survey->shut[0])
		memcpy(ruleset->evidence.shut, survey->shut, sizeof(survey->shut));
	if (survey && survey->client[0] && !ruleset->client[0])
		snprintf(ruleset->client, sizeof(ruleset->client), "%s", survey->client);
	return survey ? 0 : -1;
}

static int choose_nft(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	const struct survey *survey = survey_choose(opening, fault);

	for (size_t i = 0; survey && i < survey->spots; i++) {
		const struct spot *spot = &survey->spot[i];

		if (spot->holder == HOLDER_IPTABLES && (spot->family == NFPROTO_IPV4 || spot->family == NFPROTO_IPV6) &&
		    ipt_table(spot->table) < IPT_TABLES && add_place(ruleset, layer_of(spot->family), spot, fault) < 0)
			return -1;
	}
	if (survey && survey->shut[0])
		memcpy(ruleset->evidence.shut, survey->shut, sizeof(survey->shut));
	ruleset->generation = survey ? survey->generation : 0;
	ruleset->busy = survey && !survey->generation;
	return survey ? 0 : -1;
}

static int attempt_choose(struct ruleset *ruleset, const void *opening, struct fault *fault)
{
	int rc = has_tables(ruleset, fault);

	ruleset->evidence.shut[0] = '\0';
	ruleset->places = 0;
	ruleset->client[0] = '\0';
	ruleset->busy = false;
	if (rc > 0)
		rc = choose_nft(ruleset, opening, fault);
	if (rc == 0)
		rc = attempt_look(ruleset, &ruleset->seen, fault);
	if (rc == 0)
		rc = each_legacy_table(ruleset, choose_legacy, (void *)(uintptr_t)opening, fault);
	ruleset->chosen = rc == 0;
	ruleset->stale = rc != 0;
	return rc;
}

static bool needs(const struct ruleset *ruleset, size_t layer)
{
	for (size_t i = 0; i < ruleset->places; i++)
		if (ruleset->place[i].layer == layer)
			return true;
	return false;
}

static bool needs_addrtype(const struct ruleset *ruleset, size_t layer)
{
	for (size_t i = 0; i < ruleset->places; i++)
		if (ruleset->place[i].layer == layer && ruleset->place[i].spot.bound == BOUND_BY_FIB)
			return true;
	return false;
}

/*
 * The tool has a library for each match, whatever the kernel has. Without two of them the window has a net less, without the others
 * there is no rule: such a kernel has no module for them, today or tomorrow.
 */
static int ask_kernel(struct ruleset *ruleset, size_t layer, bool *bound, bool *timed, struct fault *fault)
{
	struct {
		const char *match;
		uint8_t revision;
		bool wanted, *net;
	} asked[] = {
		{ "comment", 0, true, NULL },
		{ "addrtype", 1, needs_addrtype(ruleset, layer), NULL },
		{ "socket", 2, *bound, bound },
		{ "time", 0, *timed, timed },
	};

	for (size_t i = 0; i < LENGTH_OF(asked); i++) {
		int has = asked[i].wanted ? ipt_kernel_has(ipt_layers[layer].legacy ? NULL : &ruleset->netlink,
							   ipt_layers[layer].family, asked[i].match, asked[i].revision, fault) :
					    1;

		if (has < 0)
			return -1;
		if (!has && !asked[i].net)
			return fault_set(fault, FAULT_FAILED, "this kernel has no -m %s for %s: it needs the module xt_%s%s",
					 asked[i].match, ipt_layers[layer].name, asked[i].match,
					 ipt_layers[layer].legacy ? "" : " and nft_compat");
		if (!has)
			*asked[i].net = false;
	}
	return 0;
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
		if (ask_kernel(ruleset, i, &bound, &timed, fault) < 0)
			return -1;
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

enum action { INSERT, DELETE };

/* The addresses that the names resolve to, in chains where only those are meant; 0: they are not known. */
static uint32_t count_addresses(const struct place *place, const struct opening *opening)
{
	const bool v4 = ipt_layers[place->layer].family == NFPROTO_IPV4;

	return place->spot.bound == BOUND_BY_ADDRESS ? (v4 ? opening->addresses4 : opening->addresses6) : 0;
}

/* What is for this host: -m addrtype, or where only some addresses are meant those. */
static void add_bound(struct ipt_words *command, const struct place *place, const struct opening *opening)
{
	const bool v4 = ipt_layers[place->layer].family == NFPROTO_IPV4;
	char list[OPENING_ADDRESSES * INET6_ADDRSTRLEN] = "", text[INET6_ADDRSTRLEN];
	size_t used = 0;

	if (place->spot.bound == BOUND_BY_HOOK)
		return;
	if (place->spot.bound == BOUND_BY_FIB || !count_addresses(place, opening)) {
		ipt_add_all(command, place->spot.leaving ? "-m addrtype --src-type LOCAL" : "-m addrtype --dst-type LOCAL");
		return;
	}
	for (uint32_t i = 0; i < count_addresses(place, opening) && i < OPENING_ADDRESSES; i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? "," : "",
					 inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? opening->address4[i] : opening->address6[i], text,
						   sizeof(text)));
	ipt_add(command, "-d");
	ipt_add(command, list);
}

static void add_place_of(struct ipt_words *command, const struct place *place, const struct opening *opening, enum action action)
{
	const struct spot *spot = &place->spot;
	char text[48];

	ipt_add(command, action == DELETE ? "-D" : "-I");
	ipt_add(command, spot->chain);
	if (action != DELETE) {
		snprintf(text, sizeof(text), "%u", spot->number);
		ipt_add(command, text);
	}
	snprintf(text, sizeof(text), "-p tcp --%cport %u%s", spot->leaving ? 's' : 'd', spot->port, spot->leaving ? " ! --syn" : "");
	ipt_add_all(command, text);
	add_bound(command, place, opening);
}

/* With a time in the past, a machine that boots in the past does not reopen either. */
static void make_rule(const struct ruleset *ruleset, struct ipt_words *command, const struct place *place,
		      const struct opening *opening, enum action action)
{
	const bool bindable = place->spot.bindable && !place->spot.leaving && place->spot.port == opening->target;

	ipt_begin(command, ruleset->tool[place->layer], place->spot.table);
	add_place_of(command, place, opening, action);
	if (ruleset->bound && bindable)
		ipt_add_all(command, "-m socket --transparent --nowildcard");
	if (ruleset->timed) {
		ipt_add_all(command, "-m time");
		add_time(command, "--datestart", ruleset->start);
		add_time(command, "--datestop", ruleset->stop);
	}
	ipt_add_all(command, "-m comment --comment");
	ipt_add(command, opening->tag);
	ipt_add_all(command, place->spot.returns ? "-j RETURN" : "-j ACCEPT");
}

/* A rule that was just inserted moves the places behind it. */
static void move_places(struct ruleset *ruleset, const struct place *inserted, const struct opening *opening)
{
	const uint32_t named = count_addresses(inserted, opening), rules = named ? named : 1;

	for (struct place *place = ruleset->place; place < ruleset->place + ruleset->places; place++)
		if (place != inserted && place->layer == inserted->layer && !strcmp(place->spot.table, inserted->spot.table) &&
		    !strcmp(place->spot.chain, inserted->spot.chain) && place->spot.number >= inserted->spot.number)
			place->spot.number += rules;
}

/* Has anybody changed the chains since the places were chosen? Then their numbers may be of other rules. */
static bool is_stale(struct ruleset *ruleset, const struct place *place)
{
	uint32_t generation;
	struct fault ignored;
	struct sight now;

	if (ipt_layers[place->layer].legacy)
		return attempt_look(ruleset, &now, &ignored) < 0 || memcmp(now.all, ruleset->seen.all, sizeof(now.all));
	return netlink_generation(&ruleset->netlink, &generation, &ignored) < 0 || generation != ruleset->generation;
}

/* Others may have changed the chain while our rule was on its way into it: it went by a number that was that of another rule. */
static bool is_misplaced(const struct ruleset *ruleset, const struct place *place)
{
	const struct spot *spot = &place->spot;

	/* the rules of legacy tables do not tell their age */
	return place->present && spot->ahead && (ipt_layers[place->layer].legacy ? ruleset->inserted : spot->ahead < spot->handle[0]);
}

static int run_rule(struct ruleset *ruleset, struct place *place, const struct opening *opening, enum action action,
		    struct fault *fault)
{
	struct ipt_words command;
	pid_t pid;

	make_rule(ruleset, &command, place, opening, action);
	if (ipt_run(&command, &pid, fault) < 0) {
		ruleset->stale = is_stale(ruleset, place);
		return ruleset->stale ? AGAIN : -1;
	}
	news_expect(pid);
	return 0;
}

static int insert_one(struct ruleset *ruleset, struct place *place, const struct opening *opening, struct fault *fault)
{
	int rc = tool_of(ruleset, place->layer, fault) ? 0 : -1;

	if (rc == 0 && is_misplaced(ruleset, place))
		rc = run_rule(ruleset, place, opening, DELETE, fault);
	if (rc == 0)
		rc = run_rule(ruleset, place, opening, INSERT, fault);
	if (rc < 0)
		return rc;
	if (place->spot.ahead)
		ruleset->evidence.shut[0] = '\0';
	place->spot.ahead = 0;
	move_places(ruleset, place, opening);
	ruleset->inserted = true;
	return 0;
}

/* Opens where it does not stand yet. AGAIN when it did, since a tool that ends with 0 is no proof. */
static int insert_missing(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	const struct place *last = NULL;
	int rc;

	for (struct place *place = ruleset->place; place < ruleset->place + ruleset->places; place++) {
		if (place->present && !is_misplaced(ruleset, place))
			continue;
		rc = insert_one(ruleset, place, opening, fault);
		if (rc < 0)
			return rc;
		last = place;
	}
	if (!last)
		return 0;
	fault_set(fault, FAULT_LATER, "%s has made no rule in %s %s", ipt_layers[last->layer].name, last->spot.table,
		  last->spot.chain);
	return AGAIN;
}

static int mark_legacy(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, void *tag,
		       struct fault *fault)
{
	(void)fault;
	for (struct place *place = ruleset->place; place < ruleset->place + ruleset->places; place++)
		if (place->layer == layer && !strcmp(place->spot.table, name))
			place->present = table_has(table, place->spot.chain, tag);
	return 0;
}

static int read_back(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	const struct sweep sweep = sweep_of(ruleset, tag);
	struct marks ours = { 0 };

	if (ruleset->netlink.socket && sweep_find(&sweep, &ours, fault) == -1)
		return -1;
	for (size_t i = 0; i < ruleset->places; i++)
		ruleset->place[i].present = false;
	for (struct place *place = ruleset->place; place < ruleset->place + ruleset->places; place++)
		for (size_t i = 0; i < ours.count && !ipt_layers[place->layer].legacy; i++)
			if (ours.item[i].family == ipt_layers[place->layer].family &&
			    !strcmp(ours.item[i].table, place->spot.table) && !strcmp(ours.item[i].name, place->spot.chain)) {
				place->present = true;
				place->spot.handle[0] = ours.item[i].handle;
			}
	return each_legacy_table(ruleset, mark_legacy, (void *)(uintptr_t)tag, fault);
}

/*
 * Has it come to stand everywhere? What is missing then was swept away by somebody, and the numbers of the rules are others now. What
 * the legacy tables look like is noted before the reading: what is swept away after it is seen at the next look.
 */
static int check_places(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	const struct sight before = ruleset->seen;
	int rc = attempt_look(ruleset, &ruleset->seen, fault);

	ruleset->stale = memcmp(before.others, ruleset->seen.others, sizeof(before.others));
	if (rc == 0)
		rc = read_back(ruleset, tag, fault);
	for (size_t i = 0; i < ruleset->places; i++)
		ruleset->stale = ruleset->stale || !ruleset->place[i].present;
	return rc;
}

/* Succeeds when a reading shows the rule in every place; another program may be removing our rules meanwhile. */
static int attempt_open(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	const struct opening *opening = arg;
	int rc = ruleset->chosen || ruleset->stale ? 0 : check_places(ruleset, opening->tag, fault);

	if (rc == 0 && ruleset->stale)
		rc = attempt_choose(ruleset, opening, fault);
	ruleset->chosen = false;
	return rc < 0 ? rc : insert_missing(ruleset, opening, fault);
}

/* It matches until the end of the last second. */
static void set_time(struct ruleset *ruleset, const struct opening *opening)
{
	ruleset->start = time(NULL);
	ruleset->stop = ruleset->start + opening->seconds - 1;
}

/* Of nf_tables, what was chosen before the window holds; if somebody has changed it since, there is news, and it is mended. */
static int ipt_open(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	const struct itimerspec often = { { 0, LOOK_AGAIN }, { 0, LOOK_AGAIN } };
	struct sight now;

	ruleset->made = *opening;
	ruleset->inserted = false;
	set_time(ruleset, opening);
	if (netlink_insist(attempt_look, ruleset, &now, fault) < 0 ||
	    (memcmp(now.all, ruleset->seen.all, sizeof(now.all)) && netlink_insist(attempt_choose, ruleset, opening, fault) < 0))
		return -1;
	if ((needs(ruleset, 2) || needs(ruleset, 3)) && timerfd_settime(ruleset->timer, 0, &often, NULL) < 0)
		return fault_errno(fault, FAULT_LATER, "starting a timer");
	if (ruleset->busy) /* others commit all the time: that is no news */
		news_rest(&ruleset->news, false);
	return netlink_insist(attempt_open, ruleset, opening, fault);
}

/* Have the legacy tables changed since they were last looked at? They tell nobody. 1: yes. */
static int look_at_legacy(struct ruleset *ruleset, struct fault *fault)
{
	struct sight now;
	uint64_t ticks;

	if (read(ruleset->timer, &ticks, sizeof(ticks)) < 0)
		return 0;
	if (netlink_insist(attempt_look, ruleset, &now, fault) < 0)
		return -1;
	return memcmp(now.all, ruleset->seen.all, sizeof(now.all)) != 0;
}

/* Are the rules in iptables-nft still there? Each is asked for by its handle. 0: one is not. */
static int attempt_check(struct ruleset *ruleset, const void *tag, struct fault *fault)
{
	const struct sweep sweep = sweep_of(ruleset, tag);

	for (const struct place *place = ruleset->place; place < ruleset->place + ruleset->places; place++) {
		const struct spot *spot = &place->spot;
		int ours = ipt_layers[place->layer].legacy ?
				   1 :
				   sweep_is_ours(&sweep, spot->family, spot->table, spot->chain, spot->handle[0], fault);

		if (ours <= 0)
			return ours;
	}
	return 1;
}

/* One rule that is gone is put back at once. But the chains are not read after each of many commits. */
static int ipt_mend(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	bool look, heard = news_heard(&ruleset->news, ruleset->netlink.port, &look);
	int legacy = look_at_legacy(ruleset, fault), rc;

	ruleset->inserted = false;
	if (legacy < 0)
		return -1;
	if (!look && !legacy) {
		rc = heard ? netlink_insist(attempt_check, ruleset, opening->tag, fault) : 1;
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	rc = netlink_insist(attempt_choose, ruleset, opening, fault);
	if (rc == 0)
		rc = netlink_insist(attempt_open, ruleset, opening, fault);
	news_rest(&ruleset->news, rc < 0 && fault->kind == FAULT_LATER);
	return rc < 0 ? -1 : ruleset->inserted;
}

/* --- closing ------------------------------------------------------------------------------------------------------ */

/* What this process has made is known without a listing of all rules. 1: removed. 0: there is no such rule. */
static int remove_known(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, const char *tag,
			struct fault *fault)
{
	int removed = 0;

	if (!tag || strcmp(tag, ruleset->made.tag))
		return 0;
	for (const struct place *place = ruleset->place; place < ruleset->place + ruleset->places; place++) {
		struct ipt_words command;
		pid_t pid;

		if (place->layer != layer || strcmp(place->spot.table, name) || !table_has(table, place->spot.chain, tag))
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
	tag_count(&ruleset->evidence, table_packets(table, tag));
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
	const struct sweep sweep = sweep_of(ruleset, tag);
	int swept = ruleset->netlink.socket ? sweep_close(&sweep, fault) : 0;

	ruleset->removed = false;
	if (netlink_insist(attempt_close_legacy, ruleset, tag, fault) < 0 || swept < 0)
		return -1;
	(void)timerfd_settime(ruleset->timer, 0, &never, NULL);
	return ruleset->removed || swept;
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
static int admit_legacy(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, void *arg,
			struct fault *fault)
{
	OWN_FREE char *listing = tool_of(ruleset, layer, fault) ? ipt_list(ruleset->tool[layer], name, fault) : NULL;
	struct admission *admission = arg;
	uint64_t these = admission->admitted, others = 0;

	(void)table;
	for (size_t i = 0; i < admission->peers; i++)
		others |= admission->peer[i].family == ipt_layers[layer].family ? 0 : UINT64_C(1) << i;
	if (!listing || survey_peers_listed(listing, ipt_layers[layer].family, name, admission->opening, admission->peer,
					    admission->peers, &these, fault) < 0)
		return -1;
	admission->admitted &= these | others;
	return 0;
}

static int ipt_admit(struct ruleset *ruleset, const struct opening *opening, const struct peer *peer, size_t n, uint64_t *admitted,
		     struct fault *fault)
{
	struct admission admission = { opening, peer, n, *admitted };

	if ((ruleset->netlink.socket && survey_peers(opening, peer, n, &admission.admitted, fault) < 0) ||
	    each_legacy_table(ruleset, admit_legacy, &admission, fault) < 0)
		return -1;
	*admitted = admission.admitted;
	return 0;
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static int attempt_digest(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	unsigned char nft[DIGEST_SIZE] = { 0 };
	int rc = has_tables(ruleset, fault);
	struct sha256_ctx sum;
	struct sight sight;

	if (rc > 0)
		rc = survey_digest(nft, fault);
	if (rc == 0)
		rc = attempt_look(ruleset, &sight, fault);
	if (rc < 0)
		return rc;
	sha256_init(&sum);
	sha256_update(&sum, sizeof(nft), nft);
	sha256_update(&sum, sizeof(sight.others), sight.others);
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

static int ipt_plan(struct ruleset *ruleset, const struct opening *opening, struct plan *plan, struct fault *fault)
{
	if (watch_all(ruleset, fault) < 0 || netlink_insist(attempt_choose, ruleset, opening, fault) < 0 ||
	    probe(ruleset, opening->own_listener, fault) < 0)
		return -1;
	set_time(ruleset, opening);
	for (const struct place *place = ruleset->place; place < ruleset->place + ruleset->places; place++) {
		struct ipt_words command;
		size_t used = 0;

		if (place->spot.lost[0] && !plan->lost[0])
			snprintf(plan->lost, sizeof(plan->lost), "%s %s %s: %s", ipt_layers[place->layer].name, place->spot.table,
				 place->spot.chain, place->spot.lost);
		if (plan->lines == PLAN_LINES)
			continue;
		make_rule(ruleset, &command, place, opening, INSERT);
		for (size_t w = 0; w < command.words && used < sizeof(plan->line[0]); w++)
			used += (size_t)snprintf(plan->line[plan->lines] + used, sizeof(plan->line[0]) - used, "%s%s", w ? " " : "",
						 command.word[w]);
		plan->lines++;
		plan->unbound = plan->unbound || (opening->own_listener && !ruleset->bound);
		plan->untimed = plan->untimed || !ruleset->timed;
	}
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
static int ipt_attach(struct ruleset **out, const struct config *config, struct fault *fault)
{
	struct ruleset *ruleset = calloc(1, sizeof(*ruleset));
	int rc;

	(void)config;
	if (!ruleset)
		return fault_errno(fault, FAULT_LATER, "attaching to iptables");
	ruleset->news = NEWS_CLOSED;
	ruleset->timer = -1;
	rc = netlink_open(&ruleset->netlink, fault);
	for (size_t i = 0; rc == 0 && i < IPT_LAYERS * IPT_TABLES; i++)
		rc = ipt_layers[i / IPT_TABLES].legacy &&
		     table_is_loaded(ipt_layers[i / IPT_TABLES].family, ipt_tables[i % IPT_TABLES]);
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
	.name = "iptables",
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
