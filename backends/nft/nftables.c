// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/nftables.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backends/nft/news.h"
#include "backends/nft/rule.h"
#include "backends/nft/survey.h"

#define CLOCK_SLACK (24 * 60 * 60) /* seconds: less is corrected by a clock in use; a machine that boots in 1970 is farther off */
#define MAX_LEFTOVERS (4 * SURVEY_MOST) /* removed in one batch; more take another round */
#define MOST_LOST 3		/* then what was read last has to do: others commit faster than a ruleset can be read */

/*
 * The spots are the chains that need the rule, with the handle that the rule got there. Reading 10,000 rules takes the kernel
 * some 50 ms. So the spots are chosen before the window, and hold as long as the generation does. They are a short cut only:
 * closing never trusts a handle without looking at the tag behind it.
 */
struct ruleset {
	struct netlink netlink; /* first: netlink_attach() */
	struct news news;	/* of what is committed while the opening stands */
	bool planned, removed;
	bool nothing;		/* was found by the last reading, which was interrupted */
	struct rule_make make;	/* what this kernel can do for the rule */
	bool rehearsed;		/* ... is known; else it is what is hoped */
	unsigned int lost;	/* commits that came too late for their generation */
	struct host host;	/* for make */
	struct plan *plan;	/* the caller's, who is told there */
	uint32_t generation;
	size_t spots;
	struct spot spot[SURVEY_MOST];
	uint64_t misplaced[SURVEY_MOST][2]; /* handles of rules that the spots have elsewhere */
	char left[FAULT_TEXT_SIZE], owned[FAULT_TEXT_SIZE], client[FAULT_TEXT_SIZE];
	struct evidence evidence;
};

/* What carries our tag: rules by handle, sets by name. */
struct leftovers {
	const char *tag; /* NULL: any */
	size_t sets, taken;
	bool full;	 /* there is more */
	struct leftover {
		uint8_t family;
		bool is_set;
		uint64_t handle;
		char table[SURVEY_NAME], name[SURVEY_NAME]; /* of the chain or set */
	} item[MAX_LEFTOVERS];
};

/* --- choosing ----------------------------------------------------------------------------------------------------- */

/* The addresses are needed only where a rule has to list them. */
static int read_host(struct ruleset *ruleset, struct fault *fault)
{
	struct mnl_socket *route;
	bool needed = false;
	int rc;

	for (size_t i = 0; i < ruleset->spots; i++)
		needed = needed || ruleset->spot[i].bound == BOUND_BY_ADDRESS || (ruleset->spot[i].bound == BOUND_BY_FIB && !ruleset->make.routed);
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
		else if (spot->holder == HOLDER_OWNER && (!ruleset->owned[0] || strcmp(spot->table, "firewalld")))
			snprintf(ruleset->owned, sizeof(ruleset->owned), "%s", spot->why);
	}
	return read_host(ruleset, fault);
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static size_t count_rules(const struct ruleset *ruleset, const struct spot *spot, const struct opening *opening)
{
	return rule_count(spot, opening, &ruleset->make);
}

struct echo {
	struct ruleset *ruleset;
	const struct opening *opening;
};

/* The kernel echoes each new rule with its handle, in the order in which they were sent. */
static int take_handle(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_RULE_HANDLE + 1];
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	const struct echo *echo = arg;
	struct spot *spot = echo->ruleset->spot;

	(void)fault;
	if (NFNL_MSG_TYPE(message->nlmsg_type) != NFT_MSG_NEWRULE)
		return 0;
	attrs_of_message(message, attrs, NFTA_RULE_HANDLE);
	for (; spot < echo->ruleset->spot + echo->ruleset->spots; spot++) {
		size_t rules = count_rules(echo->ruleset, spot, echo->opening), known = 0;

		while (known < rules && spot->handle[known])
			known++;
		if (known == rules || spot->family != generic->nfgen_family || strcmp(spot->table, attr_text(attrs[NFTA_RULE_TABLE])) ||
		    strcmp(spot->chain, attr_text(attrs[NFTA_RULE_CHAIN])))
			continue;
		spot->handle[known] = attr_u64(attrs[NFTA_RULE_HANDLE], 0);
		break;
	}
	return 0;
}

