// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/task.h"

#include "base/log.h"
#include "store/accounts.h"
#include "store/removal.h"

bool task_allows(enum task_kind kind, uint32_t verb)
{
	switch (verb) {
	case VERB_LOAD_ACCOUNT:
	case VERB_ACCOUNT_URL:
		return true;
	case VERB_CONTACTS:
	case VERB_SETTLE_KEY:
		return kind != TASK_SHOW && kind != TASK_TERMS && kind != TASK_PERSIST;
	case VERB_SAVE_NEW_ACCOUNT_KEY:
		return kind == TASK_ROLLOVER;
	case VERB_RETIRE:
		return kind == TASK_DEACTIVATE;
	case VERB_REVOKED:
		return kind == TASK_REVOKE;
	default:
		return kind == TASK_RENEW;
	}
}

int task_account_word(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct store *store = &storer->store;
	const char *directory = storer->config->acme.directory;

	(void)reply;
	switch (record->verb) {
	case VERB_ACCOUNT_URL:
		return accounts_save_url(store, directory, record->data, record->length, fault);
	case VERB_CONTACTS:
		return accounts_save_contact(store, directory, record->data, record->length, fault);
	case VERB_SAVE_NEW_ACCOUNT_KEY:
		return accounts_save_next(store, directory, record->data, record->length, fault);
	case VERB_SETTLE_KEY:
		return accounts_settle(store, directory, record->index != 0, fault);
	default:
		return accounts_retire(store, directory, fault);
	}
}

int task_remove(const struct storer *storer)
{
	const char *name = storer->config->task.name, *path = storer->store.path;
	struct fault fault;
	int rc = removal_run(&storer->store, storer->ledgers, name, &fault);

	if (rc < 0)
		log_error("%s", fault.text);
	else if (rc == 0)
		log_error("nothing is stored as %s: there is neither %s/certificates/%s nor %s/ledger/%s", name, path, name, path,
			  name);
	else
		log_notice("certificate %s: its keys, its certificates and its ledger are removed from %s", name, path);
	return rc > 0 ? STATUS_DONE : rc == 0 ? STATUS_FAILED : fault_status(&fault);
}
