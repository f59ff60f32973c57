// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/survey/choice.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "backends/nft/builtin.h"
#include "backends/nft/tag.h"
#include "backends/survey/listing.h"
#include "backends/survey/packet.h"
#include "backends/survey/reach.h"
#include "backends/survey/insertion.h"

/* One ruleset, and the question about it. */
struct choice {
	struct survey *survey;
	struct snapshot *snapshot;
	const struct facts *facts;
	const struct opening *opening;
};

static bool is_panic(const struct nft_chain *chain)
{
	return !strcmp(chain->table, "firewalld_policy_drop") && !strncmp(chain->name, "raw_", 4);
}

/* Names the rule that blocks: by its handle, in iptables-legacy by its text. */
static void name_culprit(char *text, size_t size, const struct culprit *culprit)
{
	if (culprit->chain && culprit->rule && culprit->rule->line)
		snprintf(text, size, ": the rule -A %s %.200s", culprit->chain->name, culprit->rule->line);
	else if (culprit->chain && culprit->rule)
		snprintf(text, size, ": the rule with handle %llu in %s", (unsigned long long)culprit->rule->handle,
			 culprit->chain->name);
	else if (culprit->chain)
		snprintf(text, size, ": its policy");
}

static void explain(struct spot *spot, const struct nft_chain *chain, const struct culprit *culprit, const char *why,
		    const char *remedy)
{
	char rule[2 * SURVEY_NAME] = "";

	name_culprit(rule, sizeof(rule), culprit);
	snprintf(spot->why, sizeof(spot->why), "the chain %s %s %s (%s) may block the port%s; its table %s; %s. Nothing was changed",
		 nft_family(chain->family), chain->table, chain->name, nft_hook(chain), rule, why, remedy);
}

static int refuse(const struct spot *spot, struct fault *fault)
{
	return fault_set(fault, FAULT_FAILED, "%s", spot->why);
}

static bool has_tag(const struct nft_rule *rule, const char *tag, bool iptables)
{
	char found[TAG_SIZE];

	if (rule->line)
		return listing_is_ours(rule, tag);
	if (iptables)
		return tag_of_match(rule->expressions, tag, found);
	return tag_of_rule(rule->userdata, rule->expressions, found) && !strcmp(found, tag);
}

/* The rules with this tag in the chain. The tools of iptables have their own kind of comments. */
static void find_ours(struct spot *spot, const struct snapshot *snapshot, const struct nft_chain *chain, const char *tag)
{
	size_t found = 0;

	for (size_t i = chain->first_rule; i < chain->first_rule + chain->rules && found < LENGTH_OF(spot->handle); i++)
		if (has_tag(&snapshot->rule[i], tag, spot->holder == HOLDER_IPTABLES))
			spot->handle[found++] = snapshot->rule[i].line ? 1 : snapshot->rule[i].handle;
}

/* Finds out which program owns the chain, and whether a rule can be added to it. */
static int find_holder(struct spot *spot, const struct snapshot *snapshot, const struct nft_table *table,
		       const struct nft_chain *chain, const struct culprit *culprit, struct fault *fault)
{
	const bool theirs = ipt_is_builtin(chain->name);

	if (is_panic(chain)) {
		explain(spot, chain, culprit, "is firewalld's panic mode, which keeps everybody out",
			"end it first (firewall-cmd --panic-off)");
		return refuse(spot, fault);
	}
	if (snapshot_is_ebtables(snapshot, chain)) {
		explain(spot, chain, culprit,
			"belongs to ebtables, whose rules carry no mark by which acmegate could find its own again",
			"let port 80 in to this host there (ebtables -I INPUT -p IPv4 --ip-proto tcp --ip-dport 80 -j ACCEPT), or move these rules "
			"to a table of nft");
		return refuse(spot, fault);
	}
	if (snapshot_is_iptables(snapshot, chain)) {
		explain(spot, chain, culprit, "belongs to iptables",
			theirs ? "set backend = auto in [gate]" : "move this chain to a table of its own");
		spot->holder = HOLDER_IPTABLES;
		return theirs ? 0 : refuse(spot, fault);
	}
	if (table->flags & NFT_TABLE_F_OWNER) {
		explain(spot, chain, culprit, "is owned by a running process, so that nobody else can change it",
			"let that program "
			"open the port for the time of the renewal");
		spot->holder = chain->family == NFPROTO_INET && !strcmp(chain->table, FIREWALLD_TABLE) ? HOLDER_FIREWALLD :
													 HOLDER_OWNER;
	}
	return 0;
}

