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

#include "agent/channel.h"
#include "store/accounts.h"
#include "base/log.h"
#include "base/safe.h"
#include "store/ledger.h"
#include "store/schedule.h"
#include "store/store.h"
#include "agent/webroot.h"

#define EAB_FILE_SIZE 4096

struct storer {
	const struct config *config;
	struct store store;
	struct webroot webroot;
	int ledgers; /* their directory */
	struct secret secret;
	struct ledger ledger; /* the last one read */
	struct seen {
		bool present, broken, other_names, other_key, deploy;
		bool asked;	/* the CA has answered when it suggests to renew it */
		bool attempted; /* an attempt has begun, and has not ended */
		bool saved;
	} seen[MAX_CERTIFICATES];
	bool saved_account;
	bool warden_lost;
	bool failed; /* something that a later success does not make good */
};

struct reply {
	size_t length;
	union {
		struct stored_account account;
		struct renewal renewal;
		struct recalled recalled;
		char text[EAB_FILE_SIZE];
	} data;
};

static struct record record; /* the last one received: 64 KiB that no stack should carry */

static const struct certificate *certificate_of(const struct storer *storer, uint32_t index)
{
	return &storer->config->certificate[index];
}

/* --- what is stored ----------------------------------------------------------------------------------------------- */

struct question {
	uint32_t index;
	bool lost;	      /* the signer has gone or makes no sense */
	struct bundle *fresh; /* what was asked about, with the PKCS#12 that it should have; NULL: it has it */
	size_t length;
};

static void forget_form(struct question *question)
{
	if (question->fresh)
		explicit_bzero(question->fresh, question->length);
	free(question->fresh);
	question->fresh = NULL;
}
#define OWN_QUESTION __attribute__((cleanup(forget_form)))

/* bundle: what the signer was asked about. Its answer has another PKCS#12, or nothing, behind the verdict. */
static int keep_form(struct question *question, const struct bundle *bundle, size_t length, struct fault *fault)
{
	const size_t form = record.length - sizeof(struct verdict);

	forget_form(question);
	if (!form)
		return 0;
	length -= bundle->form_length;
	question->fresh = malloc(length + form);
	if (!question->fresh)
		return fault_errno(fault, FAULT_LATER, "keeping PKCS#12");
	memcpy(question->fresh, bundle, length);
	question->fresh->form_length = (uint32_t)form;
	memcpy((char *)question->fresh + length, record.data + sizeof(struct verdict), form);
	question->length = length + form;
	return 0;
}

/* As struct examiner wants it. */
static int ask_signer(void *context, const struct bundle *bundle, size_t length, struct verdict *verdict, struct fault *fault)
{
	struct question *question = context;
	int rc = wire_send(FD_SIGNER, VERB_EXAMINE, question->index, bundle, length, fault) < 0 ?
			 -1 :
			 wire_await(FD_SIGNER, &record, WIRE_PATIENCE, fault);

	question->lost = rc <= 0 || (record.verb != VERB_FAULT && record.verb != VERB_VERDICT);
	if (rc < 0)
		return fault_at(fault, "the signer");
	if (rc == 0)
		return fault_set(fault, FAULT_FAILED, "the signer has ended");
	if (record.verb == VERB_FAULT)
		return fault_set(fault, FAULT_LATER, "%s", record.data);
	if (question->lost)
		return fault_set(fault, FAULT_FAILED, "the signer answers EXAMINE with %s", verb_name((enum verb)record.verb));
	memcpy(verdict, record.data, sizeof(*verdict));
	return keep_form(question, bundle, length, fault);
}

/* --- the ledger --------------------------------------------------------------------------------------------------- */

/* The ledger of a certificate, which is then in storer->ledger. */
static int read_ledger(struct storer *storer, const struct certificate *certificate, struct fault *fault)
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

static int write_ledger(const struct storer *storer, const struct certificate *certificate, struct fault *fault)
{
	if (ledger_write(storer->ledgers, certificate->name, &storer->ledger, fault) < 0)
		return fault_at(fault, "%s", storer->store.path);
	return 0;
}