/* Has the spot all its rules? */
static bool is_open(const struct ruleset *ruleset, const struct spot *spot, const struct opening *opening)
{
	for (size_t i = 0; i < count_rules(ruleset, spot, opening); i++)
		if (!spot->handle[i])
			return false;
	return true;
}

/* Is this the first of the spots without a rule in its table? Each table needs one set. */
static bool begins_table(const struct ruleset *ruleset, size_t i, const struct opening *opening)
{
	const struct spot *spot = ruleset->spot;

	for (size_t j = 0; j < i; j++)
		if (!is_open(ruleset, &spot[j], opening) && spot[j].family == spot[i].family && !strcmp(spot[j].table, spot[i].table))
			return false;
	return true;
}

/* Opens in the spots that have no rule yet; a rehearsal does all of it but the commit. */
static int send_opening(struct ruleset *ruleset, const struct opening *opening, bool rehearsal, struct fault *fault)
{
	const bool exact = ruleset->lost < MOST_LOST; /* of one generation: handles are of the same rules */
	struct echo echo = { ruleset, opening };
	struct batch batch;
	int rc = batch_begin(&batch, &ruleset->netlink, exact ? ruleset->generation : 0, fault);

	for (size_t i = 0; i < ruleset->spots && rc == 0; i++) {
		const struct spot *spot = &ruleset->spot[i];

		if (is_open(ruleset, spot, opening))
			continue;
		for (size_t r = 0; r < LENGTH_OF(spot->handle) && exact && ruleset->misplaced[i][r]; r++)
			batch_delete(&batch, NFT_MSG_DELRULE, spot->family, spot->table, spot->chain, ruleset->misplaced[i][r]);
		if (begins_table(ruleset, i, opening))
			rc = rule_add_set(&batch, spot->family, spot->table, opening, ruleset->make.timed, fault);
		if (rc == 0)
			rc = rule_add(&batch, spot, opening, &ruleset->make, fault);
	}
	if (rc == 0)
		rc = rehearsal ? batch_rehearse(&batch, fault) : batch_commit(&batch, take_handle, &echo, fault);
	batch_free(&batch);
	ruleset->lost += rc == AGAIN && fault->code == ERESTART;
	return rc;
}

/*
 * The time of day is a bound for copies of the rule: a clock that is set back does not end a window that is open. A rule that is put
 * back has the bound of the first one.
 */
static void set_time(struct ruleset *ruleset, const struct opening *opening)
{
	const uint64_t now = (uint64_t)time(NULL);

	ruleset->make.from = now - CLOCK_SLACK;
	ruleset->make.until = now + opening->seconds + 1;
}

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
		rc = send_opening(ruleset, opening, true, fault);
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
	int rc = send_opening(ruleset, opening, false, fault);

	if (rc == 0 || ruleset->rehearsed || rc == AGAIN)
		return rc;
	rc = rehearse(ruleset, opening, fault);
	if (rc < 0)
		return rc;
	ruleset->plan->untimed = ruleset->plan->untimed || !ruleset->make.timed;
	return send_opening(ruleset, opening, false, fault);
}

/* A rule by its handle. */
struct found {
	char tag[TAG_SIZE];
	uint64_t packets;
};

static int visit_tag(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_RULE_USERDATA + 1];
	struct found *found = arg;

	(void)fault;
	attrs_of_message(message, attrs, NFTA_RULE_USERDATA);
	if (!tag_of_rule(attrs[NFTA_RULE_USERDATA], attrs[NFTA_RULE_EXPRESSIONS], found->tag))
		found->tag[0] = '\0';
	found->packets = tag_packets(attrs[NFTA_RULE_EXPRESSIONS]);
	return 0;
}

