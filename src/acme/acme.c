// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/acme.h"

#include <string.h>

#include "acme/acme_state.h"
#include "acme/problem.h"
#include "base/log.h"

#define NONCES_GATHERED 64 /* twice as many as can be on their way: the answers bring the next ones */
#define SIGN_AHEAD 10	   /* ms before its turn a call is signed */

struct acme *acme_start(const struct transport *transport, const struct signer *signer, const struct account *account,
			struct fault *fault)
{
	struct acme *acme = calloc(1, sizeof(*acme));

	if (!acme) {
		fault_errno(fault, FAULT_LATER, "starting the ACME client");
		return NULL;
	}
	acme->exchanges.transport = *transport;
	acme->signer = *signer;
	acme_set_key(acme, account);
	acme_set_account(acme, account->url);
	return acme;
}

void acme_set_key(struct acme *acme, const struct account *account)
{
	memcpy(acme->account.algorithm, account->algorithm, sizeof(account->algorithm));
	memcpy(acme->account.jwk, account->jwk, sizeof(account->jwk));
	memcpy(acme->account.thumbprint, account->thumbprint, sizeof(account->thumbprint));
	acme->account.algorithm[sizeof(account->algorithm) - 1] = '\0';
	acme->account.jwk[sizeof(account->jwk) - 1] = '\0';
	acme->account.thumbprint[sizeof(account->thumbprint) - 1] = '\0';
}

struct outcome acme_failure(const struct acme *acme)
{
	return acme->failure;
}

int64_t acme_date(const struct acme *acme)
{
	return acme->date;
}

int64_t acme_now(const struct acme *acme)
{
	return acme->exchanges.transport.now(acme->exchanges.transport.context);
}

void acme_set_directory(struct acme *acme, const struct directory *directory)
{
	acme->directory = *directory;
}

const struct directory *acme_directory(const struct acme *acme)
{
	return &acme->directory;
}

const char *acme_account(const struct acme *acme)
{
	return acme->account.url;
}

const char *acme_thumbprint(const struct acme *acme)
{
	return acme->account.thumbprint;
}

void acme_set_account(struct acme *acme, const char *url)
{
	size_t length = strnlen(url, URL_SIZE);

	if (!url_is_valid(url, length))
		length = 0;
	memmove(acme->account.url, url, length);
	acme->account.url[length] = '\0';
}

char *acme_bind(struct acme *acme, struct fault *fault)
{
	return acme->signer.bind(acme->signer.context, acme->directory.new_account, fault);
}

/* Sends all calls that are due while there are free slots and nonces, and asks for the missing nonces. */
static int launch(struct acme *acme, struct acme_call *calls, size_t n, int64_t now, struct fault *fault)
{
	size_t starved = 0;
	struct fault why;

	for (size_t i = 0; i < n; i++) {
		struct acme_call *call = &calls[i];
		struct exchange *slot;

		if (call->state != CALL_IDLE || call->at > now)
			continue;
		slot = exchanges_find_free(&acme->exchanges);
		if (!slot)
			break;
		if (call->kind != CALL_PLAIN && !call->body && acme->nonces.count == 0) {
			starved++;
			call->at = now;
			if (nonces_fail(&acme->nonces, &why))
				call_fail_for_nonce(acme, call, &why);
			continue;
		}
		if (call->kind != CALL_PLAIN && !call->body && call_sign(acme, call, fault) < 0)
			return -1;
		call_fly(acme, call, slot);
	}
	nonces_fetch(&acme->nonces, starved, now, &acme->exchanges, acme->directory.new_nonce, acme);
	return 0;
}

/* Waits for one answer, at most so long, and takes it. */
static int pump(struct acme *acme, int64_t milliseconds, struct fault *fault)
{
	struct exchange *exchange = NULL;
	int n = acme->exchanges.transport.next(acme->exchanges.transport.context, milliseconds, &exchange, fault);
	void *owner;
	int result = 0;

	if (n <= 0)
		return n;
	log_debug("%s %s: HTTP status %u, %zu bytes%s%s", exchange->method == METHOD_POST ? "POST" : "GET", exchange->url,
		  exchange->status, exchange->used, exchange->reason[0] ? ", " : "", exchange->reason);
	nonces_keep(&acme->nonces, exchange->nonce);
	if (exchange->date)
		acme->date = exchange->date;
	owner = exchange->owner;
	if (owner == acme)
		nonces_fetched(&acme->nonces, exchange, acme_now(acme), call_patience(acme), acme->hurry && exchange->stalled);
	else
		result = call_take_answer(acme, owner, exchange, acme_now(acme), fault);
	exchange->owner = NULL;
	return result;
}

