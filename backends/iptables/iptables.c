// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/iptables/iptables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "backends/helper.h"
#include "backends/nft/builtin.h"
#include "backends/nft/news.h"
#include "backends/nft/survey.h"
#include "backends/nft/sweep.h"
#include "backends/nft/tag.h"

#define LOOK_AGAIN 250000000L /* nanoseconds: the legacy tables tell nobody of a change */
#define STATE_SIZE 256
#define STATE "ACMEGATE_STATE="
#define PLACES "ACMEGATE_PLACES="

/* Its tools may wait for each other's lock, five seconds each; it prints the legacy tables for the surveyor. */
static const struct helper iptables = {
	.program = "-iptables", .plan_line = "/usr/sbin/ip", .seconds = 60, .armed = true, .most = (size_t)64 * 1024 * 1024
};

/* A chain that needs the rule. */
struct place {
	bool legacy;
	struct spot spot; /* with the handle of our rule in iptables-nft, once that was read */
	bool present;	  /* the rule is there */
};

struct ruleset {
	struct netlink netlink; /* no socket: no nf_tables */
	struct news news;
	int timer;	     /* for the legacy tables; -1: none */
	struct opening made; /* by this process */
	size_t places;
	struct place place[2 * SURVEY_MOST];
	uint32_t generation;	      /* when the places were chosen */
	bool chosen;		      /* the places are as the last reading showed them */
	bool stale;		      /* somebody has changed the chains since: choose again */
	char client[FAULT_TEXT_SIZE]; /* how a legacy table may stop our client */
	bool inserted;
	bool unsure;		/* a helper has failed: something that it has started may be at work */
	bool busy;		/* others committed all the time while the places were chosen */
	char state[STATE_SIZE]; /* what the helper wants to know again: the legacy tables as it saw them, its tools, the rules' time */
	struct evidence evidence;
};

/* --- asking the helper -------------------------------------------------------------------------------------------- */

static const char *layer_of(const struct place *place)
{
	const bool v4 = place->spot.family == NFPROTO_IPV4;

	return place->legacy ? (v4 ? "iptables-legacy" : "ip6tables-legacy") : (v4 ? "iptables-nft" : "ip6tables-nft");
}

/* Others may have changed the chain while our rule was on its way into it: it went by a number that was that of another rule. */
static bool is_misplaced(const struct ruleset *ruleset, const struct place *place)
{
	const struct spot *spot = &place->spot;

	/* the rules of legacy tables do not tell their age */
	return place->present && spot->ahead && (place->legacy ? ruleset->inserted : spot->ahead < spot->handle[0]);
}

static bool is_missing(const struct ruleset *ruleset, const struct place *place)
{
	return !place->present || is_misplaced(ruleset, place);
}

/* All legacy tables are read back together: what they are seen as afterwards is the state of all places there. */
static bool is_to_open(const struct ruleset *ruleset, const struct place *place)
{
	return place->legacy || is_missing(ruleset, place);
}

static bool is_legacy(const struct ruleset *ruleset, const struct place *place)
{
	(void)ruleset;
	return place->legacy;
}

static bool is_any(const struct ruleset *ruleset, const struct place *place)
{
	(void)ruleset, (void)place;
	return true;
}

typedef bool choice(const struct ruleset *ruleset, const struct place *place);

/* The last of these places, or NULL. */
static struct place *find_last(struct ruleset *ruleset, choice *chosen)
{
	struct place *last = NULL;

	for (struct place *place = ruleset->place; place < ruleset->place + ruleset->places; place++)
		last = chosen(ruleset, place) ? place : last;
	return last;
}