static void name_effects(char *text, size_t size, unsigned int effects)
{
	size_t used = 0;

	for (size_t i = 0; i < EFFECTS && used < size; i++)
		if (effects >> i & 1)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", effect_names[i]);
}

/* Most chains see packets to other hosts, too: a rule there has to be bound to this host. */
static enum spot_bound bound_of(const struct nft_chain *base, const struct nft_chain *chain, const struct opening *opening)
{
	const bool routed = base->family == NFPROTO_IPV4 || base->family == NFPROTO_IPV6 || base->family == NFPROTO_INET;

	if (routed && !strcmp(base->type, "nat") && (opening->addresses4 || opening->addresses6))
		return BOUND_BY_ADDRESS;
	if (routed && base == chain && (base->hook == NF_INET_LOCAL_IN || base->hook == NF_INET_LOCAL_OUT))
		return BOUND_BY_HOOK;
	if (routed && base->hook != NF_INET_INGRESS)
		return BOUND_BY_FIB;
	return base->family == NFPROTO_NETDEV && base->hook == NF_NETDEV_INGRESS ? BOUND_BY_FIB : BOUND_BY_ADDRESS;
}

/* A chain that several base chains jump to needs one rule, before whatever blocks first. */
static struct spot *find_spot(struct survey *survey, uint8_t family, const char *table, const char *chain, bool leaving)
{
	for (struct spot *spot = survey->spot; spot < survey->spot + survey->spots; spot++)
		if (spot->family == family && spot->leaving == leaving && !strcmp(spot->table, table) && !strcmp(spot->chain, chain))
			return spot;
	return NULL;
}

static int take_spot(struct survey *survey, const struct spot *spot, const struct nft_chain *base, struct fault *fault)
{
	struct spot *known = find_spot(survey, spot->family, spot->table, spot->chain, spot->leaving);

	if (known && known->number <= spot->number)
		return 0;
	if (!known && survey->spots == SURVEY_MOST)
		return fault_set(fault, FAULT_FAILED,
				 "more than %d rules would be needed to open the port; the chain %s %s %s is one too many. "
				 "Nothing was changed",
				 SURVEY_MOST, nft_family(base->family), base->table, base->name);
	if (!known)
		known = &survey->spot[survey->spots++];
	*known = *spot;
	return 0;
}

static int add_spot(const struct choice *choice, struct spot *spot, const struct nft_chain *base, const struct way *way,
		    const struct insertion *insertion, struct fault *fault)
{
	const struct nft_chain *chain = insertion->chain;

	if (strlen(chain->table) >= sizeof(spot->table) || strlen(chain->name) >= sizeof(spot->chain))
		return fault_set(fault, FAULT_FAILED,
				 "the chain %.64s... of the table %.64s... may block the port, and acmegate handles names of up to "
				 "%d bytes: shorten them. Nothing was changed",
				 chain->name, chain->table, SURVEY_NAME - 1);
	spot->family = chain->family;
	snprintf(spot->table, sizeof(spot->table), "%s", chain->table);
	snprintf(spot->chain, sizeof(spot->chain), "%s", chain->name);
	spot->leaving = way->leaving;
	spot->returns = insertion->returns;
	spot->bindable = way->bindable && (chain == base || !reach_is_shared(choice->snapshot, chain));
	spot->bound = (uint8_t)bound_of(base, chain, choice->opening);
	spot->port = way->port[0] ? way->port[0] : way->port[1];
	spot->number = (uint32_t)insertion->before + 1;
	spot->before = insertion->before < chain->rules ? choice->snapshot->rule[chain->first_rule + insertion->before].handle : 0;
	find_ours(spot, choice->snapshot, chain, choice->opening->tag);
	return take_spot(choice->survey, spot, base, fault);
}

/*
 * A newer rule that another program has put ahead of ours stays there: name the chain that blocks because of it. An older one ahead of
 * ours shows that ours went to a wrong place.
 */
