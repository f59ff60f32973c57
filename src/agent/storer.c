// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * storer.c - the agent's role that writes what is to be kept: certificates, accounts, tokens with mode webroot.
 *
 * It reads nothing of what it writes: what a certificate is worth, the signer says. It writes where and as the configuration says,
 * each certificate and the account once in a run.
 */
#include "agent/agent.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/attempts.h"
#include "agent/channel.h"
#include "agent/examination.h"
#include "agent/next_key.h"
#include "agent/storing.h"
#include "agent/task.h"
#include "store/accounts.h"
#include "base/cas.h"
#include "base/log.h"
#include "base/safe.h"

static struct record received; /* the last one received: 64 KiB that no stack should carry */

/* --- what is stored, and whether it is due ------------------------------------------------------------------------- */

static void adjust(struct storer *storer, const struct certificate *certificate, uint32_t generation)
{
	struct fault fault;
	int changed = store_adjust(&storer->store, certificate, generation, &fault);

	if (changed > 0)
		log_notice("certificate %s: owner, group and mode of its files are as configured now", certificate->name);
	if (changed >= 0)
		return;
	log_error("%s", fault.text);
	storer->failed = true;
}

static int inspect(struct storer *storer, const struct certificate *certificate, struct examination *question,
		   struct stored *stored, struct fault *fault)
{
	int rc;

	storer->store.examiner = (struct examiner){ examination_ask, question };
	rc = store_inspect(&storer->store, certificate, stored, fault);
	storer->store.examiner = (struct examiner){ NULL, NULL }; /* the question is the caller's */
	return rc;
}

/*
 * PKCS#12 is new in the configuration, or its password: a generation with the same key and certificate has it, so that the link
 * switches all files at once here too. One of another CA is replaced anyway.
 */
static void reform(struct storer *storer, const struct examination *question, const struct stored *stored)
{
	const struct certificate *certificate = certificate_of(storer, question->index);
	const bool known = stored->directory[0], replaced = known && cas_place(storer->config, certificate, stored->directory) < 0;
	struct store store = storer->store;
	struct fault fault;

	if (!question->fresh || !stored->present || replaced)
		return;
	if (known)
		store.directory = stored->directory;
	if (store_save(&store, certificate, question->fresh, question->length, &fault) < 0) {
		log_error("%s", fault.text);
		storer->failed = true;
		return;
	}
	log_notice("certificate %s: the same key and certificate are PKCS#12 now too, as configured", certificate->name);
	storer->seen[question->index].deploy = certificate->hooks > 0;
}

/*
 * A certificate whose state cannot be found out is not due: what cannot be read could hardly be written, and asking the
 * CA for what cannot be stored would count against its limits. The others go on.
 */
static int report_one(struct storer *storer, uint32_t index, struct fault *fault)
{
	const struct certificate *certificate = certificate_of(storer, index);
	struct renewal renewal = { .ca = certificate->ca[0], .reason = "what is stored cannot be read" };
	OWN_EXAMINATION struct examination question = { .index = index };
	struct stored stored;

	if (inspect(storer, certificate, &question, &stored, fault) < 0 || attempts_look_up(storer, index, &stored, fault) < 0) {
		if (question.lost)
			return -1;
		log_error("%s", fault->text);
		storer->failed = true;
	} else {
		if (stored.present)
			adjust(storer, certificate, stored.generation);
		reform(storer, &question, &stored);
		if (next_key_prepare(storer, &question, fault) < 0)
			return -1;
		renewal = attempts_decide(storer, index);
		if (stored.broken)
			log_warning("%s/certificates/%s: what was live was broken and has been renamed to *.broken",
				    storer->store.path, certificate->name);
	}
	return wire_send(FD_WARDEN, VERB_RENEWAL, index, &renewal, sizeof(renewal), fault);
}

static int report_all(struct storer *storer, struct fault *fault)
{
	if (store_clean(&storer->store, fault) < 0)
		log_warning("%s", fault->text); /* only room is lost */
	for (uint32_t i = 0; i < storer->config->certificates; i++)
		if (report_one(storer, i, fault) < 0)
			return -1;
	return 0;
}

