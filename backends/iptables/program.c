// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * acmegate-iptables: runs the host's own iptables tools, and reads the tables of iptables-legacy. The gate starts it for one verb, as
 * helper.h says, and hands over the places that it has found (place.h). It keeps CAP_NET_ADMIN and CAP_NET_RAW, which the tools need, and
 * nothing else. It understands no ruleset: "list" prints the legacy tables for the surveyor.
 *
 * It prints for plan, open and list a line of state first, which comes back in ACMEGATE_STATE: digests of the legacy tables, what tools and
 * kernel can do, the rules' time, the tools. Then for
 *
 *	plan	"UNBOUND UNTIMED", each 0 or 1, and the commands
 *	open	how many rules it has made, and the process ids of the tools that did
 *	list	for each legacy table "ip filter 1234", and so many bytes of rules; an empty line
 *	close	how many rules it has removed, and the most packets that one of them has counted; no state
 *	digest	the digest of the legacy tables without our rules; no state
 *
 * Of iptables-nft it neither reads nor removes rules: there the gate does, by netlink.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <nettle/sha2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "backends/helper.h"
#include "backends/iptables/kernel.h"
#include "backends/iptables/place.h"
#include "backends/iptables/table.h"
#include "backends/iptables/tool.h"
#include "backends/nft/builtin.h"
#include "base/confine.h"
#include "base/log.h"
#include "base/seam.h"

#define HEX_SIZE (2 * DIGEST_SIZE + 1)
#define LINE_SIZE sizeof(((struct plan *)0)->line[0])
#define MOST_PIDS 32

/* The legacy tables, and what others have made of them. */
struct sight {
	char all[HEX_SIZE], others[HEX_SIZE];
};

/* By this process. */
struct done {
	bool found; /* a rule of ours that is to go */
	unsigned int made, removed, pids;
	pid_t pid[MOST_PIDS]; /* of the tools that have made them */
	uint64_t packets;     /* the most that a rule that went has counted */
};

/* netlink_insist() hands this to an attempt. */
struct ruleset {
	struct netlink netlink; /* no socket: not needed yet, or no nf_tables */
	const char *tag;	/* NULL: any */
	uint32_t seconds;
	struct places places;
	bool present[PLACES_MOST]; /* in legacy tables */
	struct rule rule;
	bool probed;	   /* rule.bound and rule.timed are known */
	struct sight seen; /* the legacy tables, when the places were chosen or rules were made */
	struct done done;
};

/* --- the legacy tables -------------------------------------------------------------------------------------------- */

typedef int visit_table(struct ruleset *, size_t layer, const char *name, const struct legacy_table *, void *, struct fault *);

static int visit_layer(struct ruleset *ruleset, size_t layer, visit_table *visit, void *arg, struct fault *fault)
{
	const unsigned int loaded = ipt_loaded(ipt_layers[layer].family);
	struct legacy_table table;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < IPT_TABLES; i++) {
		if (!(loaded & 1U << i))
			continue;
		rc = table_read(&table, ipt_layers[layer].family, ipt_tables[i], fault);
		if (rc == 0)
			rc = visit(ruleset, layer, ipt_tables[i], &table, arg, fault);
		table_free(&table);
	}
	return rc;
}

static bool is_of(size_t layer, uint8_t family)
{
	return family == NFPROTO_UNSPEC || ipt_layers[layer].family == family;
}

/* Visits each legacy table of this family that is loaded. */
static int each_legacy_table(struct ruleset *ruleset, uint8_t family, visit_table *visit, void *arg, struct fault *fault)
{
	int rc = 0;

	for (size_t layer = 0; rc == 0 && layer < IPT_LAYERS; layer++)
		rc = ipt_layers[layer].legacy && is_of(layer, family) ? visit_layer(ruleset, layer, visit, arg, fault) : 0;
	return rc;
}

static int hash_table(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, void *arg,
		      struct fault *fault)
{
	struct sha256_ctx *sums = arg; /* of all rules, and without ours */

	(void)ruleset;
	for (int without_ours = 0; without_ours < 2; without_ours++) {
		sha256_update(&sums[without_ours], 1, (const uint8_t[]){ (uint8_t)layer });
		sha256_update(&sums[without_ours], strlen(name) + 1, (const uint8_t *)name);
		if (table_hash(table, without_ours, &sums[without_ours], fault) < 0)
			return -1;
	}
	return 0;
}

