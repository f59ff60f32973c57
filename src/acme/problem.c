// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/problem.h"

#include <stdio.h>
#include <string.h>

#define FIRST_DELAY 250 /* ms before the second try, four times as much before each further one */
#define DELAYS	    4	/* after which it grows no more */

bool remedy_is_redirect(unsigned int status)
{
	return status >= 300 && status <= 399;
}

enum remedy remedy_of(unsigned int status, const struct problem *problem)
{
	static const struct {
		const char *type;
		enum remedy remedy;
	} known[] = {
		{"badNonce", REMEDY_NONCE},
		{"rateLimited", REMEDY_BACK_OFF},
		{"serverInternal", REMEDY_RETRY},
		{"userActionRequired", REMEDY_OPERATOR},
		{"externalAccountRequired", REMEDY_OPERATOR},
	};

	for (size_t i = 0; i < LENGTH_OF(known); i++)
		if (strcmp(problem->type, known[i].type) == 0)
			return known[i].remedy;
	if (status == 429 || status == 503)
		return REMEDY_BACK_OFF;
	return status >= 500 || status == 408 ? REMEDY_RETRY : REMEDY_NONE;
}

int64_t remedy_delay(int tries)
{
	return (int64_t)FIRST_DELAY << (2 * (tries < DELAYS ? tries : DELAYS));
}

void remedy_explain(struct fault *fault, const struct exchange *exchange, const struct problem *problem,
		    enum remedy remedy)
{
	int64_t wish = exchange_retry_after(exchange, 0, INT32_MAX);
	bool temporary = remedy == REMEDY_NONCE || remedy == REMEDY_RETRY || remedy == REMEDY_BACK_OFF;
	char more[URL_SIZE + 64] = "";

	if (remedy_is_redirect(exchange->status)) {
		fault_set(fault, FAULT_FAILED,
			  "the CA redirects to %s (HTTP status %u), which ACME does not allow here; is directory in [acme] right?",
			  exchange->location[0] ? exchange->location : "what is no https URL", exchange->status);
		return;
	}
	if (temporary && wish >= 0)
		snprintf(more, sizeof(more), "; it asks to wait %lld s", (long long)(wish / 1000));
	else if (remedy == REMEDY_OPERATOR && problem->instance[0])
		snprintf(more, sizeof(more), "; read %s", problem->instance);
	fault_set(fault, temporary ? FAULT_LATER : FAULT_FAILED, "the CA says %s%s", problem->text, more);
}
