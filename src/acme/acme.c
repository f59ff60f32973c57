// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/acme.h"

#include <string.h>

#include "acme/nonces.h"
#include "acme/problem.h"
#include "base/log.h"

#define NONCES_GATHERED 64 /* twice as many as can be on their way: the answers bring the next ones */
#define NONCE_TRIES 12	   /* badNonce in a row for one call */
#define TRIES 4		   /* of the same call, when the CA or the network is weak */
#define SIGN_AHEAD 10	   /* ms before its turn a call is signed */
#define PATIENCE 10000	   /* ms; a longer Retry-After ends the call: another run tries again */

enum { CALL_IDLE, CALL_FLYING, CALL_TOLD, CALL_ENDED }; /* told: its done() runs */

struct acme {
	struct exchanges exchanges; /* that of newNonce is owned by the struct acme */
	struct signer signer;
	struct account account;
	struct directory directory;
	struct nonces nonces;
	struct outcome failure;
	int64_t date;
	bool hurry;
};

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

/* Signs the call with the newest nonce, of which there must be one. */
static int sign_call(struct acme *acme, struct acme_call *call, struct fault *fault)
{
	OWN_FREE char *nonce = nonces_take(&acme->nonces);

	free(call->body);
	call->body = acme->signer.sign(acme->signer.context, call->kind == CALL_SIGNED_WITH_KEY, call->url, nonce, call->payload,
				       fault);
	return call->body ? 0 : -1;
}

static void end_call(struct acme_call *call)
{
	free(call->body);
	call->body = NULL;
	call->state = CALL_ENDED;
}

/* While done() runs, nobody else can move the call. */
static void tell(struct acme_call *call, const struct exchange *exchange, const struct problem *problem, const struct fault *fault)
{
	int64_t again;

	call->state = CALL_TOLD;
	again = call->done(call, exchange, problem, fault);
	if (again == CALL_FINISHED)
		end_call(call);
	else
		call->at += again;
	if (call->state == CALL_TOLD)
		call->state = CALL_IDLE;
}

/* Its done() may go on with another request, which has all tries before it. */
static void fail_call(struct acme *acme, struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
		      struct fault *fault)
{
	if (call->step)
		fault_at(fault, "%s", call->step);
	acme->failure = problem_outcome(exchange, problem, fault);
	tell(call, exchange, problem, fault);
	call->tries = call->nonces = 0;
}

/* How newNonce was refused, whose Retry-After is for the ledger; NULL: there was no answer, or one that says nothing of the CA's load. */
static const struct exchange *nonce_refusal(const struct acme *acme, struct problem *problem)
{
	const struct exchange *failed = &acme->nonces.failed;

	codec_problem(NULL, 0, failed->status, problem);
	return failed->status && problem_action(failed->status, problem) != ACTION_FAIL ? failed : NULL;
}

static void fail_for_nonce(struct acme *acme, struct acme_call *call, struct fault *fault)
{
	struct problem problem;
	const struct exchange *refusal = nonce_refusal(acme, &problem);

	fail_call(acme, call, refusal, refusal ? &problem : NULL, fault);
}

static void fly(struct acme *acme, struct acme_call *call, struct exchange *slot)
{
	slot->method = call->kind == CALL_PLAIN ? METHOD_GET : METHOD_POST;
	slot->url = call->url;
	slot->body = call->body;
	slot->length = call->body ? strlen(call->body) : 0;
	call->state = CALL_FLYING;
	exchanges_start(&acme->exchanges, slot, call);
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
				fail_for_nonce(acme, call, &why);
			continue;
		}
		if (call->kind != CALL_PLAIN && !call->body && sign_call(acme, call, fault) < 0)
			return -1;
		fly(acme, call, slot);
	}
	nonces_fetch(&acme->nonces, starved, now, &acme->exchanges, acme->directory.new_nonce, acme);
	return 0;
}

