// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/upkeep.h"

#include <string.h>

#include "acme/account.h"
#include "agent/questions.h"
#include "base/log.h"

/* From now on the other key signs. */
static int swap_keys(struct acme *acme, struct account *account, struct fault *fault)
{
	if (questions_take(VERB_OTHER_KEY, 0, account, sizeof(*account), fault) < 0)
		return -1;
	acme_set_key(acme, account);
	return 0;
}

/* A CA that refuses a key for another reason than that it has no account for it does not have it either. */
static int is_known(struct acme *acme, struct fault *fault)
{
	int found = account_find(acme, fault);

	if (found >= 0)
		return found;
	return fault->kind == FAULT_LATER ? -1 : 0;
}

int upkeep_keep_url(const struct acme *acme, struct fault *fault)
{
	const char *url = acme_account(acme);

	return questions_ask(VERB_ACCOUNT_URL, 0, url, strlen(url), fault) < 0 ? fault_at(fault, "keeping the account") : 0;
}

/* The new key first: if the CA has it, the old one is nobody's. Without an answer about both the signer has the old one in hand again. */
int upkeep_settle(struct acme *acme, struct account *account, struct fault *fault)
{
	struct fault ignored;
	int fresh, known;

	if (swap_keys(acme, account, fault) < 0)
		return -1;
	fresh = known = is_known(acme, fault);
	if (fresh <= 0 && swap_keys(acme, account, fresh < 0 ? &ignored : fault) < 0)
		return -1;
	if (fresh == 0)
		known = is_known(acme, fault);
	if (known < 0)
		return fault_at(fault, "asking the CA which key the account has");
	if (known && upkeep_keep_url(acme, fault) < 0)
		return -1;
	return questions_ask(VERB_SETTLE_KEY, 0, NULL, 0, fault) < 0 ? fault_at(fault, "keeping the account key") : fresh;
}

int upkeep_tell(struct acme *acme, const struct config *config, struct fault *fault)
{
	struct fault why;
	int rc = account_update(acme, config->acme.contact, fault);

	if (rc < 0 && fault->kind == FAULT_LATER)
		return -1;
	if (questions_ask(VERB_CONTACTS, 0, NULL, 0, &why) < 0)
		log_warning("that the CA was told the contacts is not kept: %s", why.text);
	return rc;
}

int upkeep_run(struct acme *acme, const struct config *config, struct account *account, struct fault *fault)
{
	const char *url = acme_account(acme), *contact = config->acme.contact;
	struct fault why;
	int rc = 0;

	if (account->changing)
		rc = upkeep_settle(acme, account, fault);
	if (account->changing && rc >= 0)
		log_notice("account: a change of its key was not ended: the CA has the %s key, which is kept", rc ? "new" : "old");
	if (rc < 0 || config->task.kind != TASK_RENEW || !account->untold || !url_same_origin(url, acme_directory(acme)->new_account))
		return rc < 0 ? -1 : 0;
	if (upkeep_tell(acme, config, &why) == 0)
		log_notice("account: the CA is told its contacts: %s", contact[0] ? contact : "none");
	else if (why.kind == FAULT_LATER)
		log_warning("account: the CA could not be told its contacts, which a later run tries again: %s", why.text);
	else
		log_warning("account: the CA refuses its contacts, and is not told again before they change: %s", why.text);
	return 0;
}
