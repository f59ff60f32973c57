// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/account.h"

#include <string.h>

#define ENROL_MOST 150000 /* ms for one request with its retries */

struct answer {
	struct acme *acme;
	struct fault fault;
	struct directory directory;
	int64_t date;
	bool unknown; /* the CA has no account for this key */
};

static int64_t take_directory(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
			      const struct fault *fault)
{
	struct answer *answer = call->context;

	(void)problem;
	if (fault)
		answer->fault = *fault;
	else if (codec_directory(exchange->data, exchange->used, &answer->directory, &answer->fault) < 0)
		fault_at(&answer->fault, "%s", call->step);
	else
		answer->date = exchange->date;
	return CALL_FINISHED;
}

int enrol_open(struct acme *acme, const char *url, int64_t *date, struct fault *fault)
{
	struct answer answer = {.fault = {.kind = FAULT_NONE}};
	struct acme_call call = {
		.kind = CALL_PLAIN, .step = "directory", .url = url, .context = &answer, .done = take_directory};

	if (!url_is_valid(url, strnlen(url, URL_SIZE)))
		return fault_set(fault, FAULT_USAGE, "directory in [acme] is no https URL: %s", url);
	if (acme_run(acme, &call, 1, ENROL_MOST, fault) < 0)
		return -1;
	if (answer.fault.kind != FAULT_NONE) {
		*fault = answer.fault;
		return strstr(fault->text, url) ? -1 : fault_at(fault, "%s", url);
	}
	acme_set_directory(acme, &answer.directory);
	*date = answer.date;
	return 0;
}

static int64_t take_account(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
			    const struct fault *fault)
{
	struct answer *answer = call->context;
	enum state state;

	if (fault) {
		answer->fault = *fault;
		answer->unknown = problem && strcmp(problem->type, "accountDoesNotExist") == 0;
	} else if (codec_account(exchange->data, exchange->used, &state, &answer->fault) < 0) {
		fault_at(&answer->fault, "%s", call->step);
	} else if (state != STATE_VALID && state != STATE_UNKNOWN) {
		fault_set(&answer->fault, FAULT_FAILED, "account: the CA has it as \"%s\"", state_name(state));
	} else if (!exchange->location[0]) {
		fault_set(&answer->fault, FAULT_FAILED, "account: the CA does not say where it is (no Location)");
	} else {
		acme_set_account(answer->acme, exchange->location);
	}
	return CALL_FINISHED;
}

/* One newAccount. 1: done. 0: the CA has no account for this key, and was only asked for an existing one. */
static int new_account(struct acme *acme, const char *payload, struct fault *fault)
{
	struct answer answer = {.acme = acme};
	struct acme_call call = {
		.step = "account",
		.kind = CALL_SIGNED_WITH_KEY,
		.url = acme_directory(acme)->new_account,
		.payload = payload,
		.context = &answer,
		.done = take_account,
	};

	if (!payload)
		return fault_set(fault, FAULT_LATER, "not enough memory for a request");
	if (acme_run(acme, &call, 1, ENROL_MOST, fault) < 0)
		return -1;
	if (answer.unknown)
		return 0;
	if (answer.fault.kind == FAULT_NONE)
		return 1;
	*fault = answer.fault;
	return -1;
}

static int find_existing(struct acme *acme, struct fault *fault)
{
	OWN_FREE char *payload = codec_new_account("", false, true, NULL);

	return new_account(acme, payload, fault);
}

int enrol_register(struct acme *acme, const struct config *config, struct fault *fault)
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
				 "accept_terms = yes in [acme] of %s",
				 directory->terms, config->file);
	if (unbound)
		return fault_set(fault, FAULT_FAILED,
				 "the CA wants an account of its own first: get a key there and set "
				 "eab_kid and eab_key_file in [acme] of %s",
				 config->file);
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