/* The certificates that the task is about, before the others ask: with a renewal, all of them. */
static int report(struct storer *storer, struct fault *fault)
{
	const struct task *task = &storer->config->task;

	if (task->kind == TASK_REVOKE)
		return report_one(storer, task->certificate, fault);
	return task->kind == TASK_RENEW ? report_all(storer, fault) : 0;
}

/* --- what the signer may ask -------------------------------------------------------------------------------------- */

static int on_load_account(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	(void)record;
	if (storer->config->task.kind == TASK_RENEW && store_check_room(&storer->store, fault) < 0)
		return -1;
	reply->length = sizeof(reply->data.account);
	return accounts_read(&storer->store, storer->config->acme.directory, &reply->data.account, fault);
}

static int on_save_account(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	int rc;

	(void)reply;
	if (storer->saved_account)
		return fault_set(fault, FAULT_FAILED, "a second account key in one run");
	storer->saved_account = true;
	rc = accounts_save_key(&storer->store, storer->config->acme.directory, record->data, record->length, fault);
	if (rc > 0)
		log_warning("%s/accounts: the account key was broken and has been renamed to key.pem.broken; a new account "
			    "takes its place",
			    storer->store.path);
	return rc < 0 ? -1 : 0;
}

static int on_load_eab(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	const char *path = storer->config->acme.eab_key_file;
	OWN_FD int fd = -1;
	ssize_t n;

	(void)record;
	if (!path[0])
		return fault_set(fault, FAULT_FAILED, "no eab_key_file is configured");
	fd = safe_open(path, fault);
	if (fd < 0)
		return -1;
	n = read(fd, reply->data.text, sizeof(reply->data.text));
	if (n < 0)
		return fault_errno(fault, FAULT_FAILED, "reading %s", path);
	reply->length = (size_t)n;
	return 0;
}

static int on_save(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	uint32_t i = record->index;

	if (i >= storer->config->certificates || storer->seen[i].saved)
		return fault_set(fault, FAULT_FAILED, "a certificate that is not in the configuration, or twice in one run");
	if (!((const struct bundle *)(const void *)record->data)->key_length != (certificate_of(storer, i)->csr_length > 0))
		return fault_set(fault, FAULT_FAILED, "a certificate without its key, or with one that is elsewhere");
	storer->seen[i].saved = true;
	if (store_save(&storer->store, certificate_of(storer, i), (const void *)record->data, record->length, fault) < 0) {
		storer->seen[i].saved = false;
		return -1;
	}
	/* The warden hears of it first: it must know what to deploy even if the others die of the answer. */
	storer->warden_lost = wire_send(FD_WARDEN, VERB_STORED, i, NULL, 0, fault) < 0;
	attempts_stored(storer, i, (const void *)record->data);
	reply->data.text[0] = certificate_of(storer, i)->reuse && !ledger_has_spki(storer->ledger.keys.next);
	reply->length = 1;
	return storer->warden_lost ? -1 : 0;
}

static int on_token(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	(void)reply;
	if (storer->config->responder.mode != RESPONDER_WEBROOT)
		return fault_set(fault, FAULT_FAILED, "a token, which is for the responder");
	return webroot_put(&storer->webroot, FD_STATE, (const struct token *)(const void *)record->data, fault);
}

/* Not in other modes: the sweeper removes what an earlier run left. */
static int withdraw_tokens(struct storer *storer, struct fault *fault)
{
	if (storer->config->responder.mode != RESPONDER_WEBROOT)
		return 0;
	webroot_forget(&storer->webroot);
	return webroot_sweep(FD_STATE, fault);
}

static int on_withdraw(struct storer *storer, const struct record *record, struct reply *reply, struct fault *fault)
{
	(void)record, (void)reply;
	return withdraw_tokens(storer, fault);
}

