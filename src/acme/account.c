// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/account.h"

#define REQUEST_MOST 150000 /* ms for one newAccount, with all retries */

struct registration {
	struct acme *acme;
	struct fault fault;
	bool unknown; /* the CA has no account for this key */
};

static int64_t take_account(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
			    const struct fault *fault)
{
	struct registration *registration = call->context;
	enum state state;

	if (fault) {
		registration->fault = *fault;
		registration->unknown = problem && problem->type == PROBLEM_ACCOUNT_DOES_NOT_EXIST;
	} else if (codec_account(exchange->data, exchange->used, &state, &registration->fault) < 0) {
		fault_at(&registration->fault, "%s", call->step);
	} else if (state != STATE_VALID && state != STATE_UNKNOWN) {
		fault_set(&registration->fault, FAULT_FAILED, "account: the CA says that its status is \"%s\"", state_name(state));
	} else if (!exchange->location[0]) {
		fault_set(&registration->fault, FAULT_FAILED, "account: the CA sends no https URL of it (Location)");
	} else {
		acme_set_account(registration->acme, exchange->location);
	}
	return CALL_FINISHED;
}

/* Sends newAccount. 1: done. 0: the CA has no account for this key, and the payload asks for an existing one only. */
static int new_account(struct acme *acme, const char *payload, struct fault *fault)
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
	if (registration.unknown)
		return 0;
	if (registration.fault.kind == FAULT_NONE)
		return 1;
	*fault = registration.fault;
	return -1;
}

static int find_existing(struct acme *acme, struct fault *fault)
{
	OWN_FREE char *payload = codec_new_account("", false, true, NULL);

	return new_account(acme, payload, fault);
}

int account_register(struct acme *acme, const struct config *config, struct fault *fault)
{
	const struct directory *directory = acme_directory(acme);
	OWN_FREE char *binding = NULL, *payload = NULL;
	bool stopped = directory->terms[0] && !config->acme.accept_terms;
	bool unbound = directory->account_required && !config->acme.eab_kid[0];
	int found = 0;

	if (stopped || unbound)
		found = find_existing(acme, fault);
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
	payload = codec_new_account(config->acme.contact, config->acme.accept_terms, false, binding);
	found = new_account(acme, payload, fault);
	if (found == 0)
		return fault_set(fault, FAULT_FAILED, "the CA neither has nor makes an account for our key");
	return found < 0 ? -1 : 0;
}