static int64_t patience(const struct acme *acme)
{
	return acme->hurry ? HURRY_MOST : PATIENCE;
}

/* Returns the milliseconds until a refused call goes out again, or -1: not again. */
static int64_t second_chance(const struct acme *acme, struct acme_call *call, const struct exchange *exchange,
			     enum problem_action action)
{
	int64_t wish = exchange_retry_after(exchange, 0, INT32_MAX);

	if (action == ACTION_NEW_NONCE)
		return ++call->nonces < NONCE_TRIES ? 0 : -1;
	if (action != ACTION_RETRY && (action != ACTION_BACK_OFF || wish < 0))
		return -1;
	if (wish > patience(acme) || ++call->tries >= TRIES)
		return -1;
	return wish >= 0 ? wish : problem_delay(call->tries - 1);
}

/* The CA has answered with a problem: tries again within limits, then tells the owner. */
static int refused(struct acme *acme, struct acme_call *call, struct exchange *exchange, struct fault *fault)
{
	struct problem problem;
	struct fault why;
	enum problem_action action;
	int64_t again;

	codec_problem(exchange->data, exchange->used, exchange->status, &problem);
	action = problem_action(exchange->status, &problem);
	again = second_chance(acme, call, exchange, action);
	if (again < 0) {
		problem_explain(&why, exchange, &problem, action);
		fail_call(acme, call, exchange, &problem, &why);
		return 0;
	}
	call->at += again;
	if (action == ACTION_NEW_NONCE && exchange->nonce[0]) /* now, before another call takes that nonce */
		return sign_call(acme, call, fault);
	return 0;
}

/* No answer came. A stalled call has waited long enough; the transport takes another connection for it. */
static void unanswered(struct acme *acme, struct acme_call *call, const struct exchange *exchange)
{
	struct fault why;

	if (exchange->kind == FAULT_LATER && ++call->tries < TRIES) {
		call->at += acme->hurry && exchange->stalled ? 0 : problem_delay(call->tries - 1);
		return;
	}
	fault_set(&why, exchange->kind, "%s: %s", exchange->url, exchange->reason);
	fail_call(acme, call, NULL, NULL, &why);
}

static int take_answer(struct acme *acme, struct acme_call *call, struct exchange *exchange, struct fault *fault)
{
	free(call->body);
	call->body = NULL;
	call->state = CALL_IDLE;
	call->at = acme_now(acme);
	if (exchange->status == 0) {
		unanswered(acme, call, exchange);
		return 0;
	}
	if (exchange->status < 200 || exchange->status > 299)
		return refused(acme, call, exchange, fault);
	call->tries = call->nonces = 0;
	tell(call, exchange, NULL, NULL);
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
		nonces_fetched(&acme->nonces, exchange, acme_now(acme), patience(acme), acme->hurry && exchange->stalled);
	else
		result = take_answer(acme, owner, exchange, fault);
	exchange->owner = NULL;
	return result;
}

/* Signs the calls that go out soon, while there is nothing else to do. */
static int sign_ahead(struct acme *acme, struct acme_call *calls, size_t n, int64_t now, struct fault *fault)
{
	for (size_t i = 0; i < n && acme->nonces.count > 0; i++)
		if (calls[i].state == CALL_IDLE && calls[i].kind != CALL_PLAIN && !calls[i].body && calls[i].at > now &&
		    calls[i].at <= now + SIGN_AHEAD && sign_call(acme, &calls[i], fault) < 0)
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
			refusal = nonce_refusal(acme, &problem);
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
		if (calls[i].kind != CALL_PLAIN && !calls[i].body && sign_call(acme, &calls[i], fault) < 0)
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
	end_call(call);
}

void acme_discard(struct acme_call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		end_call(&calls[i]);
}

void acme_free(struct acme *acme)
{
	if (!acme)
		return;
	exchanges_free(&acme->exchanges, acme);
	nonces_free(&acme->nonces);
	free(acme);
}
