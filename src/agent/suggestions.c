// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/suggestions.h"

#include <stdio.h>
#include <string.h>

#include "agent/questions.h"
#include "base/log.h"

/* The ledger takes the CA's suggestion, and says whether the certificate is due now. */
static int suggest(struct session *session, const struct renewal_info *info, struct fault *fault)
{
	const char *name = session->config->certificate[info->index].name;
	struct renewal renewal;

	if (questions_ask(VERB_SUGGESTION, info->index, &info->suggestion, sizeof(info->suggestion), fault) < 0)
		return -1;
	if (questions_reply.length != sizeof(renewal))
		return fault_set(fault, FAULT_FAILED, "the signer answers SUGGESTION with %u bytes", questions_reply.length);
	memcpy(&renewal, questions_reply.data, sizeof(renewal));
	renewal.reason[sizeof(renewal.reason) - 1] = '\0';
	if (!renewal.due) {
		log_debug("certificate %s: %s", name, renewal.reason);
		return 0;
	}
	log_notice("certificate %s: %s", name, renewal.reason);
	session_add_order(session, info->index);
	return 0;
}

/* A CA out of reach is no failure either: what is due without it was ordered anyway. */
int suggestions_ask(struct session *session, struct fault *fault)
{
	for (size_t i = 0; i < session->asked; i++) {
		struct identity identity;

		if (questions_take(VERB_IDENTITY, session->asks[i].index, &identity, sizeof(identity), fault) < 0)
			return -1;
		snprintf(session->asks[i].certid, sizeof(session->asks[i].certid), "%.*s", CERTID_SIZE - 1, identity.certid);
	}
	if (renewal_info_fetch(session->asks, session->asked, session->acme, fault) < 0)
		return -1;
	for (size_t i = 0; i < session->asked; i++)
		if (suggest(session, &session->asks[i], fault) < 0)
			return -1;
	return 0;
}

int suggestions_put_off(struct session *session, struct fault *fault)
{
	log_debug("the CA was not asked when to renew: %s", fault->text);
	for (size_t i = 0; i < session->asked; i++) {
		session->asks[i].suggestion = (struct suggestion){ .answer = SUGGESTION_BROKEN, .again = 3600 };
		if (suggest(session, &session->asks[i], fault) < 0)
			return -1;
	}
	return 0;
}
