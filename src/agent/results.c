// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/results.h"

#include <stdio.h>
#include <string.h>

#include "agent/idna.h"
#include "agent/questions.h"
#include "base/log.h"

/* The international names in a text, as people write them. */
static void tell_both(const struct order *order)
{
	const struct certificate *certificate = order_certificate(order);
	char foreign[FOREIGN_NAME_SIZE];

	for (uint32_t i = 0; i < certificate->names; i++) {
		const char *name = order->config->name[certificate->first_name + i];

		if (strstr(order->fault.text, name) && *idna_unicode(name, foreign))
			log_notice("%s is %s", name, foreign);
	}
}

int results_tell(const struct session *session)
{
	int status = STATUS_DONE;

	for (size_t i = 0; i < session->count; i++) {
		const struct order *order = &session->orders[i];

		if (order->stored && order->other_chain)
			log_warning("certificate %s: the CA offers no chain from \"%s\"; its default one is stored",
				    order_certificate(order)->name, order_certificate(order)->chain);
		if (order->stored)
			continue;
		if (order->fault.kind != FAULT_LATER)
			status = STATUS_FAILED;
		else if (status == STATUS_DONE)
			status = STATUS_LATER;
		if (order->dropped)
			continue; /* the warden has said why */
		log_error("certificate %s: %s", order_certificate(order)->name, order->fault.text);
		tell_both(order);
	}
	return status;
}

/* The port was opened for an order if one of its names was pending. */
static bool was_opened(const struct session *session, const struct order *order)
{
	for (size_t i = 0; order->authorization && i < order->object.authorizations; i++) {
		const struct authorization *authorization = &session->authorizations.item[order->authorization[i]];

		if (authorization->challenge && session->opened[challenge_kinds[authorization->type].window])
			return true;
	}
	return false;
}

void results_keep(const struct session *session, const struct fault *fault)
{
	struct fault why;

	for (size_t i = 0; i < session->count; i++) {
		const struct order *order = &session->orders[i];
		struct outcome outcome = order_outcome(order);

		if (order->stored)
			continue;
		if (fault && order->fault.kind == FAULT_NONE) {
			outcome = session->outcome;
			snprintf(outcome.detail, sizeof(outcome.detail), "%.*s", (int)sizeof(outcome.detail) - 1, fault->text);
		}
		outcome.windows = was_opened(session, order);
		if (order->url && !order_is_open(order))
			order->signer->placed(NULL, order->index, NULL);
		if (questions_ask(VERB_OUTCOME, order->index, &outcome, sizeof(outcome), &why) < 0) {
			log_debug("the end of the attempt is not kept: %s", why.text);
			return; /* a signer that does not answer, would not the next time */
		}
	}
}