/* The packets for this host: all in the chain, those that the kernel's routing calls local, or those to some addresses. */
static void write_reach(FILE *text, const struct place *place, const struct opening *opening)
{
	const bool v4 = place->spot.family == NFPROTO_IPV4;
	uint32_t named = v4 ? opening->addresses4 : opening->addresses6;
	char address[INET6_ADDRSTRLEN];

	if (place->spot.bound != BOUND_BY_ADDRESS)
		named = 0;
	if (!named)
		fputs(place->spot.bound == BOUND_BY_HOOK ? "any" : "local", text);
	for (uint32_t i = 0; i < named && i < OPENING_ADDRESSES; i++)
		fprintf(text, "%s%s", i ? "," : "",
			inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? opening->address4[i] : opening->address6[i], address,
				  sizeof(address)));
}

/* In the words of program.h. */
static void write_place(FILE *text, const struct ruleset *ruleset, const struct place *place, const struct opening *opening)
{
	const struct spot *spot = &place->spot;
	const bool bindable = opening->own_listener && spot->bindable && !spot->leaving && spot->port == opening->target;

	fprintf(text, "%s %u %u %s %s %s %s ", layer_of(place), spot->number, spot->port, spot->leaving ? "from" : "to",
		is_misplaced(ruleset, place) ? "again" : "once", bindable ? "bound" : "free", spot->returns ? "RETURN" : "ACCEPT");
	write_reach(text, place, opening);
	fprintf(text, " %s %s\n", spot->table, spot->chain);
}

static int write_places(char **text, const struct ruleset *ruleset, choice *chosen, const struct opening *opening, struct fault *fault)
{
	size_t size;
	FILE *file = open_memstream(text, &size);
	bool bad = false;

	if (!file)
		return fault_errno(fault, FAULT_LATER, "preparing to run a helper");
	fputs(PLACES, file);
	for (const struct place *place = ruleset->place; place < ruleset->place + ruleset->places; place++) {
		bad = bad || strchr(place->spot.chain, '\n');
		if (chosen && chosen(ruleset, place))
			write_place(file, ruleset, place, opening);
	}
	if (fclose(file) == 0 && !bad)
		return 0;
	return fault_set(fault, FAULT_FAILED, "a chain of iptables has a line feed in its name");
}

/* The caller frees *answer, the output of the helper. The chosen places (NULL: none) are handed over. */
static int ask(struct ruleset *ruleset, const char *verb, const char *tag, const struct opening *opening, choice *chosen,
	       char **answer, struct fault *fault)
{
	OWN_FREE char *places = NULL;
	char state[sizeof(STATE) + STATE_SIZE];
	struct question question = { .verb = verb, .tag = tag, .port = opening->target, .seconds = opening->seconds, .own = { state } };
	int rc;

	*answer = NULL;
	snprintf(state, sizeof(state), STATE "%s", ruleset->state);
	if (write_places(&places, ruleset, chosen, opening, fault) < 0)
		return -1;
	question.own[1] = places;
	rc = helper_ask(&iptables, &question, answer, fault);
	ruleset->unsure = ruleset->unsure || rc == -1;
	return rc;
}

/* The first line of what it printed, cut off. NULL: there is none. */
static char *take_line(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	if (!end)
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return line;
}

/* Takes the state in the first line, and hands out the second. */
static char *take_state(struct ruleset *ruleset, char **rest, struct fault *fault)
{
	const char *state = take_line(rest);
	char *line = state ? take_line(rest) : NULL;

	if (!line || strlen(state) >= STATE_SIZE) {
		helper_is_nonsense(&iptables, 0, state ? state : "nothing", fault);
		return NULL;
	}
	memcpy(ruleset->state, state, strlen(state) + 1);
	return line;
}

/* --- choosing ----------------------------------------------------------------------------------------------------- */

/* Are there tables of iptables-nft? 0: no rule needs to be read. */
static int has_tables(struct ruleset *ruleset, struct fault *fault)
{
	return ruleset->netlink.socket ? sweep_has_iptables(&ruleset->netlink, fault) : 0;
}

static bool has_legacy(void)
{
	return ipt_loaded(NFPROTO_IPV4) || ipt_loaded(NFPROTO_IPV6);
}

