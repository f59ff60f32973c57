// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/iptables/choosing.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "backends/nft/builtin.h"
#include "backends/nft/sweep.h"

/* Are there tables of iptables-nft? 0: no rule needs to be read. */
int choosing_has_tables(struct ruleset *ruleset, struct fault *fault)
{
	return ruleset->netlink.socket ? sweep_has_iptables(&ruleset->netlink, fault) : 0;
}

static int add_wanted(struct ruleset *ruleset, bool legacy, const struct spot *spot, struct fault *fault)
{
	if (ruleset->wants == LENGTH_OF(ruleset->wanted))
		return fault_set(fault, FAULT_FAILED, "more than %zu chains of iptables may block the port. Nothing was changed",
				 LENGTH_OF(ruleset->wanted));
	ruleset->wanted[ruleset->wants++] = (struct wanted){ legacy, *spot, spot->handle[0] != 0 };
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
		if (add_wanted(ruleset, true, &spot, fault) < 0)
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
		    ipt_table(spot->table) < IPT_TABLES && add_wanted(ruleset, false, spot, fault) < 0)
			return -1;
	}
	if (survey)
		note_shut(ruleset, survey);
	ruleset->generation = survey ? survey->generation : 0;
	ruleset->busy = survey && !survey->generation;
	return survey ? 0 : -1;
}

int choosing_attempt(struct ruleset *ruleset, const void *opening, struct fault *fault)
{
	int rc = choosing_has_tables(ruleset, fault);

	ruleset->evidence.shut[0] = '\0';
	ruleset->wants = 0;
	ruleset->client[0] = '\0';
	ruleset->busy = false;
	if (rc > 0)
		rc = choose_nft(ruleset, opening, fault);
	if (rc == 0)
		rc = request_listings(ruleset, choose_legacy, (void *)(uintptr_t)opening, fault);
	ruleset->chosen = rc == 0;
	ruleset->stale = rc != 0;
	return rc;
}
