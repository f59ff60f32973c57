// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/problem.h"

#include <stdio.h>

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
			  "the CA redirects to %s (HTTP status %u), which ACME does not allow here; is directory in [acme] right?",
			  exchange->location[0] ? exchange->location : "a URL that is not https", exchange->status);
		return;
	}
	if (temporary && wish >= 0)
		snprintf(more, sizeof(more), "; it asks to wait %lld s", (long long)(wish / 1000));
	else if (action == ACTION_ASK_OPERATOR && problem->instance[0])
		snprintf(more, sizeof(more), "; read %s", problem->instance);
	fault_set(fault, temporary ? FAULT_LATER : FAULT_FAILED, "the CA says %s%s", problem->text, more);
}
