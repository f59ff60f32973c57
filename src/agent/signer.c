// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * signer.c - the role that holds the keys: it signs the requests that acmegate makes to a CA, and verifies the CA's chains.
 *
 * It reads data from the network, so it has no file, no network and no right. The storer stores for it, as bytes.
 */
#include "agent/agent.h"

#include <stdio.h>
#include <string.h>

#include "agent/account_key.h"
#include "agent/certificate.h"
#include "agent/channel.h"
#include "agent/mandate.h"
#include "agent/rollover.h"
#include "base/log.h"
#include "store/crypto.h"

static struct record asked; /* the last record received: 64 KiB that no stack should carry */

/* Answers are with our own key's thumbprint, whatever the client sends. */
static int on_token(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	struct token token = *(const struct token *)(const void *)record->data;

	(void)reply;
	if (signing_require_account(signer, fault) < 0)
		return -1;
	snprintf(token.key_authorization, sizeof(token.key_authorization), "%s.%s", token.token, signer->account.thumbprint);
	return signing_ask(VERB_TOKEN, 0, &token, sizeof(token), fault);
}

static int on_withdraw(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	(void)signer, (void)record, (void)reply;
	return signing_ask(VERB_WITHDRAW, 0, NULL, 0, fault);
}

/* Words for the storer, whose reply goes back as it is: the ledger. */
static int pass_on(struct signer_role *signer, const struct record *record, struct reply *reply, struct fault *fault)
{
	if (record->index >= signer->config->certificates)
		return fault_set(fault, FAULT_FAILED, "there is no certificate %u in the configuration", record->index);
	if (signing_ask((enum verb)record->verb, record->index, record->data, record->length, fault) < 0)
		return -1;
	memcpy(reply->data, signing_reply.data, signing_reply.length);
	reply->length = signing_reply.length;
	return 0;
}

static signing_handler *const handlers[] = {
	[VERB_ACCOUNT] = account_key_on_account,
	[VERB_ACCOUNT_URL] = account_key_on_account_url,
	[VERB_SIGN] = account_key_on_sign,
	[VERB_SIGN_EAB] = account_key_on_sign_eab,
	[VERB_CSR] = certificate_on_csr,
	[VERB_PREFERS] = certificate_on_prefers,
	[VERB_INSTALL] = certificate_on_install,
	[VERB_TOKEN] = on_token,
	[VERB_WITHDRAW] = on_withdraw,
	[VERB_IDENTITY] = certificate_on_identity,
	[VERB_SUGGESTION] = pass_on,
	[VERB_RECALL] = pass_on,
	[VERB_PLACED] = pass_on,
	[VERB_OUTCOME] = pass_on,
	[VERB_LAPSE] = pass_on,
	[VERB_CONTACTS] = mandate_on_contacts,
	[VERB_REVOCATION] = mandate_on_revocation,
	[VERB_REVOKED] = mandate_on_revoked,
	[VERB_RETIRE] = mandate_on_retire,
	[VERB_NEW_ACCOUNT_KEY] = rollover_on_new_key,
	[VERB_OTHER_KEY] = rollover_on_other_key,
	[VERB_SETTLE_KEY] = rollover_on_settle_key,
	[VERBS] = NULL, /* the client may not send the others */
};
_Static_assert(LENGTH_OF(handlers) == VERBS + 1, "an entry for each verb");

/* A client that sends anything else gets no more replies. */
static int serve_client(void *role, struct fault *fault)
{
	static struct reply reply;
	struct signer_role *signer = role;
	struct fault why;
	int rc = wire_receive(FD_CLIENT, &asked, fault);

	if (rc == 0)
		return 0;
	if (rc > 0 && !handlers[asked.verb])
		rc = fault_set(fault, FAULT_FAILED, "the client may not send %s", verb_name((enum verb)asked.verb));
	reply.length = 0;
	if (rc > 0) {
		rc = handlers[asked.verb](signer, &asked, &reply, &why);
		rc = channel_reply(FD_CLIENT, rc, &why, reply.data, reply.length, fault);
	}
	if (rc == 0)
		return 1;
	log_error("the client gets no more replies: %s", fault->text);
	signer->failed = true;
	return 0;
}

static void clean_up(struct signer_role *signer)
{
	key_free(signer->account_key);
	key_free(signer->other_key);
	key_free(signer->revoked_key);
	free(signer->binding);
	free(signer->key_change);
	free(signer->revocation);
	for (size_t i = 0; i < LENGTH_OF(signer->roots); i++)
		free(signer->roots[i].text);
	for (size_t i = 0; i < MAX_CERTIFICATES; i++) {
		certificate_forget(&signer->pending[i]);
		chain_free(signer->live[i]);
	}
}

int signer_main(const struct config *config)
{
	static const struct channel channels[] = { { FD_STORER, certificate_serve_storer }, { FD_CLIENT, serve_client } };
	static struct signer_role signer;
	struct fault fault;
	int rc;

	signer.config = config;
	crypto_start();
	rc = channel_serve(&signer, channels, &fault);
	clean_up(&signer);
	if (rc < 0)
		log_error("%s", fault.text);
	return rc < 0 ? fault_status(&fault) : signer.failed ? STATUS_FAILED : STATUS_DONE;
}