/* Signs the calls that go out soon, while there is nothing else to do. */
static int sign_ahead(struct acme *acme, struct acme_call *calls, size_t n, int64_t now, struct fault *fault)
{
	for (size_t i = 0; i < n && acme->nonces.count > 0; i++)
		if (calls[i].state == CALL_IDLE && calls[i].kind != CALL_PLAIN && !calls[i].body && calls[i].at > now &&
		    calls[i].at <= now + SIGN_AHEAD && call_sign(acme, &calls[i], fault) < 0)
			return -1;
	return 0;
}

/* Milliseconds until a call is due that waits for no answer. */
static int64_t idle_time(const struct acme *acme, const struct acme_call *calls, size_t n, int64_t now, int64_t end)
{
	int64_t until = end;

	for (size_t i = 0; i < n; i++) {
		int64_t at = calls[i].at > acme->nonces.fetch_at ? calls[i].at : acme->nonces.fetch_at;

		if (calls[i].state == CALL_IDLE && calls[i].at > now && calls[i].at < until)
			until = calls[i].at;
		else if (calls[i].state == CALL_IDLE && at > now && at < until)
			until = at; /* due, but newNonce has failed and must wait */
	}
	return until > now ? until - now : 0;
}

static size_t unfinished(const struct acme_call *calls, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += calls[i].state != CALL_ENDED;
	return count;
}

static void abandon(struct acme *acme, struct acme_call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (calls[i].state != CALL_ENDED)
			acme_finish(acme, &calls[i]);
}

/* Ends the calls that have not ended and tells their owners, who may end others. */
static void end_late(struct acme *acme, struct acme_call *calls, size_t n, int64_t most)
{
	struct fault late;

	for (size_t i = 0; i < n; i++) {
		if (calls[i].state == CALL_ENDED)
			continue;
		acme_finish(acme, &calls[i]);
		fault_set(&late, FAULT_LATER, "%s: no final answer of the CA within %.1f s", calls[i].url, (double)most / 1000);
		if (calls[i].step)
			fault_at(&late, "%s", calls[i].step);
		acme->failure = problem_outcome(NULL, NULL, &late);
		calls[i].done(&calls[i], NULL, NULL, &late);
	}
}

int acme_run(struct acme *acme, struct acme_call *calls, size_t n, int64_t most, struct fault *fault)
{
	int64_t now = acme_now(acme), end = now + most;

	nonces_reset(&acme->nonces, now);
	while (unfinished(calls, n)) {
		if (now >= end) {
			end_late(acme, calls, n, most);
			return 0;
		}
		if (launch(acme, calls, n, now, fault) < 0 || sign_ahead(acme, calls, n, now, fault) < 0 ||
		    (unfinished(calls, n) && pump(acme, idle_time(acme, calls, n, now, end), fault) < 0)) {
			abandon(acme, calls, n);
			return -1;
		}
		now = acme_now(acme);
	}
	return 0;
}

int acme_gather_nonces(struct acme *acme, size_t n, struct fault *fault)
{
	const struct exchange *refusal;
	struct problem problem;

	if (n > NONCES_GATHERED)
		n = NONCES_GATHERED;
	nonces_reset(&acme->nonces, 0);
	acme->failure = (struct outcome){ 0 };
	while (acme->nonces.count < n) {
		const int64_t now = acme_now(acme), wait = acme->nonces.fetch_at - now;

		if (nonces_fail(&acme->nonces, fault)) {
			refusal = nonces_refusal(&acme->nonces, &problem);
			acme->failure = problem_outcome(refusal, refusal ? &problem : NULL, fault);
			return -1;
		}
		nonces_fetch(&acme->nonces, n - acme->nonces.count, now, &acme->exchanges, acme->directory.new_nonce, acme);
		if (pump(acme, acme->nonces.fetching || wait <= 0 ? 1000 : wait, fault) < 0)
			return -1;
	}
	return 0;
}

int acme_presign(struct acme *acme, struct acme_call *calls, size_t n, struct fault *fault)
{
	for (size_t i = 0; i < n && acme->nonces.count > 0; i++)
		if (calls[i].kind != CALL_PLAIN && !calls[i].body && call_sign(acme, &calls[i], fault) < 0)
			return -1;
	return 0;
}

bool acme_move(struct acme_call *call, int64_t at)
{
	if (call->state != CALL_IDLE || call->tries || call->nonces)
		return false;
	call->at = at;
	return true;
}

bool acme_was_repeated(const struct acme_call *call)
{
	return call->tries > 0;
}

void acme_hurry(struct acme *acme, bool hurry)
{
	acme->hurry = hurry;
	acme->exchanges.most = hurry ? HURRY_MOST : 0;
}

void acme_finish(struct acme *acme, struct acme_call *call)
{
	if (call->state == CALL_FLYING)
		exchanges_cancel(&acme->exchanges, call);
	call_end(call);
}

void acme_discard(struct acme_call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		call_end(&calls[i]);
}

void acme_free(struct acme *acme)
{
	if (!acme)
		return;
	exchanges_free(&acme->exchanges, acme);
	nonces_free(&acme->nonces);
	free(acme);
}
