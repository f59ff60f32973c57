// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/sending.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <time.h>

#include "backends/nft/batch.h"
#include "backends/nft/set.h"

#define CLOCK_SLACK (24 * 60 * 60) /* seconds: less is corrected by a clock in use; a machine that boots in 1970 is farther off */
#define MOST_LOST 3		   /* then what was read last has to do: others commit faster than a ruleset can be read */

size_t sending_count(const struct ruleset *ruleset, const struct spot *spot, const struct opening *opening)
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
		size_t rules = sending_count(echo->ruleset, spot, echo->opening), known = 0;

		while (known < rules && spot->handle[known])
			known++;
		if (known == rules || spot->family != generic->nfgen_family ||
		    strcmp(spot->table, attr_text(attrs[NFTA_RULE_TABLE])) || strcmp(spot->chain, attr_text(attrs[NFTA_RULE_CHAIN])))
			continue;
		spot->handle[known] = attr_u64(attrs[NFTA_RULE_HANDLE], 0);
		break;
	}
	return 0;
}

/* Has the spot all its rules? */
bool sending_is_open(const struct ruleset *ruleset, const struct spot *spot, const struct opening *opening)
{
	for (size_t i = 0; i < sending_count(ruleset, spot, opening); i++)
		if (!spot->handle[i])
			return false;
	return true;
}

/* Is this the first of the spots without a rule in its table? Each table needs one set. */
bool sending_begins_table(const struct ruleset *ruleset, size_t i, const struct opening *opening)
{
	const struct spot *spot = ruleset->spot;

	for (size_t j = 0; j < i; j++)
		if (!sending_is_open(ruleset, &spot[j], opening) && spot[j].family == spot[i].family &&
		    !strcmp(spot[j].table, spot[i].table))
			return false;
	return true;
}

/* Opens in the spots that have no rule yet; a rehearsal does all of it but the commit. */
int sending_commit(struct ruleset *ruleset, const struct opening *opening, bool rehearsal, struct fault *fault)
{
	const bool exact = ruleset->lost < MOST_LOST; /* of one generation: handles are of the same rules */
	struct echo echo = { ruleset, opening };
	struct batch batch;
	int rc = batch_begin(&batch, &ruleset->netlink, exact ? ruleset->generation : 0, fault);

	for (size_t i = 0; i < ruleset->spots && rc == 0; i++) {
		const struct spot *spot = &ruleset->spot[i];

		if (sending_is_open(ruleset, spot, opening))
			continue;
		for (size_t r = 0; r < LENGTH_OF(spot->handle) && exact && ruleset->misplaced[i][r]; r++)
			batch_delete(&batch, NFT_MSG_DELRULE, spot->family, spot->table, spot->chain, ruleset->misplaced[i][r]);
		if (sending_begins_table(ruleset, i, opening))
			rc = set_add(&batch, spot->family, spot->table, opening, ruleset->make.timed, fault);
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
void sending_set_time(struct ruleset *ruleset, const struct opening *opening)
{
	const uint64_t now = (uint64_t)time(NULL);

	ruleset->make.from = now - CLOCK_SLACK;
	ruleset->make.until = now + opening->seconds + 1;
}
