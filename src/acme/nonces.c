// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/nonces.h"

#include <stdio.h>
#include <string.h>

#include "acme/problem.h"

#define TRIES 4 /* of newNonce */

void nonces_reset(struct nonces *nonces, int64_t now)
{
	nonces->failures = 0;
	nonces->fetch_at = now;
}

/* The newest is the last, and used first; if there are too many, the oldest goes. */
void nonces_keep(struct nonces *nonces, const char *value)
{
	char *copy = *value ? strdup(value) : NULL;

	if (!copy)
		return;
	if (nonces->count == NONCES_KEPT) {
		free(nonces->value[0]);
		memmove(nonces->value, nonces->value + 1, --nonces->count * sizeof(nonces->value[0]));
	}
	nonces->value[nonces->count++] = copy;
}

char *nonces_take(struct nonces *nonces)
{
	return nonces->value[--nonces->count];
}

void nonces_fetch(struct nonces *nonces, size_t wanted, int64_t now, struct exchanges *exchanges, const char *url, void *owner)
{
	struct exchange *exchange;

	while (nonces->fetching < wanted && now >= nonces->fetch_at && (exchange = exchanges_find_free(exchanges))) {
		exchange->method = METHOD_HEAD;
		exchange->url = url;
		exchange->body = NULL;
		exchange->length = 0;
		nonces->fetching++;
		exchanges_start(exchanges, exchange, owner);
	}
}

static void note_reason(struct nonces *nonces, const struct exchange *exchange, int64_t wish)
{
	char wait[64] = "";

	if (wish >= 0)
		snprintf(wait, sizeof(wait), "; it asks to wait %lld s", (long long)(wish / 1000));
	if (exchange->status)
		snprintf(nonces->reason, sizeof(nonces->reason), "HTTP status %u%s without Replay-Nonce%s", exchange->status,
			 problem_is_redirect(exchange->status) ? ", a redirect," : "", wait);
	else
		snprintf(nonces->reason, sizeof(nonces->reason), "%s", exchange->reason);
}

void nonces_fetched(struct nonces *nonces, const struct exchange *exchange, int64_t now, int64_t patience, bool at_once)
{
	const int64_t wish = exchange_retry_after(exchange, 0, INT32_MAX), delay = at_once ? 0 : problem_delay(nonces->failures);

	nonces->fetching--;
	if (exchange->nonce[0]) {
		nonces->failures = 0;
		return;
	}
	note_reason(nonces, exchange, wish);
	nonces->failed = *exchange;
	nonces->failed.data = NULL;
	nonces->failed.used = nonces->failed.room = 0;
	nonces->fetch_at = now + (wish > delay ? wish : delay);
	nonces->failures = wish > patience ? TRIES : nonces->failures + 1;
}

bool nonces_fail(const struct nonces *nonces, struct fault *fault)
{
	if (nonces->failures < TRIES)
		return false;
	fault_set(fault, FAULT_LATER, "the CA sends no nonce: %s", nonces->reason);
	return true;
}

const struct exchange *nonces_refusal(const struct nonces *nonces, struct problem *problem)
{
	const struct exchange *failed = &nonces->failed;

	codec_problem(NULL, 0, failed->status, problem);
	return failed->status && problem_action(failed->status, problem) != ACTION_FAIL ? failed : NULL;
}

void nonces_free(struct nonces *nonces)
{
	for (size_t i = 0; i < nonces->count; i++)
		free(nonces->value[i]);
}
