// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/dealing.h"

#include <stdio.h>
#include <string.h>

#include "acme/account.h"
#include "acme/revocation.h"
#include "agent/persistence.h"
#include "agent/questions.h"
#include "agent/upkeep.h"
#include "base/log.h"
#include "base/revocation.h"

struct dealing {
	struct acme *acme;
	const struct config *config;
	struct account *account;
	const struct session *session;
};

/* --- the account -------------------------------------------------------------------------------------------------- */

/* Has acme_account() name it. 0: the host has none at this CA. */
static int find(const struct dealing *d, struct fault *fault)
{
	int found = 1;

	if (!d->account->jwk[0])
		return 0;
	if (!url_same_origin(acme_account(d->acme), acme_directory(d->acme)->new_account))
		found = account_find(d->acme, fault);
	return found <= 0 ? found : upkeep_keep_url(d->acme, fault) < 0 ? -1 : 1;
}

static int require(const struct dealing *d, struct fault *fault)
{
	int found = find(d, fault);

	return found ? found :
		       fault_set(fault, FAULT_FAILED, "there is no account at %s yet; the first renewal makes it",
				 d->config->acme.directory);
}

static int show(const struct dealing *d, struct fault *fault)
{
	const char *contact = d->config->acme.contact;
	struct account_object object;
	char text[4096], more[CONTACT_SIZE + 64] = "";
	int n;

	if (account_look(d->acme, &object, fault) < 0)
		return -1;
	if (d->account->untold)
		snprintf(more, sizeof(more), "configured: %s (acmegate account update tells the CA)\n",
			 contact[0] ? contact : "none");
	n = snprintf(text, sizeof(text),
		     "account:    %s\nCA:         %s\nstatus:     %s\ncontacts:   %s\n%skey:        %s, thumbprint %s\n",
		     acme_account(d->acme), d->config->acme.directory, state_name(object.state),
		     object.contact[0] ? object.contact : "the CA shows none", more, d->account->algorithm, d->account->thumbprint);
	return wire_send(FD_WARDEN, VERB_TELL, 0, text, (size_t)n, fault);
}

/* Without an account: who sets one up reads them first. */
static int show_terms(const struct dealing *d, struct fault *fault)
{
	const char *terms = acme_directory(d->acme)->terms;
	char text[2 * URL_SIZE + 64];
	int n;

	n = snprintf(text, sizeof(text), "CA:         %s\nterms:      %s\n", d->config->acme.directory,
		     terms[0] ? terms : "the CA names none");
	return wire_send(FD_WARDEN, VERB_TELL, 0, text, (size_t)n, fault);
}

static int update(const struct dealing *d, struct fault *fault)
{
	const char *contact = d->config->acme.contact;

	if (upkeep_tell(d->acme, d->config, fault) < 0)
		return -1;
	log_notice("account: its contacts at the CA are as configured: %s", contact[0] ? contact : "none");
	return 0;
}

/* Has the CA change the key, and asks it which one it has: of a request that is repeated since its answer was lost, it says no. */
static int change_key(const struct dealing *d, const char *inner, struct fault *fault)
{
	struct fault refusal = { .kind = FAULT_FAILED, .text = "the CA still has the old key, and does not say why" };
	int changed;

	if (account_change_key(d->acme, inner, &refusal) < 0 && refusal.kind == FAULT_LATER)
		log_warning("%s; asking the CA which key it has", refusal.text);
	changed = upkeep_settle(d->acme, d->account, fault);
	if (changed < 0)
		return fault_at(fault, "both account keys are kept, and the next run asks again");
	if (changed)
		return 0;
	*fault = refusal;
	return -1;
}

static int rollover(const struct dealing *d, struct fault *fault)
{
	const char *url = acme_directory(d->acme)->key_change;
	OWN_FREE char *inner = NULL;

	if (!url[0])
		return fault_set(fault, FAULT_FAILED, "the CA has no keyChange in its directory: it does not change keys");
	if (questions_ask(VERB_NEW_ACCOUNT_KEY, 0, url, strlen(url), fault) < 0)
		return -1;
	inner = strndup(questions_reply.data, questions_reply.length);
	if (!inner)
		return fault_set(fault, FAULT_LATER, "not enough memory for a request");
	if (change_key(d, inner, fault) < 0)
		return -1;
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): OWN_FREE releases, which clang 14 does not know */
	log_notice("account: its key is a new one: %s, thumbprint %s", d->account->algorithm, d->account->thumbprint);
	return 0;
}