static struct sweep sweep_of(struct ruleset *ruleset, const char *tag)
{
	return (struct sweep){ .netlink = &ruleset->netlink, .mark = MARK_MATCH, .tag = tag, .evidence = &ruleset->evidence };
}

typedef int take_listing(struct ruleset *ruleset, const char *listing, uint8_t family, const char *table, void *arg,
			 struct fault *fault);

/* "ip filter 1234": so many bytes of what -S printed follow. The length of this listing, or -1. */
static ssize_t read_heading(const char *heading, uint8_t *family, const char **table)
{
	const char *word = strchr(heading, ' '), *number = word ? strchr(word + 1, ' ') : NULL;

	*table = NULL;
	*family = strncmp(heading, "ip ", 3) ? NFPROTO_IPV6 : NFPROTO_IPV4;
	for (size_t i = 0; number && i < IPT_TABLES; i++)
		if (!strncmp(word + 1, ipt_tables[i], (size_t)(number - word - 1)) && !ipt_tables[i][number - word - 1])
			*table = ipt_tables[i];
	return *table && strspn(number + 1, "0123456789") < 9 ? (ssize_t)strtol(number + 1, NULL, 10) : -1;
}

/* Each legacy table that is loaded, as the helper's tools print it. */
static int each_listing(struct ruleset *ruleset, take_listing *take, void *arg, struct fault *fault)
{
	OWN_FREE char *answer = NULL;
	int rc = has_legacy() ? ask(ruleset, "list", NULL, &ruleset->made, NULL, &answer, fault) : 0;
	char *rest = answer, *heading = answer && rc == 0 ? take_state(ruleset, &rest, fault) : NULL;

	if (rc < 0 || (answer && !heading))
		return rc < 0 ? rc : -1;
	for (; heading && heading[0] && rc == 0; heading = take_line(&rest)) {
		const char *table;
		uint8_t family;
		ssize_t length = read_heading(heading, &family, &table);

		if (length <= 0 || (size_t)length > strlen(rest) || rest[length - 1] != '\n')
			return helper_is_nonsense(&iptables, 0, heading, fault);
		rest[length - 1] = '\0';
		rc = take(ruleset, rest, family, table, arg, fault);
		rest += length;
	}
	return rc;
}

static int add_place(struct ruleset *ruleset, bool legacy, const struct spot *spot, struct fault *fault)
{
	if (ruleset->places == LENGTH_OF(ruleset->place))
		return fault_set(fault, FAULT_FAILED, "more than %zu chains of iptables may block the port. Nothing was changed",
				 LENGTH_OF(ruleset->place));
	ruleset->place[ruleset->places++] = (struct place){ legacy, *spot, spot->handle[0] != 0 };
	return 0;
}

static void note_shut(struct ruleset *ruleset, const struct survey *survey)
{
	if (survey->shut[0])
		memcpy(ruleset->evidence.shut, survey->shut, sizeof(survey->shut));
}

static int choose_legacy(struct ruleset *ruleset, const char *listing, uint8_t family, const char *table, void *opening,
			 struct fault *fault)
{
	const struct survey *survey = survey_listing(listing, family, table, opening, fault);

	for (size_t i = 0; survey && i < survey->spots; i++) {
		struct spot spot = survey->spot[i];

		spot.family = family;
		snprintf(spot.table, sizeof(spot.table), "%s", table);
		if (add_place(ruleset, true, &spot, fault) < 0)
			return -1;
	}
	if (!survey)
		return -1;
	note_shut(ruleset, survey);
	if (survey->client[0] && !ruleset->client[0])
		snprintf(ruleset->client, sizeof(ruleset->client), "%s", survey->client);
	return 0;
}