static void write_digest(struct sha256_ctx *sum, char hex[HEX_SIZE])
{
	unsigned char digest[DIGEST_SIZE];

	sha256_digest(sum, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static int attempt_look(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	struct sight *sight = (void *)(uintptr_t)arg;
	struct sha256_ctx sums[2];
	int rc;

	sha256_init(&sums[0]);
	sha256_init(&sums[1]);
	rc = each_legacy_table(ruleset, NFPROTO_UNSPEC, hash_table, sums, fault);
	write_digest(&sums[0], sight->all);
	write_digest(&sums[1], sight->others);
	return rc;
}

static int look(struct ruleset *ruleset, struct sight *sight, struct fault *fault)
{
	return netlink_insist(attempt_look, ruleset, sight, fault);
}

static int mark_present(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, void *arg,
			struct fault *fault)
{
	(void)arg;
	(void)fault;
	for (size_t i = 0; i < ruleset->places.count; i++) {
		const struct place *place = &ruleset->places.place[i];

		if (place->layer == layer && !strcmp(place->table, name))
			ruleset->present[i] = table_has(table, place->chain, ruleset->tag);
	}
	return 0;
}

/* Notes which places in legacy tables have our rule. */
static int attempt_mark(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	(void)arg;
	memset(ruleset->present, 0, sizeof(ruleset->present));
	return each_legacy_table(ruleset, NFPROTO_UNSPEC, mark_present, NULL, fault);
}

/* --- tools and kernel --------------------------------------------------------------------------------------------- */

static const char *tool_of(struct ruleset *ruleset, size_t layer, struct fault *fault)
{
	if (!ruleset->rule.tool[layer])
		ruleset->rule.tool[layer] = ipt_find(&ipt_layers[layer], &ruleset->rule.prompt[layer], fault);
	return ruleset->rule.tool[layer];
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
		{ "addrtype", 1, places_need_addrtype(&ruleset->places, layer), NULL },
		{ "socket", 2, *bound, bound },
		{ "time", 0, *timed, timed },
	};

	if (!ipt_layers[layer].legacy && !ruleset->netlink.socket && netlink_open(&ruleset->netlink, fault) < 0)
		return -1;
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

static bool is_bindable(const struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		if (places->place[i].bindable)
			return true;
	return false;
}

static int probe_layer(struct ruleset *ruleset, size_t layer, bool *bound, bool *timed, struct fault *fault)
{
	struct rule *rule = &ruleset->rule;
	int knows = 0;

	if (!tool_of(ruleset, layer, fault))
		return fault_at(fault, "chains of %s block the port, and opening them takes that tool", ipt_layers[layer].name);
	if (ask_kernel(ruleset, layer, bound, timed, fault) < 0)
		return -1;
	for (int without = 0; without < 4 && !knows; without++) {
		rule->bound = *bound && !(without & 1);
		rule->timed = *timed && !(without & 2);
		knows = ipt_knows(rule->tool[layer], rule->bound, rule->timed, fault);
	}
	if (knows == 0)
		fault_set(fault, FAULT_FAILED, "%s does not know -m comment (module xt_comment)", rule->tool[layer]);
	*bound = rule->bound;
	*timed = rule->timed;
	return knows > 0 ? 0 : -1;
}

/* Finds the matches that all tools that are needed know. */
static int probe(struct ruleset *ruleset, struct fault *fault)
{
	bool bound = is_bindable(&ruleset->places) && !seam("no-socket"), timed = !seam("no-timeout");

	for (size_t i = 0; i < IPT_LAYERS && !ruleset->probed; i++)
		if (places_need(&ruleset->places, i) && probe_layer(ruleset, i, &bound, &timed, fault) < 0)
			return -1;
	ruleset->probed = true;
	return 0;
}

/* It matches until the end of the last second. */
static void set_time(struct rule *rule, uint32_t seconds)
{
	rule->start = time(NULL);
	rule->stop = rule->start + seconds - 1;
}

/* --- the state, which the gate keeps ------------------------------------------------------------------------------ */

/* The path of a tool is one of two: 1 and 2, or 3 and 4 for a prompt one. */
static unsigned int number_of_tool(const struct rule *rule, size_t layer)
{
	for (unsigned int i = 0; rule->tool[layer] && i < LENGTH_OF(ipt_layers[layer].paths); i++)
		if (!strcmp(rule->tool[layer], ipt_layers[layer].paths[i]))
			return i + (rule->prompt[layer] ? 3 : 1);
	return 0;
}

static void print_state(const struct ruleset *ruleset)
{
	const struct rule *rule = &ruleset->rule;

	printf("%s %s %d %d %d %lld %lld", ruleset->seen.all, ruleset->seen.others, ruleset->probed, rule->bound, rule->timed,
	       (long long)rule->start, (long long)rule->stop);
	for (size_t i = 0; i < IPT_LAYERS; i++)
		printf(" %u", number_of_tool(rule, i));
	printf("\n");
}

/* Without a state there was no legacy table when the places were chosen. */
static int read_state(struct ruleset *ruleset, const char *text, struct fault *fault)
{
	struct rule *rule = &ruleset->rule;
	int probed, bound, timed;
	unsigned int tool[IPT_LAYERS];
	long long start, stop;
	struct sha256_ctx nothing;

	sha256_init(&nothing);
	write_digest(&nothing, ruleset->seen.all);
	sha256_init(&nothing);
	write_digest(&nothing, ruleset->seen.others);
	if (!text[0])
		return 0;
	/* NOLINTNEXTLINE(cert-err34-c): the numbers are our own */
	if (sscanf(text, "%64s %64s %d %d %d %lld %lld %u %u %u %u", ruleset->seen.all, ruleset->seen.others, &probed, &bound,
		   &timed, &start, &stop, &tool[0], &tool[1], &tool[2], &tool[3]) != 7 + IPT_LAYERS)
		return fault_set(fault, FAULT_FAILED, "ACMEGATE_STATE makes no sense: %.200s", text);
	ruleset->probed = probed != 0;
	rule->bound = bound != 0;
	rule->timed = timed != 0;
	rule->start = start;
	rule->stop = stop;
	for (size_t i = 0; i < IPT_LAYERS; i++) {
		rule->prompt[i] = tool[i] > 2;
		rule->tool[i] = tool[i] && tool[i] <= 4 ? ipt_layers[i].paths[(tool[i] - 1) % 2] : NULL;
	}
	return 0;
}

/* --- both families at once ----------------------------------------------------------------------------------------- */

typedef int work(struct ruleset *ruleset, uint8_t family, struct fault *fault);

struct report {
	int rc;
	struct done done;
	struct fault fault;
};

static bool may_overlap(const struct ruleset *ruleset)
{
	bool v4 = false, v6 = false;

	for (size_t i = 0; i < ruleset->places.count; i++) {
		const size_t layer = ruleset->places.place[i].layer;

		if (!ruleset->rule.tool[layer] || !ruleset->rule.prompt[layer])
			return false;
		v4 = v4 || ipt_layers[layer].family == NFPROTO_IPV4;
		v6 = v6 || ipt_layers[layer].family == NFPROTO_IPV6;
	}
	return v4 && v6;
}

static _Noreturn void work_for_parent(struct ruleset *ruleset, work *does, pid_t parent, int pipe)
{
	static struct report report;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(STATUS_FAILED);
	ruleset->done = (struct done){ .found = false };
	report.rc = does(ruleset, NFPROTO_IPV6, &report.fault);
	report.done = ruleset->done;
	_exit(write(pipe, &report, sizeof(report)) == (ssize_t)sizeof(report) ? STATUS_DONE : STATUS_FAILED);
}

static void take_report(struct ruleset *ruleset, const struct done *done)
{
	struct done *all = &ruleset->done;

	all->found = all->found || done->found;
	all->made += done->made;
	all->removed += done->removed;
	all->packets = done->packets > all->packets ? done->packets : all->packets;
	for (unsigned int i = 0; i < done->pids && all->pids < MOST_PIDS; i++)
		all->pid[all->pids++] = done->pid[i];
}

/* Another process works on IPv6 at the same time: a tool takes longer to start than for its work. */
static int work_in_two(struct ruleset *ruleset, work *does, struct fault *fault)
{
	static struct report report;
	const pid_t own = getpid();
	int ends[2], rc;
	pid_t child;

	if (!may_overlap(ruleset))
		return does(ruleset, NFPROTO_UNSPEC, fault);
	if (pipe2(ends, O_CLOEXEC) < 0 || (child = fork()) < 0)
		return fault_errno(fault, FAULT_LATER, "working on IPv6");
	if (child == 0)
		work_for_parent(ruleset, does, own, ends[1]);
	close(ends[1]);
	rc = does(ruleset, NFPROTO_IPV4, fault);
	if (read(ends[0], &report, sizeof(report)) != (ssize_t)sizeof(report))
		report.rc = fault_set(&report.fault, FAULT_FAILED, "the process that works on IPv6 has died");
	close(ends[0]);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	take_report(ruleset, &report.done);
	if (rc == 0 && report.rc < 0)
		*fault = report.fault;
	return rc < 0 ? rc : report.rc;
}

/* --- list and digest ---------------------------------------------------------------------------------------------- */

static int list_table(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, void *out,
		      struct fault *fault)
{
	const char *tool = tool_of(ruleset, layer, fault);
	OWN_FREE char *listing = NULL;

	(void)table;
	if (!tool)
		return fault->code == ENOENT ? fault_at(fault,
							"tables of %s are loaded, which only that tool can read; if they do not "
							"block the port, set backend = nftables",
							ipt_layers[layer].name) :
					       -1;
	listing = ipt_list(tool, name, fault);
	if (!listing)
		return -1;
	fprintf(out, "%s %s %zu\n%s", ipt_layers[layer].family == NFPROTO_IPV4 ? "ip" : "ip6", name, strlen(listing), listing);
	return 0;
}

/* A change while the tools print is seen before the next rule is made. */
static int attempt_list(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	char **text = (void *)(uintptr_t)arg;
	size_t size;
	FILE *out;
	int rc;

	free(*text);
	*text = NULL;
	rc = attempt_look(ruleset, &ruleset->seen, fault);
	out = rc == 0 ? open_memstream(text, &size) : NULL;
	if (!out)
		return rc < 0 ? rc : fault_errno(fault, FAULT_LATER, "listing the tables of iptables-legacy");
	rc = each_legacy_table(ruleset, NFPROTO_UNSPEC, list_table, out, fault);
	return fclose(out) == 0 ? rc : fault_errno(fault, FAULT_LATER, "listing the tables of iptables-legacy");
}

static int list(struct ruleset *ruleset, struct fault *fault)
{
	OWN_FREE char *text = NULL;

	if (netlink_insist(attempt_list, ruleset, &text, fault) < 0)
		return -1;
	print_state(ruleset);
	printf("%s\n", text);
	return 0;
}

static int digest(struct ruleset *ruleset, struct fault *fault)
{
	struct sight now = { "", "" };

	if (look(ruleset, &now, fault) < 0)
		return -1;
	printf("%s\n", now.others);
	return 0;
}

/* --- plan and open ------------------------------------------------------------------------------------------------ */

/* As a person would type it. */
static void print_command(const struct ipt_words *command)
{
	char line[LINE_SIZE] = "";
	size_t used = 0;

	for (size_t i = 0; i < command->words && used < sizeof(line); i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s", i ? " " : "", command->word[i]);
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	printf("%s\n", line);
}

static int plan(struct ruleset *ruleset, struct fault *fault)
{
	struct rule now;

	if (probe(ruleset, fault) < 0)
		return -1;
	print_state(ruleset);
	now = ruleset->rule;
	printf("%d %d\n", is_bindable(&ruleset->places) && !now.bound, !now.timed);
	set_time(&now, ruleset->seconds);
	for (size_t i = 0; i < ruleset->places.count; i++) {
		struct ipt_words command;

		place_command(&ruleset->places.place[i], &now, INSERT, &command);
		print_command(&command);
	}
	return 0;
}

static int look_again(struct fault *fault)
{
	fault_set(fault, FAULT_LATER, "others change the tables of iptables-legacy all the time");
	return AGAIN;
}

static int run_rule(struct ruleset *ruleset, const struct place *place, enum action action, struct fault *fault)
{
	struct ipt_words command;
	struct fault ignored;
	struct sight now = { "", "" };
	pid_t pid;

	place_command(place, &ruleset->rule, action, &command);
	if (ipt_run(&command, &pid, fault) == 0) {
		if (ruleset->done.pids < MOST_PIDS)
			ruleset->done.pid[ruleset->done.pids++] = pid;
		return 0;
	}
	if (ipt_layers[place->layer].legacy && (look(ruleset, &now, &ignored) < 0 || strcmp(now.others, ruleset->seen.others) != 0))
		return look_again(fault);
	return -1;
}

static int make_rules(struct ruleset *ruleset, uint8_t family, struct fault *fault)
{
	for (size_t i = 0; i < ruleset->places.count; i++) {
		const struct place *place = &ruleset->places.place[i];
		int rc;

		if ((ruleset->present[i] && !place->again) || !is_of(place->layer, family))
			continue;
		rc = place->again ? run_rule(ruleset, place, DELETE, fault) : 0;
		if (rc == 0)
			rc = run_rule(ruleset, place, INSERT, fault);
		if (rc < 0)
			return rc;
		ruleset->done.made++;
		places_move(&ruleset->places, place);
	}
	return 0;
}

static bool is_to_do(const struct ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->places.count; i++)
		if (!ruleset->present[i] || ruleset->places.place[i].again)
			return true;
	return false;
}

static int make_missing(struct ruleset *ruleset, struct fault *fault)
{
	if (!is_to_do(ruleset))
		return 0;
	if (probe(ruleset, fault) < 0)
		return -1;
	for (size_t i = 0; i < IPT_LAYERS; i++)
		if (places_need(&ruleset->places, i) && !tool_of(ruleset, i, fault))
			return -1;
	if (!ruleset->rule.start)
		set_time(&ruleset->rule, ruleset->seconds);
	return work_in_two(ruleset, make_rules, fault);
}

/*
 * Have our rules come into the legacy tables everywhere, and has nobody else changed these meanwhile? What they look like is noted before
 * the reading: a rule that is swept away after it is seen at the next look.
 */
static int read_back(struct ruleset *ruleset, struct fault *fault)
{
	struct sight before = ruleset->seen;

	if (look(ruleset, &ruleset->seen, fault) < 0 || netlink_insist(attempt_mark, ruleset, NULL, fault) < 0)
		return -1;
	if (strcmp(before.others, ruleset->seen.others) != 0)
		return look_again(fault);
	for (size_t i = 0; i < ruleset->places.count; i++)
		if (ipt_layers[ruleset->places.place[i].layer].legacy && !ruleset->present[i])
			return look_again(fault);
	return 0;
}

static int open_places(struct ruleset *ruleset, struct fault *fault)
{
	struct sight now = { "", "" };
	int rc = look(ruleset, &now, fault);

	if (rc == 0 && strcmp(now.all, ruleset->seen.all) != 0)
		return look_again(fault);
	if (rc == 0)
		rc = netlink_insist(attempt_mark, ruleset, NULL, fault);
	if (rc == 0)
		rc = make_missing(ruleset, fault);
	if (rc == 0 && ruleset->done.made)
		rc = read_back(ruleset, fault);
	if (rc < 0)
		return rc;
	print_state(ruleset);
	printf("%u", ruleset->done.made);
	for (unsigned int i = 0; i < ruleset->done.pids; i++)
		printf(" %d", (int)ruleset->done.pid[i]);
	printf("\n");
	return 0;
}

/* --- close -------------------------------------------------------------------------------------------------------- */

/* The rules of this run are known without a listing. 1: removed. 0: there is no such rule. */
static int remove_known(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, struct fault *fault)
{
	int removed = 0;

	for (size_t i = 0; i < ruleset->places.count && ruleset->rule.tool[layer]; i++) {
		const struct place *place = &ruleset->places.place[i];
		struct ipt_words command;
		pid_t pid;

		if (place->layer != layer || strcmp(place->table, name) != 0 || !table_has(table, place->chain, ruleset->tag))
			continue;
		place_command(place, &ruleset->rule, DELETE, &command);
		if (ipt_run(&command, &pid, fault) == 0)
			removed++;
		else if (fault->kind == FAULT_LATER)
			return -1;
	}
	ruleset->done.removed += (unsigned int)removed;
	return removed > 0;
}

/* "-A INPUT ..." becomes "-D INPUT ...". Somebody else may have been faster: the next round sees. */
static int remove_listed(struct ruleset *ruleset, const char *tool, const char *name, const char *line, size_t length,
			 struct fault *fault)
{
	struct ipt_words rule = { 0 }, command;
	pid_t pid;

	ipt_split(&rule, line, length);
	if (rule.full || strcmp(rule.words ? rule.word[0] : "", "-A") != 0 || !ipt_tag(&rule, ruleset->tag))
		return 0;
	ipt_begin(&command, tool, name);
	ipt_add(&command, "-D");
	for (size_t i = 1; i < rule.words; i++)
		ipt_add(&command, rule.word[i]);
	if (ipt_run(&command, &pid, fault) == 0)
		ruleset->done.removed++;
	else if (fault->kind == FAULT_LATER)
		return -1;
	return 0;
}

static int remove_from(struct ruleset *ruleset, size_t layer, const char *name, const struct legacy_table *table, void *arg,
		       struct fault *fault)
{
	OWN_FREE char *listing = NULL;
	const char *tool, *next;
	uint64_t packets;
	int known;

	if (!table_has(table, NULL, ruleset->tag))
		return 0;
	(void)arg;
	ruleset->done.found = true;
	packets = table_packets(table, ruleset->tag);
	ruleset->done.packets = packets > ruleset->done.packets ? packets : ruleset->done.packets;
	known = remove_known(ruleset, layer, name, table, fault);
	if (known)
		return known < 0 ? -1 : 0;
	tool = tool_of(ruleset, layer, fault);
	listing = tool ? ipt_list(tool, name, fault) : NULL;
	for (const char *line = listing; line; line = next) {
		size_t length = ipt_line(line, &next);

		if (remove_listed(ruleset, tool, name, line, length, fault) < 0)
			return -1;
	}
	return listing ? 0 : -1;
}

static int remove_rules(struct ruleset *ruleset, uint8_t family, struct fault *fault)
{
	return each_legacy_table(ruleset, family, remove_from, NULL, fault);
}

/* The first attempt removes what is known at once; the next one reads back. */
static int attempt_close(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	const bool first = !ruleset->done.found;
	int rc;

	(void)arg;
	ruleset->done.found = false;
	rc = first ? work_in_two(ruleset, remove_rules, fault) : remove_rules(ruleset, NFPROTO_UNSPEC, fault);
	return rc == 0 && ruleset->done.found ? AGAIN : rc;
}

static int close_all(struct ruleset *ruleset, struct fault *fault)
{
	if (netlink_insist(attempt_close, ruleset, NULL, fault) < 0)
		return -1;
	printf("%u %llu\n", ruleset->done.removed, (unsigned long long)ruleset->done.packets);
	return 0;
}

/* --- what it is asked --------------------------------------------------------------------------------------------- */

static const struct verb {
	const char *name;
	bool tagged; /* for one tag only */
	int (*act)(struct ruleset *ruleset, struct fault *fault);
} verbs[] = {
	{ "plan", true, plan },	     { "open", true, open_places }, { "close", false, close_all },
	{ "digest", false, digest }, { "list", false, list },
};

static char *variable(const char *name)
{
	static char nothing[1];
	char *value = getenv(name);

	return value ? value : nothing;
}

static const struct verb *find_verb(int argc, char **argv, const char *tag)
{
	if (argc == 2 && (!tag[0] || opening_is_tag(tag, NULL)))
		for (size_t i = 0; i < LENGTH_OF(verbs); i++)
			if (!strcmp(argv[1], verbs[i].name) && (tag[0] || !verbs[i].tagged))
				return &verbs[i];
	return NULL;
}

/* The exit status. */
static int run(const struct verb *verb, struct ruleset *ruleset, struct fault *fault)
{
	int rc = sandbox_tools(fault) < 0 || confine(ROLE_TOOLS, NULL, -1, fault) < 0 ? -1 : 0;

	if (rc == 0)
		rc = places_read(&ruleset->places, variable("ACMEGATE_PLACES"), fault);
	if (rc == 0)
		rc = read_state(ruleset, variable("ACMEGATE_STATE"), fault);
	if (rc == 0)
		rc = verb->act(ruleset, fault);
	netlink_close(&ruleset->netlink);
	if (rc == AGAIN)
		return ruleset->done.made ? HELPER_MADE : HELPER_LOOK;
	return rc == 0 ? STATUS_DONE : fault->kind == FAULT_LATER ? STATUS_LATER : STATUS_FAILED;
}

int main(int argc, char **argv)
{
	static struct ruleset ruleset;
	const char *tag = variable("ACMEGATE_TAG");
	const struct verb *verb;
	struct fault fault;
	int status;

	if (fill_standard() < 0)
		return STATUS_FAILED;
	log_start("iptables", getenv(HELPER_DEBUG) ? LOG_EVERYTHING : LOG_PLAIN);
	verb = find_verb(argc, argv, tag);
	if (!verb) {
		fprintf(stderr, "acmegate-iptables is started by acmegate, see acmegate(8)\n");
		return STATUS_USAGE;
	}
	ruleset.tag = ruleset.rule.tag = tag[0] ? tag : NULL;
	ruleset.seconds = (uint32_t)strtoul(variable("ACMEGATE_SECONDS"), NULL, 10);
	status = run(verb, &ruleset, &fault);
	if (status != STATUS_DONE)
		printf("%s\n", fault.text);
	return status;
}