/* Is the rule with this handle one of ours? A handle may be somebody else's by now. 1, 0, AGAIN or -1. */
static int is_ours(struct ruleset *ruleset, uint8_t family, const char *table, const char *chain, uint64_t handle,
		   const char *tag, struct fault *fault)
{
	struct found found = { 0 };
	char buffer[1024];
	struct nlmsghdr *request = netlink_about(&ruleset->netlink, buffer, NFT_MSG_GETRULE, 0, family, table, chain, handle);
	int rc = netlink_dump(&ruleset->netlink, request, visit_tag, &found, fault);

	if (rc < 0)
		return rc == -1 && fault->code == ENOENT ? 0 : rc;
	if (!opening_is_tag(found.tag, tag))
		return 0;
	tag_count(&ruleset->evidence, found.packets);
	return 1;
}

/* Reads each rule back by its handle: an acknowledgement is no proof. AGAIN: somebody has swept one away already. */
static int check_spots(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	for (size_t i = 0; i < ruleset->spots; i++) {
		const struct spot *spot = &ruleset->spot[i];

		for (size_t r = 0; r < LENGTH_OF(spot->handle) && spot->handle[r]; r++) {
			int ours = is_ours(ruleset, spot->family, spot->table, spot->chain, spot->handle[r], tag, fault);

			if (ours <= 0)
				return ours < 0 ? ours : AGAIN;
		}
	}
	return 0;
}

static bool is_complete(const struct ruleset *ruleset, const struct opening *opening)
{
	for (size_t i = 0; i < ruleset->spots; i++)
		if (!is_open(ruleset, &ruleset->spot[i], opening))
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
	set_time(ruleset, opening);
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
		int ours = !spot->handle[r] ? 0 :
			   is_ours(ruleset, spot->family, spot->table, spot->chain, spot->handle[r], tag, fault);

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
	rc = send_opening(ruleset, opening, false, fault);
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

static void note(struct leftovers *left, const struct nlmsghdr *message, bool is_set, const char *table,
		 const char *name, uint64_t handle)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	struct leftover *item = &left->item[left->taken];

	for (const struct leftover *known = left->item; known < item; known++) /* a dump that is interrupted may repeat itself */
		if (known->family == generic->nfgen_family && known->handle == handle && known->is_set == is_set &&
		    !strcmp(known->table, table) && !strcmp(known->name, name))
			return;
	left->full = left->full || left->taken == MAX_LEFTOVERS;
	if (left->full)
		return;
	item->family = generic->nfgen_family;
	item->is_set = is_set;
	item->handle = handle;
	snprintf(item->table, sizeof(item->table), "%s", table);
	snprintf(item->name, sizeof(item->name), "%s", name);
	left->taken++;
}

static int visit_rule(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_RULE_USERDATA + 1];
	struct leftovers *left = arg;
	char tag[TAG_SIZE];

	(void)fault;
	attrs_of_message(message, attrs, NFTA_RULE_USERDATA);
	if (tag_of_rule(attrs[NFTA_RULE_USERDATA], attrs[NFTA_RULE_EXPRESSIONS], tag) && opening_is_tag(tag, left->tag))
		note(left, message, false, attr_text(attrs[NFTA_RULE_TABLE]), attr_text(attrs[NFTA_RULE_CHAIN]),
		     attr_u64(attrs[NFTA_RULE_HANDLE], 0));
	return 0;
}

static int visit_set(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_SET_NAME + 1];
	struct leftovers *left = arg;
	const char *name;

	(void)fault;
	attrs_of_message(message, attrs, NFTA_SET_NAME);
	name = attr_text(attrs[NFTA_SET_NAME]);
	if (!tag_names_set(name, left->tag) || !strcmp(attr_text(attrs[NFTA_SET_TABLE]), name)) /* that is the redirect's */
		return 0;
	left->sets++;
	note(left, message, true, attr_text(attrs[NFTA_SET_TABLE]), name, 0);
	return 0;
}

