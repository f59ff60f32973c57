// SPDX-License-Identifier: GPL-3.0-or-later
/* table.c - the state of the certificates for people: a line for each, and why below it. */
#include <string.h>

#include "base/moment.h"
#include "view/status.h"

#define LEAST_WIDTH 40
#define INDENT 4

enum column { NAME, NAMES, UNTIL, DAYS, LAST, STATE, COLUMNS };

struct row {
	char cell[COLUMNS][NAME_SIZE + 16];
};

static const struct row titles = {
	.cell = { [NAME] = "NAME", [NAMES] = "NAMES", [UNTIL] = "UNTIL", [DAYS] = "DAYS", [LAST] = "LAST", [STATE] = "STATE" }
};

#define PRINT(column, ...) snprintf(row->cell[column], sizeof(row->cell[column]), __VA_ARGS__)

static void fill(struct row *row, const struct status *status, const struct entry *entry)
{
	const char *first = status_next_name(status, entry, NULL);
	const uint32_t names = status_names(entry);

	memset(row, 0, sizeof(*row));
	PRINT(NAME, "%s", status_name(entry));
	if (names > 1)
		PRINT(NAMES, "%s +%u", first ? first : "", names - 1);
	else
		PRINT(NAMES, "%s", first ? first : "-");
	if (entry->ledger.live.not_after) {
		PRINT(UNTIL, "%s", moment_day(entry->ledger.live.not_after).text);
		PRINT(DAYS, "%lld", (long long)status_days(entry, &status->now));
	}
	if (entry->last)
		PRINT(LAST, "%s %s", moment_minute(entry->last->started.wall).text, status_result(entry->last));
	if (entry->failures && entry->condition != CONDITION_VALID)
		PRINT(STATE, "%s, failed %u time%s", status_word(entry->condition), entry->failures, entry->failures == 1 ? "" : "s");
	else
		PRINT(STATE, "%s", status_word(entry->condition));
}

static void measure(size_t widths[COLUMNS], const struct row *row)
{
	for (size_t i = 0; i < COLUMNS; i++)
		if (strlen(row->cell[i]) > widths[i])
			widths[i] = strlen(row->cell[i]);
}

/* The names are cut where the terminal is too narrow, and nothing else. */
static void narrow(size_t widths[COLUMNS], unsigned int width)
{
	size_t all = 2 * (COLUMNS - 1);

	for (size_t i = 0; i < COLUMNS; i++)
		all += widths[i];
	if (all <= width)
		return;
	widths[NAMES] = all - width < widths[NAMES] && widths[NAMES] - (all - width) > strlen("NAMES") ?
				widths[NAMES] - (all - width) :
				strlen("NAMES");
}

static const char *colour_of(enum health health)
{
	static const char *const colours[HEALTHS] = {
		[HEALTH_GOOD] = "\033[32m", [HEALTH_WAITING] = "\033[33m", [HEALTH_ATTENTION] = "\033[1;31m"
	};

	return colours[health];
}

static void write_row(FILE *out, const struct row *row, const size_t widths[COLUMNS], const char *colour)
{
	for (size_t i = 0; i < STATE; i++)
		fprintf(out, i == DAYS ? "%*.*s  " : "%-*.*s  ", (int)widths[i], (int)widths[i], row->cell[i]);
	fprintf(out, "%s%s%s\n", colour ? colour : "", row->cell[STATE], colour ? "\033[0m" : "");
}

/* Broken at spaces. */
static void write_below(FILE *out, const char *text, unsigned int width)
{
	const size_t most = (width < LEAST_WIDTH ? LEAST_WIDTH : width) - INDENT;

	while (*text) {
		size_t length = strlen(text);

		if (length > most) {
			length = most;
			while (length && text[length] != ' ')
				length--;
			if (!length)
				length = most;
		}
		fprintf(out, "%*s%.*s\n", INDENT, "", (int)length, text);
		text += length;
		text += strspn(text, " ");
	}
}

/* Before the next renewal, or after it. */
static void write_lapse(const struct entry *entry, FILE *out, unsigned int width)
{
	const struct lapse *lapse = status_lapse(entry);
	char text[NAME_SIZE + 160];

	if (!lapse)
		return;
	snprintf(text, sizeof(text), "the record of %.*s for dns-persist-01 lapses on %s%s: acmegate dns persist", NAME_SIZE + 1,
		 lapse->name, moment_minute(lapse->at).text,
		 lapse->at < entry->decision.from ? " UTC, before the next renewal" : " UTC");
	write_below(out, text, width);
}

static void write_remarks(const struct status *status, FILE *out, unsigned int width)
{
	for (const struct watched *row = NULL; (row = status_next_remark(status, row));) {
		fprintf(out, "[watch %s]\n", row->section);
		write_below(out, row->sighting.why, width);
	}
}

void table_write(const struct status *status, FILE *out, unsigned int width, bool coloured)
{
	size_t widths[COLUMNS] = { 0 };
	struct row row;

	measure(widths, &titles);
	for (size_t i = 0; i < status->count; i++) {
		fill(&row, status, &status->entry[i]);
		measure(widths, &row);
	}
	narrow(widths, width);
	write_row(out, &titles, widths, NULL);
	for (size_t i = 0; i < status->count; i++) {
		const struct entry *entry = &status->entry[i];

		fill(&row, status, entry);
		write_row(out, &row, widths, coloured ? colour_of(entry->health) : NULL);
		write_below(out, entry->condition == CONDITION_UNKNOWN ? entry->why.text : entry->decision.reason, width);
		write_lapse(entry, out, width);
	}
	write_remarks(status, out, width);
}