/*
 * Has the ledger say what is live. What it was ordered with is known only of what this acmegate has stored itself; the CA that it came
 * from, also of generations without a ledger.
 */
static int note_live(struct storer *storer, const struct certificate *certificate, const struct stored *stored, struct fault *fault)
{
	const struct verdict *verdict = &stored->verdict;
	struct live *live = &storer->ledger.live;
	struct live now = { 0 };

	if (stored->present) {
		now.not_before = verdict->not_before;
		now.not_after = verdict->not_after;
		memcpy(now.certid, verdict->certid, sizeof(now.certid));
	}
	if (live->not_before == now.not_before && live->not_after == now.not_after && !strcmp(live->certid, now.certid))
		now = *live;
	if (stored->directory[0])
		memcpy(now.directory, stored->directory, sizeof(now.directory));
	if (!memcmp(live, &now, sizeof(now)))
		return 0;
	*live = now;
	return write_ledger(storer, certificate, fault);
}

static int look_up(struct storer *storer, uint32_t index, const struct stored *stored, struct fault *fault)
{
	const struct certificate *certificate = certificate_of(storer, index);

	storer->seen[index] = (struct seen){
		.present = stored->present,
		.broken = stored->broken,
		.other_names = stored->verdict.other_names,
		.other_key = stored->verdict.other_key,
		.deploy = stored->deploy_pending,
	};
	return read_ledger(storer, certificate, fault) < 0 ? -1 : note_live(storer, certificate, stored, fault);
}

/* For the certificate whose ledger was read last. */
static struct renewal decide(const struct storer *storer, uint32_t index)
{
	const struct seen *seen = &storer->seen[index];
	struct instant now = instant_now();
	struct holding holding = schedule_hold(storer->config, certificate_of(storer, index), &storer->ledger);
	struct renewal renewal = { .present = seen->present, .deploy = seen->deploy };
	struct decision decision;

	holding.broken = seen->broken;
	holding.other_names = seen->other_names;
	holding.other_key = seen->other_key;
	decision = schedule_decide(&holding, &storer->ledger, &now, &storer->secret);
	renewal.due = decision.act == ACT_ORDER || decision.act == ACT_RESUME;
	renewal.backs_off = decision.act == ACT_BACK_OFF;
	renewal.ask = decision.ask;
	renewal.from = decision.from;
	snprintf(renewal.reason, sizeof(renewal.reason), "%s", decision.reason);
	return renewal;
}

/* Before the CA is asked: a run that is killed has tried. */
static bool begin_attempt(struct storer *storer, uint32_t index)
{
	const struct certificate *certificate = certificate_of(storer, index);
	struct instant now = instant_now();
	struct fault fault;

	if (read_ledger(storer, certificate, &fault) == 0) {
		ledger_begin(&storer->ledger, &now, schedule_wish(storer->config, certificate), storer->config->acme.directory);
		if (write_ledger(storer, certificate, &fault) == 0)
			return true;
	}
	log_error("certificate %s: %s; nothing has been asked of the CA", certificate->name, fault.text);
	storer->failed = true;
	return false;
}

/* As the warden wants it, before the client is started. */
static int on_attempt(struct storer *storer, struct fault *fault)
{
	struct work work;

	memcpy(&work, record.data, sizeof(work));
	for (uint32_t i = 0; i < storer->config->certificates; i++) {
		work.wanted[i] = work.wanted[i] == 1 && begin_attempt(storer, i);
		storer->seen[i].attempted = work.wanted[i] == 1;
	}
	return wire_send(FD_WARDEN, VERB_ATTEMPTED, 0, &work, sizeof(work), fault);
}

/* A certificate that an attempt is made for; its ledger has been read. */
static int find_attempt(struct storer *storer, struct fault *fault)
{
	uint32_t i = record.index;

	if (i >= storer->config->certificates || !storer->seen[i].attempted)
		return fault_set(fault, FAULT_FAILED, "a word about an attempt that has not begun, or has ended");
	return read_ledger(storer, certificate_of(storer, i), fault);
}