/* Our rules are in the tables of our sets. An interrupted reading is as good: what it misses keeps its set busy. */
static int find_rules(struct ruleset *ruleset, struct leftovers *left, struct fault *fault)
{
	char buffer[1024];
	size_t sets = left->taken;

	for (const struct leftover *set = left->item; set < left->item + sets; set++) {
		struct nlmsghdr *request = netlink_about(&ruleset->netlink, buffer, NFT_MSG_GETRULE, NLM_F_DUMP, set->family,
							 set->table, NULL, 0);

		if (netlink_dump(&ruleset->netlink, request, visit_rule, left, fault) == -1)
			return -1;
	}
	return 0;
}

/* A set whose name is known is asked for in each table: a table may have more sets than anybody wants to see. */
static int find_set(struct ruleset *ruleset, const struct messages *tables, struct leftovers *left, struct fault *fault)
{
	const struct nlmsghdr *message = (const void *)tables->bytes;
	char name[SET_NAME_SIZE], buffer[1024];
	int room = (int)tables->used, rc;

	tag_set_name(left->tag, name);
	for (; mnl_nlmsg_ok(message, room); message = mnl_nlmsg_next(message, &room)) {
		const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
		const struct nlattr *attrs[NFTA_TABLE_NAME + 1];
		struct nlmsghdr *request;

		attrs_of_message(message, attrs, NFTA_TABLE_NAME);
		request = netlink_about(&ruleset->netlink, buffer, NFT_MSG_GETSET, 0, generic->nfgen_family,
					attr_text(attrs[NFTA_TABLE_NAME]), name, 0);
		rc = netlink_dump(&ruleset->netlink, request, visit_set, left, fault);
		if (rc == AGAIN || (rc < 0 && fault->code != ENOENT))
			return rc;
	}
	return 0;
}

static int find_sets(struct ruleset *ruleset, struct leftovers *left, struct fault *fault)
{
	struct messages tables = { 0 };
	char buffer[512];
	int rc, found;

	if (!left->tag)
		return netlink_dump(&ruleset->netlink, netlink_request(&ruleset->netlink, buffer, NFT_MSG_GETSET), visit_set, left,
				    fault);
	rc = netlink_dump(&ruleset->netlink, netlink_request(&ruleset->netlink, buffer, NFT_MSG_GETTABLE), messages_take, &tables, fault);
	found = rc == -1 ? -1 : find_set(ruleset, &tables, left, fault);
	free(tables.bytes);
	return found < 0 ? found : rc;
}

/* Rules go before the sets that they use, which are busy until then: with more rules to come, the sets must wait. */
static int remove_leftovers(struct ruleset *ruleset, const struct leftovers *left, uint32_t generation,
			    struct fault *fault)
{
	struct batch batch;
	int rc = batch_begin(&batch, &ruleset->netlink, generation, fault);

	for (const struct leftover *item = left->item; item < left->item + left->taken && rc == 0; item++)
		if (!item->is_set)
			batch_delete(&batch, NFT_MSG_DELRULE, item->family, item->table, item->name, item->handle);
	for (const struct leftover *item = left->item; item < left->item + left->taken && rc == 0 && !left->full; item++)
		if (item->is_set)
			batch_delete(&batch, NFT_MSG_DELSET, item->family, item->table, item->name, 0);
	if (rc == 0)
		rc = batch_commit(&batch, NULL, NULL, fault);
	batch_free(&batch);
	return rc;
}

/* Leaves out the rules that are not ours, or no more. */
static int verify(struct ruleset *ruleset, struct leftovers *left, struct fault *fault)
{
	size_t kept = 0;

	for (size_t i = 0; i < left->taken; i++) {
		const struct leftover *item = &left->item[i];
		int ours = item->is_set ? 1 : is_ours(ruleset, item->family, item->table, item->name, item->handle,
						      left->tag, fault);

		if (ours < 0)
			return ours;
		if (ours)
			left->item[kept++] = *item;
	}
	left->taken = kept;
	return 0;
}

