// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/limits.h"

#include <string.h>

#define WINDOW (60 * 60) /* s */
#define OURS 4		 /* failures in it: one fewer than the CA allows */
#define THEIRS 5

/* Seconds until each of the newest failures of a name is an hour old, the longest first. */
struct tally {
	int64_t left[THEIRS];
};

static void add(struct tally *tally, int64_t left)
{
	int i = THEIRS - 1;

	if (left <= tally->left[i])
		return;
	for (; i > 0 && tally->left[i - 1] < left; i--)
		tally->left[i] = tally->left[i - 1];
	tally->left[i] = left;
}

static void add_all(struct tally *tally, const struct ledger *ledger, const char *directory, const struct instant *now)
{
	for (uint32_t i = 0; i < ledger->attempts; i++)
		if (ledger->attempt[i].outcome.result == RESULT_INVALID && ledger_is_of(&ledger->attempt[i], directory))
			add(tally, instant_left(WINDOW, &ledger->attempt[i].started, now));
}

/* May another certificate have a name of this one? Asked of each of 2,000: their marks lie side by side. */
static bool shares_names(const struct config *config, const struct certificate *certificate)
{
	for (uint32_t i = certificate->first_name; i < certificate->first_name + certificate->names; i++) {
		uint32_t equal = 0;

		for (uint32_t k = 0; k < config->names; k++)
			equal += config->mark[k] == config->mark[i];
		if (equal > 1)
			return true;
	}
	return false;
}

static bool has_name(const struct config *config, const struct certificate *certificate, uint32_t name)
{
	for (uint32_t i = certificate->first_name; i < certificate->first_name + certificate->names; i++)
		if (config->mark[i] == config->mark[name] && !strcmp(config->name[i], config->name[name]))
			return true;
	return false;
}

/* Adds the failures of another certificate to the tallies of the names that both have. Its ledger is read if there is one. */
static void add_other(struct tally tally[MAX_NAMES_EACH], const struct config *config, uint32_t index, uint32_t other,
		      const char *directory, int ledgers, const struct instant *now)
{
	static struct ledger ledger;
	const struct certificate *ours = &config->certificate[index], *theirs = &config->certificate[other];
	enum ledger_state state;
	struct fault ignored;
	bool read = false;

	for (uint32_t i = 0; i < ours->names && i < MAX_NAMES_EACH; i++) {
		if (!has_name(config, theirs, ours->first_name + i))
			continue;
		if (!read && ledger_look(ledgers, theirs->name, &ledger, &state, &ignored) < 0)
			return;
		read = true;
		add_all(&tally[i], &ledger, directory, now);
	}
}

/* The certificates of the same run that have the name fail too, if it has failed before. */
static void foresee(struct tally *tally, const struct config *config, uint32_t index, uint32_t name, const bool *ordered)
{
	if (!ordered || !tally->left[0])
		return;
	for (uint32_t i = 0; i < config->certificates; i++)
		if (i != index && ordered[i] && has_name(config, &config->certificate[i], name))
			add(tally, WINDOW);
}

struct limits limits_find(const struct config *config, uint32_t index, const char *directory, const struct ledger *ledger,
			  int ledgers, const bool *ordered, const struct instant *now)
{
	const struct certificate *certificate = &config->certificate[index];
	const bool shared = shares_names(config, certificate);
	struct tally tally[MAX_NAMES_EACH] = { 0 };
	struct limits limits = { 0 };

	for (uint32_t i = 0; shared && i < config->certificates; i++)
		if (i != index)
			add_other(tally, config, index, i, directory, ledgers, now);
	for (uint32_t i = 0; i < certificate->names && i < MAX_NAMES_EACH; i++) {
		const uint32_t name = certificate->first_name + i;

		add_all(&tally[i], ledger, directory, now);
		if (tally[i].left[THEIRS - 1] > limits.ca && config_knows_ca(directory))
			limits.ca = tally[i].left[THEIRS - 1];
		foresee(&tally[i], config, index, name, ordered);
		if (tally[i].left[OURS - 1] <= limits.left)
			continue;
		limits.left = tally[i].left[OURS - 1];
		limits.name = config->name[name];
	}
	return limits;
}

struct decision limits_decide(const struct config *config, uint32_t index, const struct holding *holding,
			      const struct ledger *ledger, int ledgers, const bool *ordered, const struct instant *now,
			      const struct secret *secret, struct limits *limits)
{
	struct decision decision = schedule_decide(holding, ledger, now, secret);
	const char *directory = config->cas ? config->ca[decision.ca].directory : config->acme.directory;
	struct holding limited = *holding;

	*limits = limits_find(config, index, directory, ledger, ledgers, ordered, now);
	if (!limits->left)
		return decision;
	limited.limited = limits->left;
	limited.limited_name = limits->name;
	return schedule_decide(&limited, ledger, now, secret);
}