/* An attempt that succeeded has ended already: with what was stored. */
static int on_outcome(struct storer *storer, struct reply *reply, struct fault *fault)
{
	const struct outcome *outcome = (const void *)record.data;
	struct instant now = instant_now();

	(void)reply;
	if (find_attempt(storer, fault) < 0)
		return -1;
	if (outcome->result >= RESULTS || outcome->result == RESULT_STORED)
		return fault_set(fault, FAULT_FAILED, "an end that is none");
	storer->seen[record.index].attempted = false;
	ledger_end(&storer->ledger, &now, outcome);
	return write_ledger(storer, certificate_of(storer, record.index), fault);
}

static int on_suggestion(struct storer *storer, struct reply *reply, struct fault *fault)
{
	struct instant now = instant_now();
	uint32_t i = record.index;

	if (i >= storer->config->certificates || storer->seen[i].asked)
		return fault_set(fault, FAULT_FAILED, "a suggestion for no certificate of the configuration, or a second one");
	storer->seen[i].asked = true;
	if (read_ledger(storer, certificate_of(storer, i), fault) < 0)
		return -1;
	ledger_suggest(&storer->ledger, (const void *)record.data, &now, &storer->secret);
	if (write_ledger(storer, certificate_of(storer, i), fault) < 0)
		return -1;
	reply->data.renewal = decide(storer, i);
	reply->length = sizeof(reply->data.renewal);
	if (reply->data.renewal.due && !storer->seen[i].attempted)
		storer->seen[i].attempted = begin_attempt(storer, i);
	reply->data.renewal.due = storer->seen[i].attempted;
	return 0;
}

static int on_recall(struct storer *storer, struct reply *reply, struct fault *fault)
{
	const struct open_order *order = &storer->ledger.order;
	const struct live *live = &storer->ledger.live;
	struct recalled *recalled = &reply->data.recalled;

	if (find_attempt(storer, fault) < 0)
		return -1;
	memset(recalled, 0, sizeof(*recalled));
	if (order->wish == schedule_wish(storer->config, certificate_of(storer, record.index)))
		memcpy(recalled->order, order->url, sizeof(recalled->order));
	recalled->has_key = recalled->order[0] && ledger_has_key(storer->ledgers, certificate_of(storer, record.index)->name);
	recalled->replaces = live->certid[0] && !strcmp(live->directory, storer->config->acme.directory);
	reply->length = sizeof(*recalled);
	return 0;
}

static int on_placed(struct storer *storer, struct reply *reply, struct fault *fault)
{
	struct open_order *order = &storer->ledger.order;
	const struct certificate *certificate;

	(void)reply;
	if (find_attempt(storer, fault) < 0)
		return -1;
	certificate = certificate_of(storer, record.index);
	ledger_forget_order(storer->ledgers, certificate->name, &storer->ledger);
	snprintf(order->url, sizeof(order->url), "%.*s", (int)sizeof(order->url) - 1, record.data);
	ledger_clean(order->url, sizeof(order->url));
	order->wish = schedule_wish(storer->config, certificate);
	order->placed = instant_now().wall;
	return write_ledger(storer, certificate, fault);
}

static int on_save_key(struct storer *storer, struct reply *reply, struct fault *fault)
{
	(void)reply;
	if (find_attempt(storer, fault) < 0)
		return -1;
	return ledger_save_key(storer->ledgers, certificate_of(storer, record.index)->name, record.data, record.length, fault);
}

static int on_load_key(struct storer *storer, struct reply *reply, struct fault *fault)
{
	OWN_FREE char *key = NULL;
	size_t length = 0;

	if (find_attempt(storer, fault) < 0)
		return -1;
	key = ledger_load_key(storer->ledgers, certificate_of(storer, record.index)->name, &length);
	if (!key || length >= sizeof(reply->data.text))
		return 0;
	memcpy(reply->data.text, key, length);
	explicit_bzero(key, length);
	reply->length = length;
	return 0;
}

