// SPDX-License-Identifier: GPL-3.0-or-later
/* persist.c - the records of dns-persist-01: is there a good one at every authoritative server? */
#include "check/check.h"

#include <unistd.h>

#include "base/cas.h"
#include "base/safe.h"
#include "warden/dealing.h"
#include "command/persist.h"

#define REMEDY_SIZE 1200

/* The client has read what others sent: a row only shows it. */
static void add_row(void *context, const struct told_record *record)
{
	struct examination *e = context;
	char remedy[REMEDY_SIZE];

	snprintf(remedy, sizeof(remedy), "set this record, at all servers of the zone: %s", record->record);
	sheet_add(&e->sheet, record->good ? MARK_OK : MARK_WRONG, record->name, record->good ? NULL : remedy, "%s", record->text);
}

static void look(struct examination *e, uint32_t ca, const bool *named, int state)
{
	struct work work;

	if (!persist_choose(e->config, named, ca, &work))
		return;
	cas_turn_to(e->config, ca);
	if (dealing_look(e->config, state, &work, add_row, e) != STATUS_DONE)
		sheet_add(&e->sheet, MARK_WARNING, e->config->acme.directory,
			  "acmegate renew-now makes the account if there is none, and says which record it wants",
			  "the records of dns-persist-01 could not be looked at: see the message above");
}

void check_persist(struct examination *e)
{
	static bool named[MAX_CERTIFICATES];
	struct fault fault;
	bool any = false;
	OWN_FD int state = -1;

	for (uint32_t i = 0; i < e->config->certificates; i++)
		any |= (named[i] = config_answers(&e->config->certificate[i], CHALLENGE_DNS_PERSIST));
	if (!any || e->homeless.kind != FAULT_NONE)
		return;
	if (access(e->config->gate.state, F_OK) == 0) /* safe_directory() would make it */
		state = safe_directory(e->config->gate.state, &fault);
	if (state < 0) /* the row about storage says so */
		return;
	e->config->task.kind = TASK_PERSIST;
	for (uint32_t ca = 0; ca < e->config->cas; ca++)
		look(e, ca, named, state);
	e->config->task.kind = TASK_RENEW;
}
