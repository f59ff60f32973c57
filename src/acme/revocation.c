// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/revocation.h"

#define REQUEST_MOST 150000 /* ms, with all retries */

struct question {
	struct fault fault;
	bool already;
};

static int64_t take_answer(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
			   const struct fault *fault)
{
	struct question *question = call->context;

	(void)exchange;
	if (fault)
		question->fault = *fault;
	question->already = problem && problem->type == PROBLEM_ALREADY_REVOKED;
	return CALL_FINISHED;
}

int revocation_send(struct acme *acme, bool with_key, const char *payload, struct fault *fault)
{
	struct question question = { .already = false };
	struct acme_call call = {
		.step = "revocation",
		.kind = with_key ? CALL_SIGNED_WITH_KEY : CALL_SIGNED,
		.url = acme_directory(acme)->revoke_cert,
		.payload = payload,
		.context = &question,
		.done = take_answer,
	};

	if (!call.url[0])
		return fault_set(fault, FAULT_FAILED, "the CA has no revokeCert in its directory");
	if (acme_run(acme, &call, 1, REQUEST_MOST, fault) < 0)
		return -1;
	if (question.already || question.fault.kind == FAULT_NONE)
		return !question.already;
	*fault = question.fault;
	return -1;
}
