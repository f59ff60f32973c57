// SPDX-License-Identifier: GPL-3.0-or-later
/* summary.c - one line for Nagios, Icinga and their like, with performance data: the days that are left. */
#include "view/status.h"

enum { OK, WARNING, CRITICAL, UNKNOWN };

static int level_of(const struct entry *entry)
{
	static const int levels[CONDITIONS] = {
		[CONDITION_VALID] = OK,		 [CONDITION_DUE] = OK,		 [CONDITION_FAILING] = WARNING,
		[CONDITION_EXPIRING] = CRITICAL, [CONDITION_EXPIRED] = CRITICAL, [CONDITION_MISSING] = WARNING,
		[CONDITION_UNKNOWN] = UNKNOWN,
	};

	return entry->condition == CONDITION_FAILING && entry->health == HEALTH_ATTENTION ? CRITICAL : levels[entry->condition];
}

/* Worse is later here, but for UNKNOWN, which any known fault outdoes. */
static int worse(int a, int b)
{
	static const int weight[] = { [OK] = 0, [UNKNOWN] = 1, [WARNING] = 2, [CRITICAL] = 3 };

	return weight[b] > weight[a] ? b : a;
}

static void write_faults(const struct status *status, FILE *out)
{
	const char *separator = ": ";

	for (size_t i = 0; i < status->count; i++) {
		const struct entry *entry = &status->entry[i];

		if (level_of(entry) == OK)
			continue;
		fprintf(out, "%s%s is %s", separator, status_name(entry), status_word(entry->condition));
		separator = ", ";
	}
}

int summary_write(const struct status *status, FILE *out)
{
	static const char *const words[] = { [OK] = "OK", [WARNING] = "WARNING", [CRITICAL] = "CRITICAL", [UNKNOWN] = "UNKNOWN" };
	int level = status->mistaken ? WARNING : OK;

	for (size_t i = 0; i < status->count; i++)
		level = worse(level, level_of(&status->entry[i]));
	fprintf(out, "ACMEGATE %s - %zu certificate%s", words[level], status->count, status->count == 1 ? "" : "s");
	if (status->mistaken)
		fputs(", mistakes in the configuration", out);
	write_faults(status, out);
	fputs(" |", out);
	for (size_t i = 0; i < status->count; i++)
		if (status->entry[i].ledger.live.not_after)
			fprintf(out, " %s=%lldd", status_name(&status->entry[i]),
				(long long)status_days(&status->entry[i], &status->now));
	fputc('\n', out);
	return level;
}
