// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "accounts.h"
#include "base64url.h"
#include "crypto.h"
#include "log.h"
#include "safe.h"
#include "schedule.h"
#include "store.h"
#include "webroot.h"

#define EAB_KEY_SIZE 1024	/* characters of base64url in its file */

struct keeper {
	const struct config *config;
	struct store store;
	struct key *account_key;
	struct account account;
	struct webroot webroot;
	struct key *pending[MAX_CERTIFICATES];	/* keys of requests whose certificate has not come yet */
	bool failed;				/* something that a later success does not make good */
};

/* Room for the largest answer, a certificate request. */
struct answer {
	size_t length;
	unsigned char data[WIRE_DATA];
};

static const struct certificate *certificate_of(const struct keeper *keeper, uint32_t index)
{
	return &keeper->config->certificate[index];
}

static const char (*names_of(const struct keeper *keeper, const struct certificate *certificate))[NAME_SIZE]
{
	return &keeper->config->name[certificate->first_name];
}

/* --- what is stored ----------------------------------------------------------------------------------------------- */

static struct survey survey_from(const struct keeper *keeper, const struct certificate *certificate,
				 const struct stored *stored)
{
	const struct facts *facts = &stored->facts;
	const struct holding holding = {
		.present = stored->present,
		.broken = stored->broken,
		.other_names = !facts_have_names(facts, names_of(keeper, certificate), certificate->names),
		.other_key = facts->key != certificate->key,
		.not_before = facts->not_before,
		.not_after = facts->not_after,
	};
	struct decision decision = schedule_decide(&holding, time(NULL));
	struct survey survey = {
		.due = decision.due,
		.present = stored->present,
		.deploy = stored->deploy_pending,
		.from = decision.from,
	};

	snprintf(survey.reason, sizeof(survey.reason), "%s", decision.reason);
	return survey;
}

/*
 * A certificate whose state cannot be found out is not due: what cannot be read could hardly be written, and asking the
 * CA for what cannot be stored would count against its limits. The others go on.
 */
static int survey_one(struct keeper *keeper, uint32_t index, struct fault *fault)
{
	const struct certificate *certificate = certificate_of(keeper, index);
	struct survey survey = { .reason = "what is stored cannot be read" };
	struct stored stored;

	if (store_survey(&keeper->store, certificate, &stored, fault) < 0) {
		log_error("%s", fault->text);
		keeper->failed = true;
	} else {
		survey = survey_from(keeper, certificate, &stored);
		if (stored.broken)
			log_warning("%s/certificates/%s: what was live was broken and has been renamed to *.broken",
				    keeper->store.path, certificate->name);
	}
	return wire_send(FD_WARDEN, VERB_SURVEY, index, &survey, sizeof(survey), fault);
}

static int survey_all(struct keeper *keeper, struct fault *fault)
{
	if (store_clean(&keeper->store, fault) < 0)
		log_warning("%s", fault->text); /* only room is lost */
	for (uint32_t i = 0; i < keeper->config->certificates; i++)
		if (survey_one(keeper, i, fault) < 0)
			return -1;
	return 0;
}

/* --- what the client may ask -------------------------------------------------------------------------------------- */

static int make_account_key(struct keeper *keeper, struct fault *fault)
{
	const char *directory = keeper->config->acme.directory;
	OWN_KEY struct key *key = key_generate(keeper->config->acme.account_key, fault);

	if (!key || accounts_save_key(&keeper->store, directory, key, fault) < 0)
		return -1;
	keeper->account_key = key;
	key = NULL;
	return 0;
}

static int load_account(struct keeper *keeper, struct fault *fault)
{
	int rc = accounts_read(&keeper->store, keeper->config->acme.directory, &keeper->account_key,
			       keeper->account.url, fault);

	if (rc < 0)
		return -1;
	if (rc > 0)
		log_warning(
			"%s/accounts: the account key was broken and has been renamed to key.pem.broken; a new account "
			"takes its place",
			keeper->store.path);
	if (!keeper->account_key && make_account_key(keeper, fault) < 0)
		return -1;
	return key_describe(keeper->account_key, &keeper->account, fault);
}

