// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/problem.h"

#include <stdio.h>
#include <string.h>

#define FIRST_DELAY 250 /* ms before the second try, four times as much before each further one */
#define DELAYS 4	/* so often does it grow */

bool problem_is_redirect(unsigned int status)
{
	return status >= 300 && status <= 399;
}

enum problem_action problem_action(unsigned int status, const struct problem *problem)
{
	static const enum problem_action actions[PROBLEM_TYPES] = {
		[PROBLEM_BAD_NONCE] = ACTION_NEW_NONCE,
		[PROBLEM_RATE_LIMITED] = ACTION_BACK_OFF,
		[PROBLEM_SERVER_INTERNAL] = ACTION_RETRY,
		[PROBLEM_USER_ACTION_REQUIRED] = ACTION_ASK_OPERATOR,
		[PROBLEM_EXTERNAL_ACCOUNT_REQUIRED] = ACTION_ASK_OPERATOR,
	};

	if (actions[problem->type] != ACTION_FAIL)
		return actions[problem->type];
	if (status == 429 || status == 503)
		return ACTION_BACK_OFF;
	return status >= 500 || status == 408 ? ACTION_RETRY : ACTION_FAIL;
}

int64_t problem_delay(int tries)
{
	return (int64_t)FIRST_DELAY << (2 * (tries < DELAYS ? tries : DELAYS));
}

void problem_explain(struct fault *fault, const struct exchange *exchange, const struct problem *problem, enum problem_action action)
{
	int64_t wish = exchange_retry_after(exchange, 0, INT32_MAX);
	bool temporary = action == ACTION_NEW_NONCE || action == ACTION_RETRY || action == ACTION_BACK_OFF;
	char more[URL_SIZE + 64] = "";

	if (problem_is_redirect(exchange->status)) {
		fault_set(fault, FAULT_FAILED,
			  "the CA redirects to %s (HTTP status %u), which ACME does not allow here; is its directory = URL in the configuration right?",
			  exchange->location[0] ? exchange->location : "a URL that is not https", exchange->status);
		return;
	}
	if (temporary && wish >= 0)
		snprintf(more, sizeof(more), "; it asks to wait %lld s", (long long)(wish / 1000));
	else if (action == ACTION_ASK_OPERATOR && problem->instance[0])
		snprintf(more, sizeof(more), "; read %s", problem->instance);
	fault_set(fault, temporary ? FAULT_LATER : FAULT_FAILED, "the CA says %s%s", problem->text, more);
}

static enum result result_of(unsigned int status, const struct problem *problem, bool waits)
{
	switch (problem_action(status, problem)) {
	case ACTION_BACK_OFF:
		return status == 503 && problem->type != PROBLEM_RATE_LIMITED && !waits ? RESULT_UNREACHABLE : RESULT_LIMITED;
	case ACTION_RETRY:
	case ACTION_NEW_NONCE:
		return RESULT_UNREACHABLE;
	case ACTION_ASK_OPERATOR:
	case ACTION_FAIL:
	default:
		return RESULT_REFUSED;
	}
}

struct outcome problem_outcome(const struct exchange *exchange, const struct problem *problem, const struct fault *fault)
{
	struct outcome outcome = { .result = RESULT_UNREACHABLE };
	int64_t wish = exchange ? exchange_retry_after(exchange, 0, INT32_MAX) : -1;

	if (wish > 0)
		outcome.wait = (uint32_t)((wish + 999) / 1000);
	if (exchange && problem) {
		outcome.result = result_of(exchange->status, problem, wish > 0);
		memcpy(outcome.type, problem->name, sizeof(outcome.type));
	}
	snprintf(outcome.detail, sizeof(outcome.detail), "%.*s", (int)sizeof(outcome.detail) - 1, fault->text);
	return outcome;
}

bool problem_may_be_replaces(unsigned int status, const struct problem *problem)
{
	switch (problem->type) {
	case PROBLEM_ACCOUNT_DOES_NOT_EXIST:
	case PROBLEM_BAD_NONCE:
	case PROBLEM_CAA:
	case PROBLEM_EXTERNAL_ACCOUNT_REQUIRED:
	case PROBLEM_RATE_LIMITED:
	case PROBLEM_REJECTED_IDENTIFIER:
	case PROBLEM_UNSUPPORTED_IDENTIFIER:
	case PROBLEM_USER_ACTION_REQUIRED:
		return false;
	case PROBLEM_OTHER:
	case PROBLEM_ALREADY_REVOKED:
	case PROBLEM_CONFLICT:
	case PROBLEM_MALFORMED:
	case PROBLEM_ORDER_NOT_READY:
	case PROBLEM_SERVER_INTERNAL:
	case PROBLEM_UNAUTHORIZED:
	case PROBLEM_TYPES:
	default:
		return (status >= 400 && status <= 499 && status != 429 && status != 408) || status == 500;
	}
}
