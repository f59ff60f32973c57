// SPDX-License-Identifier: GPL-3.0-or-later
#include "nftables.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "nft_digest.h"
#include "nft_netlink.h"
#include "nft_rule.h"
#include "nft_snapshot.h"
#include "nft_walk.h"

#ifndef NFT_TABLE_F_OWNER
#define NFT_TABLE_F_OWNER 0x2 /* since Linux 5.12 */
#endif

#define ATTEMPTS 64		/* others who commit all the time must not be able to keep a window open */
#define MAX_LEFTOVERS 256	/* removed in one batch; more take another round */

#define NFT_NAME 128		/* longer names of tables and chains are refused */

/* A chain that needs the rule, and the handle that the rule got there. */
struct spot {
	uint8_t family;
	char table[NFT_NAME], chain[NFT_NAME];
	uint64_t handle;
};

/*
 * Reading 10,000 rules takes the kernel some 50 ms. So the spots are chosen before the window, and hold as long as the
 * generation does. They are a short cut only: closing never trusts a handle without looking at the tag behind it.
 */
struct ruleset {
	struct netlink netlink;
	bool planned;
	uint32_t generation;
	size_t spots;
	struct spot spot[PLAN_LINES];
	char warning[FAULT_TEXT_SIZE];
};

/* What carries our tag: rules by handle, sets by name. */
struct leftovers {
	const char *tag; /* NULL: any */
	size_t rules, sets, taken;
	struct leftover {
		uint8_t family;
		bool is_set;
		uint64_t handle;
		char table[NFT_NAME], name[NFT_NAME]; /* of the chain or set */
	} item[MAX_LEFTOVERS];
};

/* --- choosing ----------------------------------------------------------------------------------------------------- */

static bool is_early(const struct nft_chain *chain)
{
	return chain->family == NFPROTO_NETDEV ? chain->hook == NF_NETDEV_INGRESS :
	       chain->family == NFPROTO_BRIDGE ? chain->hook == NF_INET_PRE_ROUTING || chain->hook == NF_INET_LOCAL_IN :
						 chain->family == NFPROTO_INET && chain->hook == NF_INET_INGRESS;
}

/* accept ends one base chain only, so each one on the way in that can block needs the rule */
static bool is_on_the_way(const struct nft_chain *chain)
{
	return (chain->family == NFPROTO_IPV4 || chain->family == NFPROTO_IPV6 || chain->family == NFPROTO_INET) &&
	       (chain->hook == NF_INET_LOCAL_IN || chain->hook == NF_INET_PRE_ROUTING) && strcmp(chain->type, "nat");
}

static int refuse(const struct nft_chain *chain, const char *why, const char *remedy, struct fault *fault)
{
	return fault_set(fault, FAULT_FAILED, "the chain %s %s %s (%s) may block the port, and its table %s; %s. Nothing was "
					      "changed", nft_family(chain->family), chain->table, chain->name, nft_hook(chain),
			 why, remedy);
}

static int choose_one(struct ruleset *ruleset, const struct snapshot *snapshot, const struct nft_table *table,
		      const struct nft_chain *chain, uint16_t port, struct fault *fault)
{
	struct spot *spot = &ruleset->spot[ruleset->spots];

	if (!walk_can_block(snapshot, chain, port))
		return 0;
	if (is_early(chain)) {
		snprintf(ruleset->warning, sizeof(ruleset->warning),
			 "the chain %s %s %s (%s) may drop packets before acmegate's rule can accept them",
			 nft_family(chain->family), chain->table, chain->name, nft_hook(chain));
		return 0;
	}
	if (snapshot_is_iptables(snapshot, chain))
		return refuse(chain, "belongs to iptables-nft, where native nftables rules would be lost or misread by "
				     "iptables-save", "move these rules to nftables, or accept the port there yourself for the "
				     "time of the renewal", fault);
	if (table->flags & NFT_TABLE_F_OWNER)
		return refuse(chain, "is owned by a running process, so that nobody else can change it", "let that program "
			      "(firewalld 2, for example) open the port for the time of the renewal", fault);
	if (ruleset->spots == LENGTH_OF(ruleset->spot) || strlen(chain->table) >= NFT_NAME ||
	    strlen(chain->name) >= NFT_NAME)
		return refuse(chain, "is one too many for acmegate, or a name in it too long", "shorten it", fault);
	spot->family = chain->family;
	snprintf(spot->table, sizeof(spot->table), "%s", chain->table);
	snprintf(spot->chain, sizeof(spot->chain), "%s", chain->name);
	spot->handle = 0;
	ruleset->spots++;
	return 0;
}