/* 1: done. 0: the CA accepts nothing of this account, or of its key, any more; the fault says how it put that. */
static int end_account(const struct dealing *d, struct fault *fault)
{
	int rc = require(d, fault);

	if (rc > 0)
		return account_deactivate(d->acme, fault);
	return d->account->jwk[0] && !strcmp(acme_failure(d->acme).type, "unauthorized") ? 0 : -1;
}

/* The key goes after the CA has said yes: of a run that is killed in between, the CA tells the next one. */
static int deactivate(const struct dealing *d, struct fault *fault)
{
	const char *url = acme_account(d->acme);
	int done = end_account(d, fault);

	if (done < 0)
		return -1;
	if (done == 0)
		log_warning("account: the CA accepts nothing of it any more: %s", fault->text);
	if (questions_ask(VERB_RETIRE, 0, NULL, 0, fault) < 0)
		return -1;
	log_notice("account: %s is deactivated; its key is put aside", url[0] ? url : "that of our key");
	return 0;
}

/* --- revocation --------------------------------------------------------------------------------------------------- */

/* In the name of the account; where there is none, or the CA does not take that from it, in the name of the certificate's key. */
static int send_revocation(const struct dealing *d, const char *payload, struct fault *fault)
{
	int found = find(d, fault);
	int rc = found > 0 ? revocation_send(d->acme, false, payload, fault) : -1;

	if (found > 0 && (rc >= 0 || fault->kind == FAULT_LATER))
		return rc;
	if (found < 0 && fault->kind == FAULT_LATER)
		return -1;
	if (found)
		log_notice("%s; trying with the key of the certificate", fault->text);
	return revocation_send(d->acme, true, payload, fault);
}

static int revoke_it(const struct dealing *d, struct fault *fault)
{
	const struct task *task = &d->config->task;
	const char *name = d->config->certificate[task->certificate].name;
	OWN_FREE char *payload = NULL;
	int rc;

	if (questions_ask(VERB_REVOCATION, 0, NULL, 0, fault) < 0)
		return -1;
	payload = strndup(questions_reply.data, questions_reply.length);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): OWN_FREE releases, which clang 14 does not know */
	rc = payload ? send_revocation(d, payload, fault) : fault_set(fault, FAULT_LATER, "not enough memory for a request");
	if (rc < 0 || questions_ask(VERB_REVOKED, 0, NULL, 0, fault) < 0)
		return fault_at(fault, "certificate %s", name);
	log_notice("certificate %s %s%s%s%s; it stays in use until another one is there, and the next renewal obtains that", name,
		   rc ? "is revoked" : "was revoked already", rc && task->reason ? " (" : "",
		   rc && task->reason ? revocation_name(task->reason) : "", rc && task->reason ? ")" : "");
	return 0;
}

/* --- records of dns-persist-01 ------------------------------------------------------------------------------------ */

static int tell_records(const struct dealing *d, struct fault *fault)
{
	return persistence_tell(d->acme, d->config, &d->session->work, d->session->dns, fault);
}

/* --- all of them ---------------------------------------------------------------------------------------------------- */

int dealing_run(struct session *session, struct fault *fault)
{
	static int (*const deeds[TASKS])(const struct dealing *, struct fault *) = {
		[TASK_REVOKE] = revoke_it,     [TASK_SHOW] = show,	   [TASK_TERMS] = show_terms,
		[TASK_UPDATE] = update,	       [TASK_ROLLOVER] = rollover, [TASK_DEACTIVATE] = deactivate,
		[TASK_PERSIST] = tell_records,
	};
	const struct dealing dealing = { session->acme, session->config, &session->account, session };
	enum task_kind kind = session->config->task.kind;

	if (kind >= TASKS || !deeds[kind])
		return fault_set(fault, FAULT_FAILED, "a task that is not the client's");
	if (kind != TASK_REVOKE && kind != TASK_DEACTIVATE && kind != TASK_TERMS && require(&dealing, fault) < 0)
		return -1;
	return deeds[kind](&dealing, fault);
}
