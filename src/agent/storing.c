// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/storing.h"

#include "base/log.h"

int storing_read_ledger(struct storer *storer, const struct certificate *certificate, struct fault *fault)
{
	enum ledger_state state;

	if (ledger_read(storer->ledgers, certificate->name, &storer->ledger, &state, fault) < 0)
		return fault_at(fault, "%s", storer->store.path);
	if (state == LEDGER_CORRUPT)
		log_warning("%s/ledger/%s was corrupt and has been renamed to %s.corrupt: earlier attempts are forgotten",
			    storer->store.path, certificate->name, certificate->name);
	if (state == LEDGER_NEWER)
		log_warning("%s/ledger/%s is of a newer acmegate and is left alone; this one keeps its own in %s~",
			    storer->store.path, certificate->name, certificate->name);
	return 0;
}

int storing_write_ledger(const struct storer *storer, const struct certificate *certificate, struct fault *fault)
{
	if (ledger_write(storer->ledgers, certificate->name, &storer->ledger, fault) < 0)
		return fault_at(fault, "%s", storer->store.path);
	return 0;
}

int storing_find_attempt(struct storer *storer, const struct record *record, struct fault *fault)
{
	uint32_t i = record->index;

	if (i >= storer->config->certificates || !storer->seen[i].attempted)
		return fault_set(fault, FAULT_FAILED, "a word about an attempt that has not begun, or has ended");
	return storing_read_ledger(storer, certificate_of(storer, i), fault);
}