static int choose(struct ruleset *ruleset, const struct snapshot *snapshot, uint16_t port, struct fault *fault)
{
	ruleset->spots = 0;
	ruleset->warning[0] = '\0';
	ruleset->generation = snapshot->generation;
	for (size_t i = 0; i < snapshot->chains; i++) {
		const struct nft_chain *chain = &snapshot->chain[i];
		const struct nft_table *table = snapshot_table(snapshot, chain->family, chain->table);

		if (!chain->base || !table || (table->flags & NFT_TABLE_F_DORMANT) ||
		    (!is_on_the_way(chain) && !is_early(chain)))
			continue;
		if (choose_one(ruleset, snapshot, table, chain, port, fault) < 0)
			return -1;
	}
	ruleset->planned = true;
	return 0;
}

static int read_and_choose(struct ruleset *ruleset, uint16_t port, struct fault *fault)
{
	struct snapshot snapshot;
	int rc = snapshot_read(&snapshot, &ruleset->netlink, fault);

	ruleset->planned = false;
	if (rc == 0)
		rc = choose(ruleset, &snapshot, port, fault);
	snapshot_free(&snapshot);
	return rc;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static bool shares_table(const struct ruleset *ruleset, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (ruleset->spot[j].family == ruleset->spot[i].family &&
		    !strcmp(ruleset->spot[j].table, ruleset->spot[i].table))
			return true;
	return false;
}

/* The kernel echoes each new rule with its handle. */
static int take_handle(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_RULE_HANDLE + 1];
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	struct ruleset *ruleset = arg;

	(void)fault;
	if (NFNL_MSG_TYPE(message->nlmsg_type) != NFT_MSG_NEWRULE)
		return 0;
	attrs_of_message(message, attrs, NFTA_RULE_HANDLE);
	for (size_t i = 0; i < ruleset->spots; i++)
		if (ruleset->spot[i].family == generic->nfgen_family &&
		    !strcmp(ruleset->spot[i].table, attr_text(attrs[NFTA_RULE_TABLE])) &&
		    !strcmp(ruleset->spot[i].chain, attr_text(attrs[NFTA_RULE_CHAIN])))
			ruleset->spot[i].handle = attr_u64(attrs[NFTA_RULE_HANDLE], 0);
	return 0;
}

static int commit_opening(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	struct batch batch;
	int rc = batch_begin(&batch, &ruleset->netlink, ruleset->generation, fault);

	for (size_t i = 0; i < ruleset->spots && rc == 0; i++) {
		const struct spot *spot = &ruleset->spot[i];

		if (!shares_table(ruleset, i))
			rc = rule_add_set(&batch, spot->family, spot->table, opening, fault);
		if (rc == 0)
			rc = rule_add(&batch, spot->family, spot->table, spot->chain, opening, fault);
	}
	if (rc == 0)
		rc = batch_commit(&batch, take_handle, ruleset, fault);
	batch_free(&batch);
	return rc;
}

static int visit_tag(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_RULE_USERDATA + 1];

	(void)fault;
	attrs_of_message(message, attrs, NFTA_RULE_USERDATA);
	if (!rule_tag(attrs[NFTA_RULE_USERDATA], arg))
		*(char *)arg = '\0';
	return 0;
}

/* Reads each rule back by its handle: an acknowledgement is no proof, and a handle may be somebody else's by now. */
static int check_spots(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	for (size_t i = 0; i < ruleset->spots; i++) {
		const struct spot *spot = &ruleset->spot[i];
		char found[TAG_SIZE] = "", buffer[1024];
		struct nlmsghdr *request = rule_request(&ruleset->netlink, buffer, spot->family, spot->table, spot->chain,
							spot->handle);

		if (!request)
			return fault_set(fault, FAULT_LATER, "no memory to read the ruleset back");
		if (netlink_dump(&ruleset->netlink, request, visit_tag, found, fault) < 0)
			return -1;
		if (strcmp(found, tag))
			return fault_set(fault, FAULT_LATER, "the rule in %s %s is not the one that was made",
					 spot->table, spot->chain);
	}
	return 0;
}