static int choose_nft(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	const struct survey *survey = survey_choose(opening, fault);

	for (size_t i = 0; survey && i < survey->spots; i++) {
		const struct spot *spot = &survey->spot[i];

		if (spot->holder == HOLDER_IPTABLES && (spot->family == NFPROTO_IPV4 || spot->family == NFPROTO_IPV6) &&
		    ipt_table(spot->table) < IPT_TABLES && add_place(ruleset, false, spot, fault) < 0)
			return -1;
	}
	if (survey)
		note_shut(ruleset, survey);
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
		rc = each_listing(ruleset, choose_legacy, (void *)(uintptr_t)opening, fault);
	ruleset->chosen = rc == 0;
	ruleset->stale = rc != 0;
	return rc;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

/* The commits of its tools are no news. */
static int take_made(const char *numbers, struct fault *fault)
{
	char *end;
	long made = strtol(numbers, &end, 10);

	if (end == numbers || made < 0 || made > INT16_MAX)
		return helper_is_nonsense(&iptables, 0, numbers, fault);
	for (const char *number = end; *number == ' '; number = end)
		news_expect((pid_t)strtol(number + 1, &end, 10));
	return (int)made;
}

/* Has anybody changed the chains of iptables-nft since the places were chosen? Then their numbers may be of other rules. */
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
	const struct place *last = find_last(ruleset, chosen);
	OWN_FREE char *answer = NULL;
	char *rest, *numbers;
	int rc;

	if (!last)
		return 0;
	rc = ask(ruleset, "open", opening->tag, opening, chosen, &answer, fault);
	if (rc == AGAIN)
		ruleset->inserted = ruleset->inserted || fault->code == HELPER_MADE;
	if (rc == -1 && chosen != is_legacy && is_stale(ruleset))
		rc = AGAIN;
	ruleset->stale = rc == AGAIN;
	if (rc < 0)
		return rc;
	rest = answer;
	numbers = take_state(ruleset, &rest, fault);
	return numbers ? take_made(numbers, fault) : -1;
}

/* Opens where it does not stand yet. AGAIN when it did in iptables-nft, since a tool that ends with 0 is no proof. */
static int insert_missing(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	const struct place *last = NULL;
	int rc = find_last(ruleset, is_missing) ? ask_to_open(ruleset, opening, is_to_open, fault) : 0;

	if (rc < 0)
		return rc;
	for (struct place *place = ruleset->place; place < ruleset->place + ruleset->places; place++) {
		if (!is_missing(ruleset, place))
			continue;
		if (place->spot.ahead)
			ruleset->evidence.shut[0] = '\0';
		place->spot.ahead = 0;
		place->present = place->legacy;
		last = place->legacy ? last : place;
		ruleset->inserted = true;
	}
	if (!last)
		return 0;
	fault_set(fault, FAULT_LATER, "%s has made no rule in %s %s", layer_of(last), last->spot.table, last->spot.chain);
	return AGAIN;
}

static int read_back(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	const struct sweep sweep = sweep_of(ruleset, tag);
	struct marks ours = { 0 };

	if (ruleset->netlink.socket && sweep_find(&sweep, &ours, fault) == -1)
		return -1;
	for (struct place *place = ruleset->place; place < ruleset->place + ruleset->places; place++) {
		place->present = place->legacy && place->present;
		for (size_t i = 0; i < ours.count && !place->legacy; i++)
			if (ours.item[i].family == place->spot.family && !strcmp(ours.item[i].table, place->spot.table) &&
			    !strcmp(ours.item[i].name, place->spot.chain)) {
				place->present = true;
				place->spot.handle[0] = ours.item[i].handle;
			}
		ruleset->stale = ruleset->stale || !place->present;
	}
	return 0;
}

/* Succeeds when a reading shows the rule in every place; another program may be removing our rules meanwhile. */
static int attempt_open(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	const struct opening *opening = arg;
	int rc = ruleset->chosen || ruleset->stale ? 0 : read_back(ruleset, opening->tag, fault);

	if (rc == 0 && ruleset->stale)
		rc = attempt_choose(ruleset, opening, fault);
	ruleset->chosen = false;
	return rc < 0 ? rc : insert_missing(ruleset, opening, fault);
}

