// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/mandate.h"

#include <string.h>

#include "acme/payload.h"
#include "store/key.h"

static bool has_task(const struct signer_role *signer, enum task_kind kind)
{
	return signer->config->task.kind == kind;
}

static bool is(const char *expected, const char *payload)
{
	return expected && !strcmp(expected, payload);
}

static bool tells_contacts(const struct signer_role *signer, const char *payload)
{
	OWN_FREE char *expected = payload_update_account(signer->config->acme.contact);

	return is(expected, payload);
}

bool mandate_revokes(const struct signer_role *signer, const char *payload)
{
	return has_task(signer, TASK_REVOKE) && is(signer->revocation, payload);
}

/* A payload about the account means it at its own URL only: at others it would deactivate something else. */
bool mandate_covers(const struct signer_role *signer, const struct draft *draft)
{
	if (mandate_revokes(signer, draft->payload) || (has_task(signer, TASK_ROLLOVER) && is(signer->key_change, draft->payload)))
		return true;
	return !strcmp(draft->url, signer->account.url) &&
	       (tells_contacts(signer, draft->payload) ||
		(has_task(signer, TASK_DEACTIVATE) && is(PAYLOAD_DEACTIVATE, draft->payload)));
}

static int require_task(const struct signer_role *signer, enum task_kind kind, struct fault *fault)
{
	return has_task(signer, kind) ? 0 : fault_set(fault, FAULT_FAILED, "a word about what the command line does not ask for");
}

/* The storer gets the configured ones, whatever the client sends. */
int mandate_on_contacts(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const char *contact = signer->config->acme.contact;

	(void)record, (void)reply;
	if (signing_require_account(signer, fault) < 0 || signing_ask(VERB_CONTACTS, 0, contact, strlen(contact), fault) < 0)
		return -1;
	signer->account.untold = 0;
	return 0;
}

int mandate_on_revocation(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct task *task = &signer->config->task;
	const char *pem;
	size_t leaf, length;

	(void)record;
	if (require_task(signer, TASK_REVOKE, fault) < 0)
		return -1;
	if (!signer->live[task->certificate])
		return fault_set(fault, FAULT_FAILED, "there is no certificate that could be revoked");
	pem = chain_text(signer->live[task->certificate], &leaf, &length);
	free(signer->revocation);
	signer->revocation = jws_revocation(pem, leaf, task->reason);
	return signing_give_text(reply, signer->revocation, fault);
}

int mandate_on_revoked(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	(void)record, (void)reply;
	return require_task(signer, TASK_REVOKE, fault) < 0 ? -1 : signing_ask(VERB_REVOKED, 0, NULL, 0, fault);
}

int mandate_on_retire(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	(void)record, (void)reply;
	return require_task(signer, TASK_DEACTIVATE, fault) < 0 ? -1 : signing_ask(VERB_RETIRE, 0, NULL, 0, fault);
}
