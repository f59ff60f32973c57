// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/sweep.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#include "backends/nft/batch.h"
#include "backends/nft/builtin.h"
#include "backends/nft/tag.h"

/* The argument of an attempt of netlink_insist(). */
struct ruleset {
	struct sweep sweep;
	bool removed, nothing; /* by the attempts so far; found by the last reading, which was interrupted */
};

/* A reading: what for, and what it has found. */
struct search {
	const struct sweep *sweep;
	struct marks *marks; /* NULL: whether there is a rule is all that is asked */
	bool found;
	bool behind; /* the rule that comes next in this chain is ours, too */
	char chain[SURVEY_NAME];
};

/* --- looking ------------------------------------------------------------------------------------------------------ */

/* Takes something in. A dump that is interrupted may repeat itself. */
static void note(struct marks *marks, uint16_t type, uint8_t family, const char *table, const char *name, uint64_t handle)
{
	struct marked *item = &marks->item[marks->count];

	for (const struct marked *known = marks->item; known < item; known++)
		if (known->type == type && known->family == family && known->handle == handle && !strcmp(known->table, table) &&
		    !strcmp(known->name, name))
			return;
	marks->full = marks->full || marks->count == SWEEP_MOST;
	if (marks->full)
		return;
	item->type = type;
	item->family = family;
	item->handle = handle;
	snprintf(item->table, sizeof(item->table), "%s", table);
	snprintf(item->name, sizeof(item->name), "%s", name);
	marks->count++;
}

static uint8_t family_of(const struct nlmsghdr *message)
{
	return ((const struct nfgenmsg *)mnl_nlmsg_get_payload(message))->nfgen_family;
}

static bool has_mark(const struct sweep *sweep, const struct nlattr *userdata, const struct nlattr *expressions)
{
	char tag[TAG_SIZE];

	switch (sweep->mark) {
	case MARK_SET:
		return tag_of_rule(userdata, expressions, tag) && opening_is_tag(tag, sweep->tag);
	case MARK_MATCH:
		return tag_of_match(expressions, sweep->tag, tag);
	case MARK_PREFIX:
		return tag_is_prefix(expressions, sweep->tag);
	case MARK_TABLE:
	case MARKS:
	default:
		return false;
	}
}

/* firewalld makes two rules of one: the first logs, and the accept comes right behind it. */
static int visit_rule(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_RULE_USERDATA + 1];
	struct search *search = arg;
	const char *chain;
	bool marked, behind;

	(void)fault;
	attrs_of_message(message, attrs, NFTA_RULE_USERDATA);
	chain = attr_text(attrs[NFTA_RULE_CHAIN]);
	marked = has_mark(search->sweep, attrs[NFTA_RULE_USERDATA], attrs[NFTA_RULE_EXPRESSIONS]);
	behind = search->behind && !strcmp(chain, search->chain);
	search->behind = marked && search->sweep->mark == MARK_PREFIX;
	if (search->behind)
		snprintf(search->chain, sizeof(search->chain), "%s", chain);
	search->found = search->found || marked;
	if (marked && search->sweep->evidence)
		tag_count(search->sweep->evidence, tag_packets(attrs[NFTA_RULE_EXPRESSIONS]));
	if ((marked || behind) && search->marks)
		note(search->marks, NFT_MSG_DELRULE, family_of(message), attr_text(attrs[NFTA_RULE_TABLE]), chain,
		     attr_u64(attrs[NFTA_RULE_HANDLE], 0));
	return 0;
}

/* All rules of a table, or the one of a chain that has this handle. */
static int ask_for_rules(struct search *search, uint8_t family, const char *table, const char *chain, uint64_t handle,
			 struct fault *fault)
{
	struct netlink *netlink = search->sweep->netlink;
	char buffer[1024];

	return netlink_dump(netlink,
			    netlink_about(netlink, buffer, NFT_MSG_GETRULE, handle ? 0 : NLM_F_DUMP, family, table, chain, handle),
			    visit_rule, search, fault);
}

static int visit_set(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_SET_NAME + 1];
	struct search *search = arg;
	const char *name, *table;

	(void)fault;
	attrs_of_message(message, attrs, NFTA_SET_NAME);
	name = attr_text(attrs[NFTA_SET_NAME]);
	table = attr_text(attrs[NFTA_SET_TABLE]);
	if (tag_names_set(name, search->sweep->tag) && strcmp(table, name)) /* else it goes with the table */
		note(search->marks, NFT_MSG_DELSET, family_of(message), table, name, 0);
	return 0;
}