/* Of nf_tables, what was chosen before the window holds; if somebody has changed it since, there is news, and it is mended. */
static int ipt_open(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	const struct itimerspec often = { { 0, LOOK_AGAIN }, { 0, LOOK_AGAIN } };

	ruleset->made = *opening;
	ruleset->inserted = false;
	if (find_last(ruleset, is_legacy) && timerfd_settime(ruleset->timer, 0, &often, NULL) < 0)
		return fault_errno(fault, FAULT_LATER, "starting a timer");
	if (ruleset->busy) /* others commit all the time: that is no news */
		news_rest(&ruleset->news, false);
	return netlink_insist(attempt_open, ruleset, opening, fault);
}

/* The legacy tables tell nobody when they change: the helper looks. The number of rules that it put back; AGAIN, -1: choose again. */
static int look_at_legacy(struct ruleset *ruleset, struct fault *fault)
{
	uint64_t ticks;

	return read(ruleset->timer, &ticks, sizeof(ticks)) < 0 ? 0 : ask_to_open(ruleset, &ruleset->made, is_legacy, fault);
}

/* Are the rules in iptables-nft still there? Each is asked for by its handle. 0: one is not. */
static int attempt_check(struct ruleset *ruleset, const void *tag, struct fault *fault)
{
	const struct sweep sweep = sweep_of(ruleset, tag);

	for (const struct place *place = ruleset->place; place < ruleset->place + ruleset->places; place++) {
		const struct spot *spot = &place->spot;
		int ours = place->legacy ? 1 : sweep_is_ours(&sweep, spot->family, spot->table, spot->chain, spot->handle[0], fault);

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
	rc = netlink_insist(attempt_choose, ruleset, opening, fault);
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

	if (!has_legacy())
		return 0;
	if (ask(ruleset, "close", tag, &ruleset->made, known ? is_legacy : NULL, &answer, fault) < 0)
		return -1;
	removed = strtoul(answer, &end, 10);
	if (end == answer || *end != ' ')
		return helper_is_nonsense(&iptables, 0, answer, fault);
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

	ended = sure || (!has_legacy() && has_tables(ruleset, &why) == 0) ? 0 :
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
	    each_listing(ruleset, admit_legacy, &admission, fault) < 0)
		return -1;
	*admitted = admission.admitted;
	return 0;
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static int attempt_digest(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	unsigned char nft[DIGEST_SIZE] = { 0 };
	OWN_FREE char *legacy = NULL;
	int rc = has_tables(ruleset, fault);
	struct sha256_ctx sum;

	if (rc > 0)
		rc = survey_digest(nft, fault);
	if (rc == 0 && has_legacy())
		rc = ask(ruleset, "digest", NULL, &ruleset->made, NULL, &legacy, fault);
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

	if (ask(ruleset, "plan", opening->tag, opening, is_any, &answer, fault) < 0)
		return -1;
	rest = answer;
	lacks = take_state(ruleset, &rest, fault);
	if (!lacks)
		return -1;
	plan->unbound = plan->unbound || lacks[0] == '1';
	plan->untimed = plan->untimed || (lacks[0] && lacks[1] && lacks[2] == '1');
	return helper_take_plan(&iptables, rest, plan, fault);
}

static int ipt_plan(struct ruleset *ruleset, const struct opening *opening, struct plan *plan, struct fault *fault)
{
	ruleset->state[0] = '\0';
	if (watch_all(ruleset, fault) < 0 || netlink_insist(attempt_choose, ruleset, opening, fault) < 0 ||
	    (ruleset->places && ask_for_plan(ruleset, opening, plan, fault) < 0))
		return -1;
	for (const struct place *place = ruleset->place; place < ruleset->place + ruleset->places; place++)
		if (place->spot.lost[0] && !plan->lost[0])
			snprintf(plan->lost, sizeof(plan->lost), "%s %s %s: %s", layer_of(place), place->spot.table,
				 place->spot.chain, place->spot.lost);
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
	if (rc == 0)
		rc = has_legacy();
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
