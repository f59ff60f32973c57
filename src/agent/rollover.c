// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/rollover.h"

#include <string.h>

#include "store/key.h"

/* The JWS by the new key, which goes to the CA in another one by the old key. */
static char *announce(const struct signer_role *signer, const char *url, struct fault *fault)
{
	OWN_FREE char *payload = jws_key_change(signer->account.url, signer->account.jwk);
	struct account next = { .url = "" };
	struct jws jws = { .algorithm = next.algorithm, .jwk = next.jwk, .url = url, .payload = payload };

	if (!payload) {
		fault_set(fault, FAULT_LATER, "not enough memory for a request");
		return NULL;
	}
	return key_describe(signer->other_key, &next, fault) < 0 ? NULL : signing_jws(signer->other_key, &jws, fault);
}

int rollover_on_new_key(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const struct config *config = signer->config;

	if (signing_require_account(signer, fault) < 0 || signing_check_url(signer, record->data, fault) < 0)
		return -1;
	if (config->task.kind != TASK_ROLLOVER || signer->other_key || !signer->account.url[0])
		return fault_set(fault, FAULT_FAILED, "a new account key that the command line does not ask for, or a second one");
	signer->other_key = signing_keep_key(key_generate(config->acme.account_key, fault), VERB_SAVE_NEW_ACCOUNT_KEY, 0, fault);
	if (!signer->other_key)
		return -1;
	signer->key_change = announce(signer, record->data, fault);
	return signer->key_change ? signing_give_text(reply, signer->key_change, fault) : -1;
}

int rollover_on_other_key(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	struct key *key = signer->account_key;

	(void)record;
	if (!signer->other_key)
		return fault_set(fault, FAULT_FAILED, "the account has one key only");
	signer->account_key = signer->other_key;
	signer->other_key = key;
	signer->other_is_old = !signer->other_is_old;
	if (key_describe(signer->account_key, &signer->account, fault) < 0)
		return -1;
	memcpy(reply->data, &signer->account, sizeof(signer->account));
	reply->length = sizeof(signer->account);
	return 0;
}

int rollover_on_settle_key(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	(void)record, (void)reply;
	if (!signer->other_key)
		return fault_set(fault, FAULT_FAILED, "the account has one key only");
	if (signing_ask(VERB_SETTLE_KEY, signer->other_is_old, NULL, 0, fault) < 0)
		return -1;
	key_free(signer->other_key);
	signer->other_key = NULL;
	signer->other_is_old = false;
	signer->account.changing = 0;
	free(signer->key_change);
	signer->key_change = NULL;
	return 0;
}