/* A set whose name is known is asked for in each table: a table may have more sets than anybody wants to see. */
static int find_set(struct search *search, const struct messages *tables, struct fault *fault)
{
	const struct nlmsghdr *message = (const void *)tables->bytes;
	struct netlink *netlink = search->sweep->netlink;
	char name[SET_NAME_SIZE], buffer[1024];
	int room = (int)tables->used;

	tag_set_name(search->sweep->tag, name);
	for (; mnl_nlmsg_ok(message, room); message = mnl_nlmsg_next(message, &room)) {
		const struct nlattr *attrs[NFTA_TABLE_NAME + 1];
		int rc;

		attrs_of_message(message, attrs, NFTA_TABLE_NAME);
		rc = netlink_dump(netlink,
				  netlink_about(netlink, buffer, NFT_MSG_GETSET, 0, family_of(message),
						attr_text(attrs[NFTA_TABLE_NAME]), name, 0),
				  visit_set, search, fault);
		if (rc == AGAIN || (rc < 0 && fault->code != ENOENT))
			return rc;
	}
	return 0;
}

static int find_sets(struct search *search, struct fault *fault)
{
	struct netlink *netlink = search->sweep->netlink;
	struct messages tables = { 0 };
	char buffer[512];
	int rc, found;

	if (!search->sweep->tag)
		return netlink_dump(netlink, netlink_request(netlink, buffer, NFT_MSG_GETSET), visit_set, search, fault);
	rc = netlink_dump(netlink, netlink_request(netlink, buffer, NFT_MSG_GETTABLE), messages_take, &tables, fault);
	found = rc == -1 ? -1 : find_set(search, &tables, fault);
	free(tables.bytes);
	return found < 0 ? found : rc;
}

static void note_spots(const struct sweep *sweep, struct marks *marks)
{
	for (const struct spot *spot = sweep->spot; spot < sweep->spot + sweep->spots; spot++)
		for (size_t r = 0; r < LENGTH_OF(spot->handle); r++)
			if (spot->handle[r])
				note(marks, NFT_MSG_DELRULE, spot->family, spot->table, spot->chain, spot->handle[r]);
}

/*
 * Every rule of ours looks into a set of ours, and the kernel refuses to delete a set that a rule still uses: where no set is left, no
 * rule is. So the sets alone are read back, which is quick whatever else there is, and succeeds however often others commit. The rules
 * are in the tables of the sets; an interrupted reading of them is as good: what it misses keeps its set busy.
 */
static int find_sets_and_rules(struct search *search, struct fault *fault)
{
	struct marks *marks = search->marks;
	int rc = find_sets(search, fault);
	const size_t sets = rc == -1 ? 0 : marks->count;

	if (sets && search->sweep->spots)
		note_spots(search->sweep, marks);
	for (const struct marked *set = marks->item; set < marks->item + sets && !search->sweep->spots; set++)
		if (ask_for_rules(search, set->family, set->table, NULL, 0, fault) == -1)
			return -1;
	return rc;
}

static int visit_table(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_TABLE_NAME + 1];
	struct search *search = arg;

	(void)fault;
	attrs_of_message(message, attrs, NFTA_TABLE_NAME);
	if (tag_names_set(attr_text(attrs[NFTA_TABLE_NAME]), search->sweep->tag))
		note(search->marks, NFT_MSG_DELTABLE, family_of(message), attr_text(attrs[NFTA_TABLE_NAME]), "", 0);
	return 0;
}

static int find_tables(struct search *search, struct fault *fault)
{
	struct netlink *netlink = search->sweep->netlink;
	char buffer[512];

	return netlink_dump(netlink, netlink_request(netlink, buffer, NFT_MSG_GETTABLE), visit_table, search, fault);
}

/* The tables of iptables-nft that exist. */
struct present {
	bool ip[IPT_TABLES], ip6[IPT_TABLES], any;
};

static int visit_chain(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_CHAIN_HOOK + 1];
	const uint8_t family = family_of(message);
	struct present *present = arg;
	size_t table;

	(void)fault;
	attrs_of_message(message, attrs, NFTA_CHAIN_HOOK);
	table = ipt_table(attr_text(attrs[NFTA_CHAIN_TABLE]));
	if (table == IPT_TABLES || (family != NFPROTO_IPV4 && family != NFPROTO_IPV6) || !attrs[NFTA_CHAIN_HOOK] ||
	    !ipt_is_builtin(attr_text(attrs[NFTA_CHAIN_NAME])))
		return 0;
	(family == NFPROTO_IPV4 ? present->ip : present->ip6)[table] = present->any = true;
	return 0;
}

static int find_present(struct netlink *netlink, struct present *present, struct fault *fault)
{
	char buffer[512];

	*present = (struct present){ .any = false };
	return netlink_dump(netlink, netlink_request(netlink, buffer, NFT_MSG_GETCHAIN), visit_chain, present, fault);
}

int sweep_has_iptables(struct netlink *netlink, struct fault *fault)
{
	struct present present;
	int rc = find_present(netlink, &present, fault);

	return rc < 0 ? rc : present.any;
}