static int on_account(struct keeper *keeper, const struct record *record, struct answer *answer, struct fault *fault)
{
	(void)record;
	if (store_check_room(&keeper->store, fault) < 0)
		return -1;
	if (!keeper->account_key && load_account(keeper, fault) < 0)
		return -1;
	memcpy(answer->data, &keeper->account, sizeof(keeper->account));
	answer->length = sizeof(keeper->account);
	return 0;
}

static int require_account(const struct keeper *keeper, struct fault *fault)
{
	return keeper->account_key ? 0 : fault_set(fault, FAULT_FAILED, "the account was not asked for first");
}

static int on_account_url(struct keeper *keeper, const struct record *record, struct answer *answer,
			  struct fault *fault)
{
	(void)answer;
	if (require_account(keeper, fault) < 0)
		return -1;
	if (record->length >= sizeof(keeper->account.url))
		return fault_set(fault, FAULT_FAILED, "an account URL that is too long");
	for (uint32_t i = 0; i < record->length; i++)
		if (!isgraph((unsigned char)record->data[i]))
			return fault_set(fault, FAULT_FAILED, "an account URL with a character that no URL has");
	if (accounts_save_url(&keeper->store, keeper->config->acme.directory, record->data, record->length, fault) < 0)
		return -1;
	memcpy(keeper->account.url, record->data, record->length);
	keeper->account.url[record->length] = '\0';
	return 0;
}

static int on_sign(struct keeper *keeper, const struct record *record, struct answer *answer, struct fault *fault)
{
	int n;

	if (require_account(keeper, fault) < 0)
		return -1;
	n = key_sign(keeper->account_key, record->data, record->length, answer->data, fault);
	if (n < 0)
		return -1;
	answer->length = (size_t)n;
	return 0;
}

/* The key as the CA gave it out: base64url, perhaps with padding and a newline. Returns its length in bytes. */
static long read_eab_key(const char *path, unsigned char key[EAB_KEY_SIZE], struct fault *fault)
{
	char text[EAB_KEY_SIZE];
	OWN_FD int fd = safe_open(path, fault);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	long length;

	if (fd < 0)
		return -1;
	if (n < 0)
		return fault_errno(fault, FAULT_FAILED, "reading %s", path);
	while (n > 0 && (isspace((unsigned char)text[n - 1]) || text[n - 1] == '='))
		n--;
	length = n < (ssize_t)sizeof(text) ? base64url_decode(key, text, (size_t)n) : -1;
	crypto_wipe(text, sizeof(text));
	if (length <= 0)
		return fault_set(fault, FAULT_USAGE,
				 "%s: expected the key for external account binding in base64url, as the CA shows it",
				 path);
	return length;
}

static int on_sign_eab(struct keeper *keeper, const struct record *record, struct answer *answer, struct fault *fault)
{
	const char *path = keeper->config->acme.eab_key_file;
	unsigned char key[EAB_KEY_SIZE];
	long length;
	int rc;

	if (!path[0])
		return fault_set(fault, FAULT_USAGE, "%s: the CA wants an external account binding: set eab_kid and "
				 "eab_key_file in [acme]", keeper->config->file);
	length = read_eab_key(path, key, fault);
	if (length < 0)
		return -1;
	rc = crypto_hmac(key, (size_t)length, record->data, record->length, answer->data, fault);
	crypto_wipe(key, sizeof(key));
	answer->length = SHA256_SIZE;
	return rc;
}

static int require_certificate(const struct keeper *keeper, uint32_t index, struct fault *fault)
{
	if (index >= keeper->config->certificates)
		return fault_set(fault, FAULT_FAILED, "there is no certificate %u in the configuration", index);
	return 0;
}