/* The certificate is stored, and stays so whatever becomes of this: without it a later run would not know what was ordered. */
static void note_stored(struct storer *storer, uint32_t index, const struct bundle *bundle)
{
	static const struct outcome done = { .result = RESULT_STORED, .step = STEP_STORE };
	const struct certificate *certificate = certificate_of(storer, index);
	struct live *live = &storer->ledger.live;
	struct instant now = instant_now();
	struct fault fault;
	int rc = read_ledger(storer, certificate, &fault);

	if (rc == 0) {
		*live = (struct live){ .not_before = bundle->not_before, .not_after = bundle->not_after, .stored = now.wall };
		live->wish = schedule_wish(storer->config, certificate);
		memcpy(live->certid, bundle->certid, sizeof(live->certid));
		snprintf(live->directory, sizeof(live->directory), "%s", storer->config->acme.directory);
		snprintf(live->profile, sizeof(live->profile), "%s", certificate->profile);
		if (storer->seen[index].attempted)
			ledger_end(&storer->ledger, &now, &done);
		storer->seen[index].attempted = false;
		ledger_forget_order(storer->ledgers, certificate->name, &storer->ledger);
		rc = write_ledger(storer, certificate, &fault);
	}
	if (rc < 0)
		log_warning("certificate %s is stored, but not noted: %s", certificate->name, fault.text);
}

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

static int inspect(struct storer *storer, const struct certificate *certificate, struct question *question, struct stored *stored,
		   struct fault *fault)
{
	int rc;

	storer->store.examiner = (struct examiner){ ask_signer, question };
	rc = store_inspect(&storer->store, certificate, stored, fault);
	storer->store.examiner = (struct examiner){ NULL, NULL }; /* the question is the caller's */
	return rc;
}

/*
 * PKCS#12 is new in the configuration, or its password: a generation with the same key and certificate has it, so that the link
 * switches all files at once here too. One of another CA is replaced anyway.
 */
