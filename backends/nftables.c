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

struct ruleset {
	struct netlink netlink;
};

/* The chains that need the rule. */
struct choice {
	size_t count;
	const struct nft_chain *chain[PLAN_LINES];
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
		char table[128], name[128]; /* chain or set; NFT_NAME_MAXLEN is 256, longer ones are refused below */
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

static int choose_one(struct choice *choice, const struct snapshot *snapshot, const struct nft_table *table,
		      const struct nft_chain *chain, uint16_t port, struct fault *fault)
{
	if (!walk_can_block(snapshot, chain, port))
		return 0;
	if (is_early(chain)) {
		snprintf(choice->warning, sizeof(choice->warning),
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
	if (choice->count == LENGTH_OF(choice->chain) || strlen(chain->table) >= sizeof(((struct leftover *)0)->table) ||
	    strlen(chain->name) >= sizeof(((struct leftover *)0)->name))
		return refuse(chain, "or name is one too many or too long for acmegate", "shorten it", fault);
	choice->chain[choice->count++] = chain;
	return 0;
}

static int choose(struct choice *choice, const struct snapshot *snapshot, uint16_t port, struct fault *fault)
{
	memset(choice, 0, sizeof(*choice));
	for (size_t i = 0; i < snapshot->chains; i++) {
		const struct nft_chain *chain = &snapshot->chain[i];
		const struct nft_table *table = snapshot_table(snapshot, chain->family, chain->table);

		if (!chain->base || !table || (table->flags & NFT_TABLE_F_DORMANT) ||
		    (!is_on_the_way(chain) && !is_early(chain)))
			continue;
		if (choose_one(choice, snapshot, table, chain, port, fault) < 0)
			return -1;
	}
	return 0;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static bool shares_table(const struct choice *choice, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (choice->chain[j]->family == choice->chain[i]->family &&
		    !strcmp(choice->chain[j]->table, choice->chain[i]->table))
			return true;
	return false;
}

static int commit_opening(struct ruleset *ruleset, const struct choice *choice, uint32_t generation,
			  const struct opening *opening, struct fault *fault)
{
	struct batch batch;
	int rc = batch_begin(&batch, &ruleset->netlink, generation, fault);

	for (size_t i = 0; i < choice->count && rc == 0; i++) {
		const struct nft_chain *chain = choice->chain[i];

		if (!shares_table(choice, i))
			rc = rule_add_set(&batch, chain->family, chain->table, opening, fault);
		if (rc == 0)
			rc = rule_add(&batch, chain->family, chain->table, chain->name, opening, fault);
	}
	if (rc == 0)
		rc = batch_commit(&batch, fault);
	batch_free(&batch);
	return rc;
}

static int visit_rule(const struct nlmsghdr *message, void *arg, struct fault *fault);

static int count_rules(struct ruleset *ruleset, struct leftovers *left, struct fault *fault)
{
	char buffer[512];

	return netlink_dump(&ruleset->netlink, netlink_request(&ruleset->netlink, buffer, NFT_MSG_GETRULE), visit_rule, left,
			    fault);
}

/* One attempt: read, choose, commit for that generation, read back. An acknowledgement alone is no proof of a commit. */
static int try_open(struct ruleset *ruleset, const struct opening *opening, struct fault *fault)
{
	struct snapshot snapshot;
	struct choice choice;
	struct leftovers left = { .tag = opening->tag };
	int rc = snapshot_read(&snapshot, &ruleset->netlink, fault);

	if (rc == 0)
		rc = choose(&choice, &snapshot, opening->port, fault);
	if (rc == 0 && choice.count)
		rc = commit_opening(ruleset, &choice, snapshot.generation, opening, fault);
	snapshot_free(&snapshot);
	if (rc < 0 || !choice.count)
		return rc;
	if (count_rules(ruleset, &left, fault) < 0)
		return fault->kind == FAULT_RACED ? fault_set(fault, FAULT_LATER, "the ruleset changes too fast") : -1;
	if (left.rules != choice.count)
		return fault_set(fault, FAULT_LATER, "%zu of %zu rules stand after opening: somebody else changes the ruleset",
				 left.rules, choice.count);
	return 0;
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

static int attempt_open(struct ruleset *ruleset, const void *arg, struct fault *fault)
{
	return try_open(ruleset, arg, fault);
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

static int find_leftovers(struct ruleset *ruleset, struct leftovers *left, struct fault *fault)
{
	char buffer[512];

	if (count_rules(ruleset, left, fault) < 0)
		return -1;
	return netlink_dump(&ruleset->netlink, netlink_request(&ruleset->netlink, buffer, NFT_MSG_GETSET), visit_set, left,
			    fault);
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
		rc = batch_commit(&batch, fault);
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

static int nft_close(struct ruleset *ruleset, const char *tag, struct fault *fault)
{
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
	struct snapshot snapshot;
	struct choice choice;
	int rc = snapshot_read(&snapshot, &ruleset->netlink, fault);

	if (rc == 0)
		rc = choose(&choice, &snapshot, planning->opening->port, fault);
	plan->lines = 0;
	for (size_t i = 0; rc == 0 && i < choice.count; i++)
		snprintf(plan->line[plan->lines++], sizeof(plan->line[0]),
			 "nft insert rule %s %s %s tcp dport %u%s accept", nft_family(choice.chain[i]->family),
			 choice.chain[i]->table, choice.chain[i]->name, planning->opening->port,
			 planning->opening->own_listener ? " socket transparent 1" : "");
	if (rc == 0)
		snprintf(plan->warning, sizeof(plan->warning), "%s", choice.warning);
	snapshot_free(&snapshot);
	return rc;
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