/* One attempt for one generation of the ruleset; the next one chooses anew. */
static int attempt_open(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	const struct opening *opening = arg;

	if (!ruleset->planned && read_and_choose(ruleset, opening->port, fault) < 0)
		return -1;
	ruleset->planned = false;
	if (!ruleset->spots)
		return 0;
	if (commit_opening(ruleset, opening, fault) < 0)
		return -1;
	if (check_spots(ruleset, opening->tag, fault) == 0)
		return 0;
	fault->kind = FAULT_LATER; /* it was committed: not to be done once more, but to be closed */
	return fault_at(fault, "reading the opening back");
}

/* Does something again while others get in between, a little later each time. */
static int insist(int (*attempt)(struct ruleset *, const void *, struct fault *), struct ruleset *ruleset, const void *arg,
		  struct fault *fault)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		struct timespec pause = { .tv_nsec = i * 250000L };

		if (attempt(ruleset, arg, fault) == 0)
			return 0;
		if (fault->kind != FAULT_RACED)
			return -1;
		nanosleep(&pause, NULL);
	}
	fault->kind = FAULT_LATER;
	return fault_at(fault, "after %d attempts", ATTEMPTS);
}

static int nft_open(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	return insist(attempt_open, ruleset, opening, fault);
}

/* --- closing ------------------------------------------------------------------------------------------------------ */

static void note(struct leftovers *left, const struct nlmsghdr *message, bool is_set, const char *table,
		 const char *name, uint64_t handle)
{
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	struct leftover *item = &left->item[left->taken];

	if (left->taken == MAX_LEFTOVERS)
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
	if (!rule_tag(attrs[NFTA_RULE_USERDATA], tag) || !opening_is_tag(tag, left->tag))
		return 0;
	left->rules++;
	note(left, message, false, attr_text(attrs[NFTA_RULE_TABLE]), attr_text(attrs[NFTA_RULE_CHAIN]),
	     attr_u64(attrs[NFTA_RULE_HANDLE], 0));
	return 0;
}

static int visit_set(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	const struct nlattr *attrs[NFTA_SET_NAME + 1];
	struct leftovers *left = arg;
	const char *name;
	char tag[TAG_SIZE + 1];

	(void)fault;
	attrs_of_message(message, attrs, NFTA_SET_NAME);
	name = attr_text(attrs[NFTA_SET_NAME]);
	if (strncmp(name, SET_PREFIX, strlen(SET_PREFIX)))
		return 0;
	snprintf(tag, sizeof(tag), TAG_PREFIX "%s", name + strlen(SET_PREFIX));
	if (!opening_is_tag(tag, left->tag))
		return 0;
	left->sets++;
	note(left, message, true, attr_text(attrs[NFTA_SET_TABLE]), name, 0);
	return 0;
}

static int find_sets(struct ruleset *ruleset, struct leftovers *left, struct fault *fault)
{
	char buffer[512];

	return netlink_dump(&ruleset->netlink, netlink_request(&ruleset->netlink, buffer, NFT_MSG_GETSET), visit_set, left,
			    fault);
}

static int find_leftovers(struct ruleset *ruleset, struct leftovers *left, struct fault *fault)
{
	char buffer[512];

	if (netlink_dump(&ruleset->netlink, netlink_request(&ruleset->netlink, buffer, NFT_MSG_GETRULE), visit_rule, left,
			 fault) < 0)
		return -1;
	return find_sets(ruleset, left, fault);
}

/* Rules stand before the sets that they use: a set alone is busy. */
static int remove_leftovers(struct ruleset *ruleset, const struct leftovers *left, uint32_t generation,
			    struct fault *fault)
{
	struct batch batch;
	int rc = batch_begin(&batch, &ruleset->netlink, generation, fault);

	for (size_t i = 0; i < left->taken && rc == 0; i++) {
		const struct leftover *item = &left->item[i];

		rc = item->is_set ? rule_delete_set(&batch, item->family, item->table, item->name, fault) :
				    rule_delete(&batch, item->family, item->table, item->name, item->handle, fault);
	}
	if (rc == 0)
		rc = batch_commit(&batch, NULL, NULL, fault);
	batch_free(&batch);
	return rc;
}

