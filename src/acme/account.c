// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/account.h"

#include "acme/payload.h"

#define REQUEST_MOST 150000 /* ms for one newAccount, with all retries */

#define SET_ASIDE "acmegate account deactivate puts its key aside, and the next renewal makes another account"

struct registration {
	struct acme *acme;
	struct fault fault;
	bool unknown; /* the CA has no account for this key */
	bool made;    /* just now */
};

static int64_t take_account(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
			    const struct fault *fault)
{
	struct registration *registration = call->context;
	struct account_object object;

	if (fault) {
		registration->fault = *fault;
		registration->unknown = problem && problem->type == PROBLEM_ACCOUNT_DOES_NOT_EXIST;
		if (problem && problem->type == PROBLEM_UNAUTHORIZED)
			fault_set(&registration->fault, FAULT_FAILED, "%.1000s; if the account is deactivated, " SET_ASIDE,
				  fault->text);
	} else if (codec_account(exchange->data, exchange->used, &object, &registration->fault) < 0) {
		fault_at(&registration->fault, "%s", call->step);
	} else if (object.state != STATE_VALID && object.state != STATE_UNKNOWN) {
		fault_set(&registration->fault, FAULT_FAILED, "account: the CA says that its status is \"%s\"; " SET_ASIDE,
			  state_name(object.state));
	} else if (!exchange->location[0]) {
		fault_set(&registration->fault, FAULT_FAILED, "account: the CA sends no https URL of it (Location)");
	} else {
		acme_set_account(registration->acme, exchange->location);
		registration->made = exchange->status == 201;
	}
	return CALL_FINISHED;
}

/* Sends newAccount. 1: done. 0: the CA has no account for this key, and the payload asks for an existing one only. *made: see account.h */
static int new_account(struct acme *acme, const char *payload, bool *made, struct fault *fault)
{
	struct registration registration = { .acme = acme };
	struct acme_call call = {
		.step = "account",
		.kind = CALL_SIGNED_WITH_KEY,
		.url = acme_directory(acme)->new_account,
		.payload = payload,
		.context = &registration,
		.done = take_account,
	};

	if (!payload)
		return fault_set(fault, FAULT_LATER, "not enough memory for a request");
	if (acme_run(acme, &call, 1, REQUEST_MOST, fault) < 0)
		return -1;
	*made = registration.made;
	if (registration.unknown)
		return 0;
	if (registration.fault.kind == FAULT_NONE)
		return 1;
	*fault = registration.fault;
	return -1;
}

int account_find(struct acme *acme, struct fault *fault)
{
	OWN_FREE char *payload = payload_new_account("", false, true, NULL);
	bool made;

	return new_account(acme, payload, &made, fault);
}

int account_register(struct acme *acme, const struct config *config, bool *made, struct fault *fault)
{
	const struct directory *directory = acme_directory(acme);
	OWN_FREE char *binding = NULL, *payload = NULL;
	bool stopped = directory->terms[0] && !config->acme.accept_terms;
	bool unbound = directory->account_required && !config->acme.eab_kid[0];
	int found = 0;

	*made = false;
	if (stopped || unbound)
		found = account_find(acme, fault);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (stopped)
		return fault_set(fault, FAULT_FAILED,
				 "the CA wants its terms accepted: read %s and then set "
				 "accept_terms = yes in [%s%s] of %s",
				 directory->terms, CA_SECTION(&config->acme), config->file);
	if (unbound)
		return fault_set(fault, FAULT_FAILED,
				 "the CA wants an account of its own first: get a key there and set "
				 "eab_kid and eab_key_file in [%s%s] of %s",
				 CA_SECTION(&config->acme), config->file);
	if (config->acme.eab_kid[0]) {
		binding = acme_bind(acme, fault);
		if (!binding)
			return fault_at(fault, "external account binding");
	}
	payload = payload_new_account(config->acme.contact, config->acme.accept_terms, false, binding);
	found = new_account(acme, payload, made, fault);
	if (found == 0)
		return fault_set(fault, FAULT_FAILED, "the CA neither has nor makes an account for our key");
	return found < 0 ? -1 : 0;
}

/* --- an account that is there ------------------------------------------------------------------------------------- */

struct question {
	struct account_object *object; /* NULL: the answer's content does not matter */
	struct fault fault;
	enum problem_type problem;
};

static int64_t take_answer(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
			   const struct fault *fault)
{
	struct question *question = call->context;

	if (fault) {
		question->fault = *fault;
		question->problem = problem ? problem->type : PROBLEM_OTHER;
	} else if (question->object && codec_account(exchange->data, exchange->used, question->object, &question->fault) < 0) {
		fault_at(&question->fault, "%s", call->step);
	}
	return CALL_FINISHED;
}

static int ask(struct acme *acme, const char *step, const char *url, const char *payload, struct question *question,
	       struct fault *fault)
{
	struct acme_call call = { .step = step, .url = url, .payload = payload, .context = question, .done = take_answer };

	if (acme_run(acme, &call, 1, REQUEST_MOST, fault) < 0)
		return -1;
	if (question->fault.kind == FAULT_NONE)
		return 0;
	*fault = question->fault;
	return -1;
}

int account_look(struct acme *acme, struct account_object *object, struct fault *fault)
{
	struct question question = { .object = object };

	return ask(acme, "account", acme_account(acme), NULL, &question, fault);
}

int account_update(struct acme *acme, const char *contact, struct fault *fault)
{
	OWN_FREE char *payload = payload_update_account(contact);
	struct question question = { .object = NULL };

	if (!payload)
		return fault_set(fault, FAULT_LATER, "not enough memory for a request");
	return ask(acme, "contacts", acme_account(acme), payload, &question, fault);
}

int account_change_key(struct acme *acme, const char *inner, struct fault *fault)
{
	struct question question = { .object = NULL };

	return ask(acme, "key change", acme_directory(acme)->key_change, inner, &question, fault);
}

/* After that a CA accepts nothing of this account (RFC 8555, 7.3.6): a second time it says so. */
int account_deactivate(struct acme *acme, struct fault *fault)
{
	struct question question = { .object = NULL };

	if (ask(acme, "account", acme_account(acme), PAYLOAD_DEACTIVATE, &question, fault) == 0)
		return 1;
	return question.problem == PROBLEM_UNAUTHORIZED || question.problem == PROBLEM_ACCOUNT_DOES_NOT_EXIST ? 0 : -1;
}
