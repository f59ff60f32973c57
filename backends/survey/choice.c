// SPDX-License-Identifier: GPL-3.0-or-later
#include "choice.h"

#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "nft_tag.h"
#include "snapshot.h"
#include "walk.h"

static bool is_panic(const struct nft_chain *chain)
{
	return !strcmp(chain->table, "firewalld_policy_drop") && !strncmp(chain->name, "raw_", 4);
}

static void explain(struct finding *finding, const struct nft_chain *chain, const struct culprit *culprit, const char *why,
		    const char *remedy)
{
	char rule[2 * SURVEY_NAME] = "";

	if (culprit->chain && culprit->handle)
		snprintf(rule, sizeof(rule), ": the rule with handle %llu in %s", (unsigned long long)culprit->handle,
			 culprit->chain->name);
	else if (culprit->chain)
		snprintf(rule, sizeof(rule), ": its policy");
	snprintf(finding->why, sizeof(finding->why), "the chain %s %s %s (%s) may block the port%s; its table %s; %s. Nothing was changed",
		 nft_family(chain->family), chain->table, chain->name, nft_hook(chain), rule, why, remedy);
}

static int refuse(const struct finding *finding, struct fault *fault)
{
	return fault_set(fault, FAULT_FAILED, "%s", finding->why);
}

/* The handle of the rule with this tag in the chain, 0 if it has none. The tools of iptables have their own kind of comments. */
static uint64_t find_ours(const struct snapshot *snapshot, const struct nft_chain *chain, const char *tag, bool iptables)
{
	char found[TAG_SIZE];

	for (size_t i = chain->first_rule; i < chain->first_rule + chain->rules; i++) {
		const struct nft_rule *rule = &snapshot->rule[i];

		if ((iptables ? tag_of_match(rule->expressions, found) : tag_of_rule(rule->userdata, found)) && !strcmp(found, tag))
			return rule->handle;
	}
	return 0;
}

/* Who holds the chain, and whether anything can be done about it. */
static int find_holder(struct finding *finding, const struct snapshot *snapshot, const struct nft_table *table,
		       const struct nft_chain *chain, const struct culprit *culprit, struct fault *fault)
{
	const bool theirs = snapshot_is_builtin(chain->name);

	if (is_panic(chain)) {
		explain(finding, chain, culprit, "is firewalld's panic mode, which is to keep everybody out", "end it first "
			"(firewall-cmd --panic-off)");
		return refuse(finding, fault);
	}
	if (snapshot_is_iptables(snapshot, chain)) {
		explain(finding, chain, culprit, "belongs to iptables-nft", theirs ? "set backend = auto in [gate]" :
			"move this chain to a table of its own");
		finding->holder = HOLDER_IPTABLES;
		return theirs ? 0 : refuse(finding, fault);
	}
	if (table->flags & NFT_TABLE_F_OWNER) {
		explain(finding, chain, culprit, "is owned by a running process, so that nobody else can change it", "let that program "
			"open the port for the time of the renewal");
		finding->holder = HOLDER_OWNER;
	}
	return 0;
}

static int choose_one(struct survey *survey, struct snapshot *snapshot, const struct nft_table *table,
		      const struct nft_chain *chain, const struct opening *opening, struct fault *fault)
{
	struct finding *finding = &survey->finding[survey->findings];
	struct culprit culprit;
	struct way way;

	if (!walk_way(chain, opening, &way))
		return 0;
	way.answerable = table->flags & NFT_TABLE_F_OWNER; /* what filters reverse paths and cannot be opened may stay */
	if (!walk_can_block(snapshot, chain, &way, &culprit))
		return 0;
	memset(finding, 0, sizeof(*finding));
	if (find_holder(finding, snapshot, table, chain, &culprit, fault) < 0)
		return -1;
	if (survey->findings == SURVEY_MOST - 1 || strlen(chain->table) >= SURVEY_NAME || strlen(chain->name) >= SURVEY_NAME) {
		explain(finding, chain, &culprit, "is one too many for acmegate, or a name in it too long", "shorten it");
		return refuse(finding, fault);
	}
	finding->family = chain->family;
	snprintf(finding->table, sizeof(finding->table), "%s", chain->table);
	snprintf(finding->chain, sizeof(finding->chain), "%s", chain->name);
	finding->reply = way.reply;
	finding->bindable = way.bindable;
	finding->port = way.port[0] ? way.port[0] : way.port[1];
	finding->handle = find_ours(snapshot, chain, opening->tag, finding->holder == HOLDER_IPTABLES);
	survey->findings++;
	return 0;
}

static int choose_all(struct survey *survey, struct snapshot *snapshot, const struct opening *opening, struct fault *fault)
{
	survey->findings = 0;
	for (size_t i = 0; i < snapshot->chains; i++) {
		const struct nft_chain *chain = &snapshot->chain[i];
		const struct nft_table *table = snapshot_table(snapshot, chain->family, chain->table);

		if (!chain->base || !table || (table->flags & NFT_TABLE_F_DORMANT))
			continue;
		if (choose_one(survey, snapshot, table, chain, opening, fault) < 0)
			return -1;
	}
	return 0;
}

int choose(struct survey *survey, struct netlink *netlink, const struct opening *opening, bool hidden, struct fault *fault)
{
	struct snapshot snapshot;
	struct fault ignored;
	int rc = snapshot_read(&snapshot, netlink, hidden, fault);

	if (rc == 0)
		rc = choose_all(survey, &snapshot, opening, fault);
	if (netlink_generation(netlink, &survey->generation, &ignored) < 0 || survey->generation != snapshot.generation)
		survey->generation = 0;
	snapshot_free(&snapshot);
	return rc;
}