/* Only the tables that may have such rules are read. */
static int find_matches(struct search *search, struct fault *fault)
{
	struct present present;
	int result = find_present(search->sweep->netlink, &present, fault);

	for (size_t i = 0; i < 2 * IPT_TABLES && result != -1; i++) {
		const bool v4 = i < IPT_TABLES;
		const size_t table = i % IPT_TABLES;
		int rc = !(v4 ? present.ip : present.ip6)[table] ?
				 0 :
				 ask_for_rules(search, v4 ? NFPROTO_IPV4 : NFPROTO_IPV6, ipt_tables[table], NULL, 0, fault);

		result = rc < 0 ? rc : result;
	}
	return result;
}

static int find_prefixes(struct search *search, struct fault *fault)
{
	return ask_for_rules(search, NFPROTO_INET, FIREWALLD_TABLE, NULL, 0, fault);
}

int sweep_find(const struct sweep *sweep, struct marks *marks, struct fault *fault)
{
	static int (*const find[MARKS])(struct search * search, struct fault * fault) = {
		[MARK_SET] = find_sets_and_rules,
		[MARK_TABLE] = find_tables,
		[MARK_MATCH] = find_matches,
		[MARK_PREFIX] = find_prefixes,
	};
	struct search search = { .sweep = sweep, .marks = marks };

	return find[sweep->mark](&search, fault);
}

int sweep_is_ours(const struct sweep *sweep, uint8_t family, const char *table, const char *chain, uint64_t handle,
		  struct fault *fault)
{
	struct search search = { .sweep = sweep };
	int rc = ask_for_rules(&search, family, table, chain, handle, fault);

	return rc == -1 && fault->code == ENOENT ? 0 : rc < 0 ? rc : search.found;
}

/* --- removing ----------------------------------------------------------------------------------------------------- */

/* Leaves out the rules that are not ours, or no longer. Sets and tables are ours by their names. */
static int verify(const struct sweep *sweep, struct marks *marks, struct fault *fault)
{
	size_t kept = 0;

	for (size_t i = 0; i < marks->count; i++) {
		const struct marked *item = &marks->item[i];
		int ours = item->type != NFT_MSG_DELRULE ?
				   1 :
				   sweep_is_ours(sweep, item->family, item->table, item->name, item->handle, fault);

		if (ours < 0)
			return ours;
		if (ours)
			marks->item[kept++] = *item;
	}
	marks->count = kept;
	return 0;
}

static void add_all(struct batch *batch, const struct marks *marks, bool rules)
{
	for (const struct marked *item = marks->item; item < marks->item + marks->count; item++)
		if ((item->type == NFT_MSG_DELRULE) == rules)
			batch_delete(batch, item->type, item->family, item->table, item->name[0] ? item->name : NULL, item->handle);
}

/* Rules go before the sets that they use, which are busy until then: with more rules to come, the sets must wait. */
static int commit(const struct sweep *sweep, const struct marks *marks, uint32_t generation, struct fault *fault)
{
	struct batch batch;
	int rc = batch_begin(&batch, sweep->netlink, generation, fault);

	if (rc < 0)
		return rc;
	add_all(&batch, marks, true);
	if (!marks->full || sweep->mark != MARK_SET)
		add_all(&batch, marks, false);
	rc = batch_commit(&batch, NULL, NULL, fault);
	batch_free(&batch);
	if (rc == -1 && fault->code == EPERM && sweep->mark == MARK_TABLE)
		return fault_set(fault, FAULT_FAILED,
				 "the table %s belongs to a process that is alive, and not to this one; nft list tables "
				 "names the program",
				 marks->item[0].table);
	return rc;
}

/* A rule behind one that logs has no mark of its own: those are bound to the generation that they were read in. */
static int attempt_close(struct ruleset *state, const void *arg, struct fault *fault)
{
	const struct sweep *sweep = &state->sweep;
	const bool by_order = sweep->mark == MARK_PREFIX;
	struct marks marks = { 0 };
	uint32_t generation;
	int rc = by_order ? netlink_generation(sweep->netlink, &generation, fault) : 0;

	(void)arg;
	rc = rc < 0 ? rc : sweep_find(sweep, &marks, fault);
	if (rc == -1)
		return -1;
	if (!marks.count)
		return netlink_nothing(rc, &state->nothing);
	state->nothing = false;
	state->removed = true; /* also if the kernel's answer to that is lost */
	rc = by_order ? 0 : netlink_generation(sweep->netlink, &generation, fault);
	if (rc == 0 && !by_order)
		rc = verify(sweep, &marks, fault);
	if (rc == 0)
		rc = commit(sweep, &marks, generation, fault);
	if (rc < 0 && fault->code != ERESTART)
		state->sweep.spots = 0;
	return rc < 0 ? rc : AGAIN; /* the next attempt reads back */
}

int sweep_close(const struct sweep *sweep, struct fault *fault)
{
	struct ruleset state = { .sweep = *sweep };

	return netlink_insist(attempt_close, &state, NULL, fault) < 0 ? -1 : state.removed;
}