static int on_csr(struct keeper *keeper, const struct record *record, struct answer *answer, struct fault *fault)
{
	const struct certificate *certificate;
	struct key *key;
	int n;

	if (require_certificate(keeper, record->index, fault) < 0)
		return -1;
	certificate = certificate_of(keeper, record->index);
	key = key_generate(certificate->key, fault);
	if (!key)
		return -1;
	key_free(keeper->pending[record->index]);
	keeper->pending[record->index] = key;
	n = key_request(key, names_of(keeper, certificate), certificate->names, answer->data, sizeof(answer->data),
			fault);
	if (n < 0)
		return -1;
	answer->length = (size_t)n;
	return 0;
}

static int on_prefers(struct keeper *keeper, const struct record *record, struct answer *answer, struct fault *fault)
{
	OWN_CHAIN struct chain *chain = NULL;

	if (require_certificate(keeper, record->index, fault) < 0)
		return -1;
	chain = chain_read(record->data, record->length, fault);
	if (!chain)
		return -1;
	answer->data[0] = chain_is_from(chain, certificate_of(keeper, record->index)->chain);
	answer->length = 1;
	return 0;
}

static int on_install(struct keeper *keeper, const struct record *record, struct answer *answer, struct fault *fault)
{
	const struct certificate *certificate;
	OWN_CHAIN struct chain *chain = NULL;
	struct key **key;

	(void)answer;
	if (require_certificate(keeper, record->index, fault) < 0)
		return -1;
	certificate = certificate_of(keeper, record->index);
	key = &keeper->pending[record->index];
	if (!*key)
		return fault_set(fault, FAULT_FAILED, "a certificate that was not asked for");
	chain = chain_read(record->data, record->length, fault);
	if (!chain ||
	    chain_verify(chain, *key, names_of(keeper, certificate), certificate->names, time(NULL), fault) < 0)
		return fault_at(fault, "certificate %s is not installed", certificate->name);
	if (store_save(&keeper->store, certificate, *key, chain, fault) < 0)
		return -1;
	key_free(*key);
	*key = NULL;
	return 0;
}

static int on_token(struct keeper *keeper, const struct record *record, struct answer *answer, struct fault *fault)
{
	(void)answer;
	if (keeper->config->responder.mode != RESPONDER_WEBROOT)
		return fault_set(fault, FAULT_FAILED, "a token, which is for the responder");
	return webroot_put(&keeper->webroot, FD_STATE, (const struct token *)(const void *)record->data, fault);
}

/* Not in other modes: what an earlier run has left is the sweeper's. */
static int withdraw_tokens(struct keeper *keeper, struct fault *fault)
{
	if (keeper->config->responder.mode != RESPONDER_WEBROOT)
		return 0;
	webroot_forget(&keeper->webroot);
	return webroot_sweep(FD_STATE, fault);
}

static int on_withdraw(struct keeper *keeper, const struct record *record, struct answer *answer, struct fault *fault)
{
	(void)record;
	(void)answer;
	return withdraw_tokens(keeper, fault);
}

typedef int handler(struct keeper *, const struct record *, struct answer *, struct fault *);

static handler *const handlers[] = {
	[VERB_ACCOUNT] = on_account,
	[VERB_ACCOUNT_URL] = on_account_url,
	[VERB_SIGN] = on_sign,
	[VERB_SIGN_EAB] = on_sign_eab,
	[VERB_CSR] = on_csr,
	[VERB_PREFERS] = on_prefers,
	[VERB_INSTALL] = on_install,
	[VERB_TOKEN] = on_token,
	[VERB_WITHDRAW] = on_withdraw,
	[VERBS] = NULL,	/* the others are not the client's */
};
_Static_assert(LENGTH_OF(handlers) == VERBS + 1, "an entry for each verb");

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static int refuse(const struct fault *why, struct fault *fault)
{
	return wire_send(FD_CLIENT, VERB_FAULT, (uint32_t)why->kind, why->text, strlen(why->text), fault);
}