static void reform(struct storer *storer, const struct question *question, const struct stored *stored)
{
	const struct certificate *certificate = certificate_of(storer, question->index);
	struct fault fault;

	if (!question->fresh || !stored->present || stored->directory[0])
		return;
	if (store_save(&storer->store, certificate, question->fresh, question->length, &fault) < 0) {
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
	struct renewal renewal = { .reason = "what is stored cannot be read" };
	OWN_QUESTION struct question question = { .index = index };
	struct stored stored;

	if (inspect(storer, certificate, &question, &stored, fault) < 0 || look_up(storer, index, &stored, fault) < 0) {
		if (question.lost)
			return -1;
		log_error("%s", fault->text);
		storer->failed = true;
	} else {
		if (stored.present)
			adjust(storer, certificate, stored.generation);
		reform(storer, &question, &stored);
		renewal = decide(storer, index);
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

/* --- what the signer may ask -------------------------------------------------------------------------------------- */

static int on_load_account(struct storer *storer, struct reply *reply, struct fault *fault)
{
	if (store_check_room(&storer->store, fault) < 0)
		return -1;
	reply->length = sizeof(reply->data.account);
	return accounts_read(&storer->store, storer->config->acme.directory, &reply->data.account, fault);
}

static int on_save_account(struct storer *storer, struct reply *reply, struct fault *fault)
{
	int rc;

	(void)reply;
	if (storer->saved_account)
		return fault_set(fault, FAULT_FAILED, "a second account key in one run");
	storer->saved_account = true;
	rc = accounts_save_key(&storer->store, storer->config->acme.directory, record.data, record.length, fault);
	if (rc > 0)
		log_warning("%s/accounts: the account key was broken and has been renamed to key.pem.broken; a new account "
			    "takes its place",
			    storer->store.path);
	return rc < 0 ? -1 : 0;
}

static int on_account_url(struct storer *storer, struct reply *reply, struct fault *fault)
{
	(void)reply;
	return accounts_save_url(&storer->store, storer->config->acme.directory, record.data, record.length, fault);
}

static int on_load_eab(struct storer *storer, struct reply *reply, struct fault *fault)
{
	const char *path = storer->config->acme.eab_key_file;
	OWN_FD int fd = -1;
	ssize_t n;

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

static int on_save(struct storer *storer, struct reply *reply, struct fault *fault)
{
	uint32_t i = record.index;

	(void)reply;
	if (i >= storer->config->certificates || storer->seen[i].saved)
		return fault_set(fault, FAULT_FAILED, "a certificate that is not in the configuration, or twice in one run");
	storer->seen[i].saved = true;
	if (store_save(&storer->store, certificate_of(storer, i), (const void *)record.data, record.length, fault) < 0) {
		storer->seen[i].saved = false;
		return -1;
	}
	/* The warden hears of it first: it must know what to deploy even if the others die of the answer. */
	storer->warden_lost = wire_send(FD_WARDEN, VERB_STORED, i, NULL, 0, fault) < 0;
	note_stored(storer, i, (const void *)record.data);
	return storer->warden_lost ? -1 : 0;
}

static int on_token(struct storer *storer, struct reply *reply, struct fault *fault)
{
	(void)reply;
	if (storer->config->responder.mode != RESPONDER_WEBROOT)
		return fault_set(fault, FAULT_FAILED, "a token, which is for the responder");
	return webroot_put(&storer->webroot, FD_STATE, (const struct token *)(const void *)record.data, fault);
}

/* Not in other modes: the sweeper removes what an earlier run left. */
static int withdraw_tokens(struct storer *storer, struct fault *fault)
{
	if (storer->config->responder.mode != RESPONDER_WEBROOT)
		return 0;
	webroot_forget(&storer->webroot);
	return webroot_sweep(FD_STATE, fault);
}

static int on_withdraw(struct storer *storer, struct reply *reply, struct fault *fault)
{
	(void)reply;
	return withdraw_tokens(storer, fault);
}

static int (*const handlers[])(struct storer *, struct reply *, struct fault *) = {
	[VERB_LOAD_ACCOUNT] = on_load_account,
	[VERB_SAVE_ACCOUNT] = on_save_account,
	[VERB_ACCOUNT_URL] = on_account_url,
	[VERB_LOAD_EAB] = on_load_eab,
	[VERB_SAVE] = on_save,
	[VERB_TOKEN] = on_token,
	[VERB_WITHDRAW] = on_withdraw,
	[VERB_OUTCOME] = on_outcome,
	[VERB_SUGGESTION] = on_suggestion,
	[VERB_RECALL] = on_recall,
	[VERB_PLACED] = on_placed,
	[VERB_SAVE_KEY] = on_save_key,
	[VERB_LOAD_KEY] = on_load_key,
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
	int rc = wire_receive(FD_SIGNER, &record, fault);

	if (rc <= 0)
		return rc < 0 ? fault_at(fault, "the signer") : 0;
	if (!handlers[record.verb])
		return fault_set(fault, FAULT_FAILED, "the signer has no right to send %s", verb_name((enum verb)record.verb));
	reply.length = 0;
	rc = handlers[record.verb](storer, &reply, &why);
	explicit_bzero(record.data, record.length);
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
	int rc = wire_receive(FD_WARDEN, &record, fault);

	if (rc <= 0)
		return rc;
	if (record.verb == VERB_ATTEMPT)
		return on_attempt(storer, fault) < 0 ? -1 : 1;
	if (record.verb != VERB_DEPLOYED || record.index >= storer->config->certificates)
		return fault_set(fault, FAULT_FAILED, "the warden sent %s", verb_name((enum verb)record.verb));
	/* The mark stays: the hooks will run once more, which they must bear anyway. */
	if (store_deployed(&storer->store, certificate_of(storer, record.index), record.data, record.length, fault) < 0)
		log_warning("%s", fault->text);
	return 1;
}

/* However the others have ended: the warden closes its channel after the port. If it died instead, the watchdog closes the port. */
static void clean_up(struct storer *storer)
{
	struct fault fault;

	if (withdraw_tokens(storer, &fault) < 0) {
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
	rc = storer.ledgers < 0 || secret_open(storer.ledgers, &storer.secret, &fault) < 0 ? -1 : report_all(&storer, &fault);
	if (rc == 0)
		rc = channel_serve(&storer, channels, &fault);
	clean_up(&storer);
	if (rc < 0)
		log_error("%s", fault.text);
	return rc < 0 ? fault_status(&fault) : storer.failed ? STATUS_FAILED : STATUS_DONE;
}
