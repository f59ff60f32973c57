// SPDX-License-Identifier: GPL-3.0-or-later
/* watched.c - the certificates of other clients beside those of the configuration. */
#include <string.h>

#include "base/moment.h"
#include "view/status.h"

static bool is_wanted(const struct watched *row, char *const names[])
{
	bool wanted = !names[0];

	for (size_t i = 0; names[i] && !wanted; i++)
		wanted = !strcmp(row->section, names[i]) || !strcmp(row->label, names[i]);
	return wanted;
}

static void judge(struct entry *entry, const struct instant *now)
{
	const struct watched *row = entry->watched;
	const struct sighting *sighting = &row->sighting;

	entry->condition = CONDITION_UNKNOWN;
	entry->health = HEALTH_ATTENTION;
	if (!sighting->good) {
		(void)!fault_set(&entry->why, FAULT_FAILED, "%s: %s", row->file, sighting->why);
		return;
	}
	entry->ledger.live.not_before = sighting->not_before;
	entry->ledger.live.not_after = sighting->not_after;
	if (sighting->not_before > now->wall) {
		(void)!fault_set(&entry->why, FAULT_FAILED, "%s: it is not valid before %s UTC", row->file,
				 moment_minute(sighting->not_before).text);
		return;
	}
	status_judge(entry, now);
	snprintf(entry->decision.reason, sizeof(entry->decision.reason), "renewed by another client; %s%s%s", row->file,
		 sighting->issuer[0] ? ", issued by " : "", sighting->issuer);
}

static bool is_known(const struct config *config, const struct watched *rows, const char *name)
{
	bool known = config_find(config, name) >= 0 || config_find_watch(config, name) >= 0;

	for (uint32_t i = 0; i < config->watched && !known; i++)
		known = !strcmp(rows[i].label, name);
	return known;
}

int status_add_watched(struct status *status, const struct watched *rows, char *const names[], struct fault *fault)
{
	bool any = false;

	for (size_t i = 0; names[i]; i++)
		if (!is_known(status->config, rows, names[i]))
			return fault_set(fault, FAULT_USAGE,
					 "%s has no [certificate %.64s], and no file of [watch NAME] is called that",
					 status->config->file, names[i]);
	for (uint32_t i = 0; i < status->config->watched; i++) {
		struct entry *entry = &status->entry[status->count];

		if (!is_wanted(&rows[i], names))
			continue;
		any = true;
		if (!rows[i].label[0])
			continue;
		entry->certificate = NULL;
		entry->watched = &rows[i];
		judge(entry, &status->now);
		if (entry->health > status->health)
			status->health = entry->health;
		status->count++;
	}
	status->rows = any ? rows : NULL;
	return 0;
}

const char *status_name(const struct entry *entry)
{
	return entry->watched ? entry->watched->label : entry->certificate->name;
}

uint32_t status_names(const struct entry *entry)
{
	return entry->watched ? entry->watched->sighting.names : entry->certificate->names;
}

/* The texts of a struct sighting end with an empty one. */
const char *status_next_name(const struct status *status, const struct entry *entry, const char *name)
{
	const char *first, *next;

	if (entry->watched) {
		next = name ? name + strlen(name) + 1 : entry->watched->sighting.name;
		return *next ? next : NULL;
	}
	first = status->config->name[entry->certificate->first_name];
	next = name ? name + NAME_SIZE : first;
	return next < first + (size_t)entry->certificate->names * NAME_SIZE ? next : NULL;
}

const struct watched *status_next_remark(const struct status *status, const struct watched *row)
{
	const struct watched *end = status->rows + (status->rows ? status->config->watched : 0);

	for (row = row ? row + 1 : status->rows; row < end; row++)
		if (!row->label[0])
			return row;
	return NULL;
}