static void note_spots(const struct ruleset *ruleset, struct leftovers *left)
{
	for (size_t i = 0; i < ruleset->spots; i++) {
		const struct spot *spot = &ruleset->spot[i];

		for (size_t r = 0; r < LENGTH_OF(spot->handle); r++) {
			struct leftover *item = &left->item[left->taken];

			if (!spot->handle[r])
				continue;
			left->taken++;
			item->family = spot->family;
			item->is_set = false;
			item->handle = spot->handle[r];
			memcpy(item->table, spot->table, sizeof(item->table));
			memcpy(item->name, spot->chain, sizeof(item->name));
		}
	}
}

/* What was found a moment ago is looked at again in the generation that its removal is bound to. */
static int remove_found(struct ruleset *ruleset, struct leftovers *left, struct fault *fault)
{
	uint32_t generation;
	int rc = netlink_generation(&ruleset->netlink, &generation, fault);

	if (rc == 0)
		rc = verify(ruleset, left, fault);
	if (rc == 0)
		rc = remove_leftovers(ruleset, left, generation, fault);
	if (rc < 0 && fault->code != ERESTART)
		ruleset->spots = 0;
	return rc;
}

/*
 * Every rule of ours looks into a set of ours, and the kernel refuses to delete a set that a rule still uses: where no set
 * is left, no rule is. So the sets alone are read back, which is quick whatever else there is, and succeeds however often
 * others commit. The handles that opening got save a dump of the rules, unless something unexpected is met.
 */
static int attempt_close(struct ruleset *ruleset, const void *tag, struct fault *fault)
{
	struct leftovers left = { .tag = tag };
	int rc = find_sets(ruleset, &left, fault);

	if (rc == -1)
		return -1;
	if (!left.sets)
		return netlink_nothing(rc, &ruleset->nothing);
	ruleset->nothing = false;
	ruleset->removed = true; /* also if the kernel's answer to that is lost */
	if (ruleset->spots)
		note_spots(ruleset, &left);
	else if (find_rules(ruleset, &left, fault) < 0)
		return -1;
	rc = remove_found(ruleset, &left, fault);
	return rc < 0 ? rc : AGAIN; /* the next attempt reads back */
}

static int nft_close(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	int rc;

	ruleset->removed = ruleset->nothing = false;
	rc = netlink_insist(attempt_close, ruleset, tag, fault);
	ruleset->spots = 0;
	return rc < 0 ? -1 : ruleset->removed;
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

	if (begins_table(ruleset, number, opening) && plan->lines < PLAN_LINES) {
		rule_print_set(plan->line[plan->lines++], sizeof(plan->line[0]), spot->family, spot->table, opening, ruleset->make.timed);
		plan->sets++;
	}
	for (size_t i = 0; i < count_rules(ruleset, spot, opening) && plan->lines < PLAN_LINES; i++)
		rule_print(plan->line[plan->lines++], sizeof(plan->line[0]), spot, opening, &ruleset->make, i);
	if (spot->lost[0] && !plan->lost[0])
		snprintf(plan->lost, sizeof(plan->lost), "%s %s %s: %s", nft_family(spot->family), spot->table, spot->chain, spot->lost);
}

static int attempt_plan(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	const struct planning *planning = arg;
	const struct opening *opening = planning->opening;
	struct plan *plan = planning->plan;
	int rc;

	ruleset->make.timed = ruleset->make.routed = ruleset->make.dated = true;
	set_time(ruleset, opening);
	rc = read_and_choose(ruleset, opening, fault);
	if (rc == 0 && ruleset->spots && opening->own_listener)
		rc = rehearse(ruleset, opening, fault);
	if (rc < 0)
		return rc;
	ruleset->plan = plan;
	plan->lines = plan->sets = 0;
	plan->lost[0] = '\0';
	snprintf(plan->owned, sizeof(plan->owned), "%s", ruleset->owned);
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

static int nft_attach(struct ruleset **out, const struct config *config, struct fault *fault)
{
	int rc = netlink_attach(out, sizeof(struct ruleset), fault);

	(void)config;
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
	.name = "nftables",
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