/* 1: served. 0: the client has gone. -1: it or a channel misbehaves, and it gets no more. */
static int serve_client(struct keeper *keeper, struct record *record, bool *warden_lost, struct fault *fault)
{
	static struct answer answer;
	struct fault why;
	int rc = wire_receive(FD_CLIENT, record, fault);

	if (rc <= 0)
		return rc;
	if (!handlers[record->verb])
		return fault_set(fault, FAULT_FAILED, "the client has no right to send %s", verb_name(record->verb));
	answer.length = 0;
	if (handlers[record->verb](keeper, record, &answer, &why) < 0)
		return refuse(&why, fault) < 0 ? -1 : 1;
	/* The warden hears of it first: it must know what to deploy even if the client dies of the answer. */
	*warden_lost = record->verb == VERB_INSTALL &&
		       wire_send(FD_WARDEN, VERB_STORED, record->index, NULL, 0, fault) < 0;
	if (*warden_lost || wire_send(FD_CLIENT, VERB_ANSWER, 0, answer.data, answer.length, fault) < 0)
		return -1;
	return 1;
}

/* 1: served. 0: the warden has gone, as it does at the end. -1: it makes no sense. */
static int serve_warden(const struct keeper *keeper, struct record *record, struct fault *fault)
{
	int rc = wire_receive(FD_WARDEN, record, fault);

	if (rc <= 0)
		return rc;
	if (record->verb != VERB_DEPLOYED || record->index >= keeper->config->certificates)
		return fault_set(fault, FAULT_FAILED, "the warden sent %s", verb_name(record->verb));
	/* The mark stays: the hook will run once more, which it must bear anyway. */
	if (store_deployed(&keeper->store, certificate_of(keeper, record->index), fault) < 0)
		log_warning("%s", fault->text);
	return 1;
}

/* Returns 0 when the warden has closed its channel. */
static int serve(struct keeper *keeper, struct fault *fault)
{
	static struct record record;
	struct pollfd fds[] = { { .fd = FD_WARDEN, .events = POLLIN }, { .fd = FD_CLIENT, .events = POLLIN } };
	bool warden_lost = false;

	for (;;) {
		int rc = 1;

		if (poll(fds, LENGTH_OF(fds), -1) < 0) {
			if (errno != EINTR)
				return fault_errno(fault, FAULT_FAILED, "waiting for requests");
			continue;
		}
		if (fds[0].revents)
			rc = serve_warden(keeper, &record, fault);
		if (rc <= 0)
			return rc;
		if (fds[1].revents)
			rc = (fds[1].revents & POLLNVAL) ? 0 : serve_client(keeper, &record, &warden_lost, fault);
		if (warden_lost)
			return -1;
		if (rc < 0) {
			log_error("the client gets no more answers: %s", fault->text);
			keeper->failed = true;
		}
		if (rc <= 0) {
			close(FD_CLIENT);
			fds[1].fd = -1;
		}
	}
}

/* However the client has ended: the warden closes its channel after the port. If it has died instead, the watchdog is at it. */
static void clean_up(struct keeper *keeper)
{
	struct fault fault;

	if (withdraw_tokens(keeper, &fault) < 0) {
		log_error("%s", fault.text);
		keeper->failed = true;
	}
	key_free(keeper->account_key);
	for (size_t i = 0; i < LENGTH_OF(keeper->pending); i++)
		key_free(keeper->pending[i]);
}

int keeper_main(const struct config *config)
{
	static struct keeper keeper;
	struct fault fault;
	int rc;

	keeper.config = config;
	keeper.store = (struct store){ .state = FD_STATE, .path = config->gate.state };
	keeper.webroot = (struct webroot){ .directory = config->responder.webroot, .notes = -1, .challenge = -1 };
	crypto_start();
	rc = survey_all(&keeper, &fault);
	if (rc == 0)
		rc = serve(&keeper, &fault);
	clean_up(&keeper);
	if (rc < 0)
		log_error("%s", fault.text);
	return rc < 0 ? fault_status(&fault) : keeper.failed ? STATUS_FAILED : STATUS_DONE;
}