static void find_shut(const struct choice *choice, const struct nft_chain *chain, const struct way *way,
		      const struct insertions *found)
{
	char rule[2 * SURVEY_NAME] = "";
	struct culprit culprit;

	if (!walk_is_shut(choice->snapshot, choice->facts, chain, way, &culprit))
		return;
	for (size_t i = 0; culprit.rule && i < found->count; i++) {
		const struct nft_chain *place = found->insertion[i].chain;
		struct spot *spot = find_spot(choice->survey, place->family, place->table, place->name, way->leaving);

		if (spot)
			spot->ahead = culprit.rule->line ? 1 : culprit.rule->handle;
	}
	if (choice->survey->shut[0])
		return;
	name_culprit(rule, sizeof(rule), &culprit);
	snprintf(choice->survey->shut, sizeof(choice->survey->shut), "%s %s %s%s", nft_family(chain->family), chain->table,
		 chain->name, rule);
}

static int choose_one(const struct choice *choice, const struct nft_table *table, const struct nft_chain *chain, struct fault *fault)
{
	struct insertions result;
	bool opened = false;
	struct way way;

	if (!way_find(chain, choice->opening, &way))
		return 0;
	way.answerable = table->flags &
			 NFT_TABLE_F_OWNER; /* nobody can open it: assume that a reverse-path filter lets the packets pass */
	if (insertion_find(choice->snapshot, choice->facts, chain, &way, &result) < 0)
		return fault_errno(fault, FAULT_LATER, "judging the chain %s", chain->name);
	for (size_t i = 0; i < result.count; i++) {
		struct spot spot = { 0 };

		if (find_holder(&spot, choice->snapshot, table, chain, &result.culprit, fault) < 0)
			return -1;
		name_effects(spot.lost, sizeof(spot.lost), i ? 0 : result.lost);
		if (add_spot(choice, &spot, chain, &way, &result.insertion[i], fault) < 0)
			return -1;
		opened = spot.handle[0] && (i == 0 || opened);
	}
	if (opened)
		find_shut(choice, chain, &way, &result);
	return 0;
}

/* Does any packet to this host traverse the chain? */
static bool is_used(const struct snapshot *snapshot, const struct nft_chain *chain, bool bridged)
{
	const struct nft_table *table = snapshot_table(snapshot, chain->family, chain->table);

	return chain->base && table && !(table->flags & NFT_TABLE_F_DORMANT) && (chain->family != NFPROTO_BRIDGE || bridged);
}

bool choose_admits(struct snapshot *snapshot, const struct facts *facts, bool bridged, const struct opening *opening, uint8_t family)
{
	for (const struct nft_chain *chain = snapshot->chain; chain < snapshot->chain + snapshot->chains; chain++) {
		struct insertions result;
		struct way way;

		if (!is_used(snapshot, chain, bridged) || !way_find(chain, opening, &way))
			continue;
		way.family = family;
		way.answerable = true; /* the facts name the interface that leads to the peer */
		if (insertion_find(snapshot, facts, chain, &way, &result) < 0 || result.count)
			return false;
	}
	return true;
}

/* Names a chain that may stop our own client on its way to the CA. */
static void look_out(const struct choice *choice, const struct nft_chain *chain)
{
	const struct opening *opening = choice->opening;
	char rule[2 * SURVEY_NAME] = "";
	struct culprit culprit;

	if (!opening->ca_port || choice->survey->client[0] ||
	    !walk_stops_client(choice->snapshot, choice->facts, chain, opening->client, opening->ca_port, &culprit))
		return;
	name_culprit(rule, sizeof(rule), &culprit);
	snprintf(choice->survey->client, sizeof(choice->survey->client),
		 "the chain %s %s %s (%s) may keep acmegate's client, user id %u, from port "
		 "%u of the CA%s",
		 nft_family(chain->family), chain->table, chain->name, nft_hook(chain), opening->client, opening->ca_port, rule);
}

int choose(struct survey *survey, struct snapshot *snapshot, const struct facts *facts, bool bridged, const struct opening *opening,
	   struct fault *fault)
{
	const struct choice choice = { survey, snapshot, facts, opening };

	survey->spots = 0;
	survey->shut[0] = '\0';
	survey->client[0] = '\0';
	survey->generation = snapshot->generation;
	for (size_t i = 0; i < snapshot->chains; i++) {
		const struct nft_chain *chain = &snapshot->chain[i];
		const struct nft_table *table = snapshot_table(snapshot, chain->family, chain->table);

		if (!is_used(snapshot, chain, bridged))
			continue;
		look_out(&choice, chain);
		if (choose_one(&choice, table, chain, fault) < 0)
			return -1;
	}
	return 0;
}