/* Ends well only when a fresh reading finds nothing; whatever it finds is removed, and that calls for another reading. */
static int attempt_close(struct ruleset *ruleset, const void *tag, struct fault *fault)
{
	struct leftovers left = { .tag = tag };
	uint32_t generation;

	if (netlink_generation(&ruleset->netlink, &generation, fault) < 0 ||
	    find_leftovers(ruleset, &left, fault) < 0)
		return -1;
	if (!left.taken)
		return 0;
	if (remove_leftovers(ruleset, &left, generation, fault) < 0)
		return -1;
	return fault_set(fault, FAULT_RACED, "closing");
}

static struct leftover leftover_of(const struct spot *spot)
{
	struct leftover item = { .family = spot->family, .handle = spot->handle };

	memcpy(item.table, spot->table, sizeof(item.table));
	memcpy(item.name, spot->chain, sizeof(item.name));
	return item;
}

/*
 * The short way, without reading all rules: the handles that opening got, each checked for our tag in the generation that
 * the batch is bound to, and our sets. The kernel refuses to delete a set that any rule still uses, so once the sets are
 * gone, which is read back, no rule of ours is left either. Anything unexpected: the long way.
 */
static int close_known(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	struct leftovers left = { .tag = tag }, after = { .tag = tag };
	uint32_t generation;

	if (netlink_generation(&ruleset->netlink, &generation, fault) < 0 ||
	    check_spots(ruleset, tag, fault) < 0)
		return -1;
	for (size_t i = 0; i < ruleset->spots; i++)
		left.item[left.taken++] = leftover_of(&ruleset->spot[i]);
	if (find_sets(ruleset, &left, fault) < 0 ||
	    (left.taken && remove_leftovers(ruleset, &left, generation, fault) < 0) ||
	    find_sets(ruleset, &after, fault) < 0)
		return -1;
	return after.sets ? fault_set(fault, FAULT_RACED, "a set of acmegate's is still there") : 0;
}

static int nft_close(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
	int rc = tag && !ruleset->planned ? close_known(ruleset, tag, fault) : -1;

	ruleset->spots = 0;
	if (rc == 0)
		return 0;
	return insist(attempt_close, ruleset, tag, fault);
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static int attempt_digest(struct ruleset *ruleset, const void *out, struct fault *fault)
{
	return digest_read(&ruleset->netlink, (unsigned char *)(uintptr_t)out, fault);
}

static int nft_digest(struct ruleset *ruleset, unsigned char out[DIGEST_SIZE], struct fault *fault)
{
	return insist(attempt_digest, ruleset, out, fault);
}

struct planning {
	const struct opening *opening;
	struct plan *plan;
};

static int attempt_plan(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	const struct planning *planning = arg;
	struct plan *plan = planning->plan;

	if (read_and_choose(ruleset, planning->opening->port, fault) < 0)
		return -1;
	plan->lines = 0;
	for (size_t i = 0; i < ruleset->spots; i++)
		snprintf(plan->line[plan->lines++], sizeof(plan->line[0]),
			 "nft insert rule %s %s %s tcp dport %u%s accept", nft_family(ruleset->spot[i].family),
			 ruleset->spot[i].table, ruleset->spot[i].chain, planning->opening->port,
			 planning->opening->own_listener ? " socket transparent 1" : "");
	snprintf(plan->warning, sizeof(plan->warning), "%s", ruleset->warning);
	return 0;
}

static int nft_plan(struct ruleset *ruleset, const struct opening *opening, struct plan *plan, struct fault *fault)
{
	struct planning planning = { opening, plan };

	return insist(attempt_plan, ruleset, &planning, fault);
}

static int nft_attach(struct ruleset **out, struct fault *fault)
{
	struct ruleset *ruleset = calloc(1, sizeof(*ruleset));
	int rc;

	if (!ruleset)
		return fault_errno(fault, FAULT_LATER, "attaching to nftables");
	rc = netlink_open(&ruleset->netlink, fault);
	if (rc == 1)
		*out = ruleset;
	else
		free(ruleset);
	return rc;
}

static void nft_detach(struct ruleset *ruleset)
{
	netlink_close(&ruleset->netlink);
	free(ruleset);
}

const struct backend nftables_backend = {
	.name = "nftables",
	.attach = nft_attach,
	.plan = nft_plan,
	.open = nft_open,
	.close = nft_close,
	.digest = nft_digest,
	.detach = nft_detach,
};