static storer_serve *const handlers[] = {
	[VERB_LOAD_ACCOUNT] = on_load_account,
	[VERB_SAVE_ACCOUNT] = on_save_account,
	[VERB_ACCOUNT_URL] = task_account_word,
	[VERB_CONTACTS] = task_account_word,
	[VERB_SAVE_NEW_ACCOUNT_KEY] = task_account_word,
	[VERB_SETTLE_KEY] = task_account_word,
	[VERB_RETIRE] = task_account_word,
	[VERB_REVOKED] = attempts_revoked,
	[VERB_LOAD_EAB] = on_load_eab,
	[VERB_SAVE] = on_save,
	[VERB_TOKEN] = on_token,
	[VERB_WITHDRAW] = on_withdraw,
	[VERB_OUTCOME] = attempts_outcome,
	[VERB_SUGGESTION] = attempts_suggestion,
	[VERB_RECALL] = attempts_recall,
	[VERB_PLACED] = attempts_placed,
	[VERB_LAPSE] = attempts_lapse,
	[VERB_SAVE_KEY] = attempts_save_key,
	[VERB_LOAD_KEY] = attempts_load_key,
	[VERB_CHOOSE_KEY] = next_key_choose,
	[VERB_SAVE_NEXT] = next_key_save,
	[VERBS] = NULL, /* the others are not the signer's */
};
_Static_assert(LENGTH_OF(handlers) == VERBS + 1, "an entry for each verb");

/* --- the loop ----------------------------------------------------------------------------------------------------- */

/* 1: served. 0: the signer has gone. -1: it makes no sense. */
static int serve_signer(void *role, struct fault *fault)
{
	static struct reply reply;
	struct storer *storer = role;
	struct fault why;
	int rc = wire_receive(FD_SIGNER, &received, fault);

	if (rc <= 0)
		return rc < 0 ? fault_at(fault, "the signer") : 0;
	if (!handlers[received.verb] || !task_allows(storer->config->task.kind, received.verb))
		return fault_set(fault, FAULT_FAILED, "the signer has no right to send %s", verb_name((enum verb)received.verb));
	reply.length = 0;
	rc = handlers[received.verb](storer, &received, &reply, &why);
	explicit_bzero(received.data, received.length);
	rc = channel_reply(FD_SIGNER, rc, &why, &reply.data, reply.length, fault);
	explicit_bzero(&reply, sizeof(reply));
	if (storer->warden_lost)
		return fault_set(fault, FAULT_FAILED, "the warden has ended before the end of the run");
	return rc < 0 ? -1 : 1;
}

/* 1: served. 0: the warden has gone, as it does at the end. -1: it makes no sense. */
static int serve_warden(void *role, struct fault *fault)
{
	struct storer *storer = role;
	int rc = wire_receive(FD_WARDEN, &received, fault);

	if (rc <= 0)
		return rc;
	if (received.verb == VERB_ATTEMPT)
		return attempts_begin(storer, &received, fault) < 0 ? -1 : 1;
	if (received.verb != VERB_DEPLOYED || received.index >= storer->config->certificates)
		return fault_set(fault, FAULT_FAILED, "the warden sent %s", verb_name((enum verb)received.verb));
	/* The mark stays: the hooks will run once more, which they must bear anyway. */
	if (store_deployed(&storer->store, certificate_of(storer, received.index), received.data, received.length, fault) < 0)
		log_warning("%s", fault->text);
	return 1;
}

/* However the others have ended: the warden closes its channel after the port. If it died instead, the watchdog closes the port. */
static void clean_up(struct storer *storer)
{
	struct fault fault;

	if (storer->config->task.kind == TASK_RENEW && withdraw_tokens(storer, &fault) < 0) {
		log_error("%s", fault.text);
		storer->failed = true;
	}
}

int storer_main(const struct config *config)
{
	static const struct channel channels[] = { { FD_WARDEN, serve_warden }, { FD_SIGNER, serve_signer } };
	static struct storer storer;
	struct fault fault;
	int rc;

	storer.config = config;
	storer.store = (struct store){ .state = FD_STATE, .path = config->gate.state, .directory = config->acme.directory };
	storer.webroot = (struct webroot){ .directory = config->responder.webroot, .notes = -1, .challenge = -1 };
	storer.ledgers = store_open(&storer.store, "ledger", false, &fault);
	if (storer.ledgers >= 0 && config->task.kind == TASK_REMOVE)
		return task_remove(&storer);
	rc = storer.ledgers < 0 || secret_open(storer.ledgers, &storer.secret, &fault) < 0 ? -1 : report(&storer, &fault);
	if (rc == 0)
		rc = channel_serve(&storer, channels, &fault);
	clean_up(&storer);
	if (rc < 0)
		log_error("%s", fault.text);
	return rc < 0 ? fault_status(&fault) : storer.failed ? STATUS_FAILED : STATUS_DONE;
}
