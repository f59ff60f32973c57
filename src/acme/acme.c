// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/acme.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "acme/problem.h"

#define NONCES_KEPT	128   /* a CA forgets old ones; more than that are never in use at once */
#define NONCES_GATHERED 64    /* twice what can be on its way: the answers bring the next ones */
#define NONCE_TRIES	12    /* badNonce in a row for one call */
#define TRIES		4     /* of the same call against a weak CA or network, and of newNonce */
#define SIGN_AHEAD	10    /* ms; a call that goes out so soon is signed while it waits */
#define PATIENCE	10000 /* ms; a longer Retry-After is a matter for another run */

enum { CALL_IDLE, CALL_FLYING, CALL_TOLD, CALL_ENDED }; /* told: its done() runs */

struct acme {
	struct transport transport;
	struct signer signer;
	struct account account;
	struct directory directory;
	char *nonce[NONCES_KEPT];
	size_t nonces;
	size_t fetching;    /* newNonce requests on their way */
	int64_t fetch_at;   /* not before this moment */
	int fetch_failures; /* in a row */
	char fetch_reason[320];
	bool hurry;
	struct exchange slot[EXCHANGES_MOST]; /* free when it has no owner; newNonce is owned by the struct acme */
};

struct acme *acme_start(const struct transport *transport, const struct signer *signer, const struct account *account,
			struct fault *fault)
{
	struct acme *acme = calloc(1, sizeof(*acme));

	if (!acme) {
		fault_errno(fault, FAULT_LATER, "starting the ACME client");
		return NULL;
	}
	acme->transport = *transport;
	acme->signer = *signer;
	acme->account = *account;
	acme->account.algorithm[sizeof(account->algorithm) - 1] = '\0';
	acme->account.jwk[sizeof(account->jwk) - 1] = '\0';
	acme->account.thumbprint[sizeof(account->thumbprint) - 1] = '\0';
	acme_set_account(acme, account->url);
	return acme;
}

int64_t acme_now(const struct acme *acme)
{
	return acme->transport.now(acme->transport.context);
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

/* The newest last: it is used first, and when there are too many the oldest goes. */
static void keep_nonce(struct acme *acme, const char *value)
{
	char *copy = *value ? strdup(value) : NULL;

	if (!copy)
		return;
	if (acme->nonces == NONCES_KEPT) {
		free(acme->nonce[0]);
		memmove(acme->nonce, acme->nonce + 1, --acme->nonces * sizeof(acme->nonce[0]));
	}
	acme->nonce[acme->nonces++] = copy;
}

static struct exchange *free_slot(struct acme *acme)
{
	for (size_t i = 0; i < EXCHANGES_MOST; i++)
		if (!acme->slot[i].owner)
			return &acme->slot[i];
	return NULL;
}

static void send_off(struct acme *acme, struct exchange *slot, void *owner)
{
	exchange_reset(slot);
	slot->owner = owner;
	slot->most = acme->hurry ? HURRY_MOST : 0;
	acme->transport.start(acme->transport.context, slot);
}

static void fetch_nonces(struct acme *acme, size_t wanted, int64_t now)
{
	struct exchange *slot;

	while (acme->fetching < wanted && now >= acme->fetch_at && (slot = free_slot(acme))) {
		slot->method = METHOD_HEAD;
		slot->url = acme->directory.new_nonce;
		slot->body = NULL;
		slot->length = 0;
		acme->fetching++;
		send_off(acme, slot, acme);
	}
}

char *acme_bind(struct acme *acme, struct fault *fault)
{
	return acme->signer.bind(acme->signer.context, acme->directory.new_account, fault);
}

/* Signs the call with the newest nonce, of which there is one. */
static int sign_call(struct acme *acme, struct acme_call *call, struct fault *fault)
{
	OWN_FREE char *nonce = acme->nonce[--acme->nonces];

	free(call->body);
	call->body = acme->signer.sign(acme->signer.context, call->kind == CALL_SIGNED_WITH_KEY, call->url, nonce, call->payload, fault);
	return call->body ? 0 : -1;
}

static void end_call(struct acme_call *call)
{
	free(call->body);
	call->body = NULL;
	call->state = CALL_ENDED;
}

/* Until its owner has said when it goes out again, nobody else can. */
static void tell(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
		 const struct fault *fault)
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

static void fail_call(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
		      struct fault *fault)
{
	if (call->step)
		fault_at(fault, "%s", call->step);
	tell(call, exchange, problem, fault);
}

static void fly(struct acme *acme, struct acme_call *call, struct exchange *slot)
{
	slot->method = call->kind == CALL_PLAIN ? METHOD_GET : METHOD_POST;
	slot->url = call->url;
	slot->body = call->body;
	slot->length = call->body ? strlen(call->body) : 0;
	call->state = CALL_FLYING;
	send_off(acme, slot, call);
}

static void starve(struct acme *acme, struct acme_call *call, int64_t now)
{
	struct fault fault;

	fault_set(&fault, FAULT_LATER, "the CA gives no nonce: %s", acme->fetch_reason);
	call->at = now;
	fail_call(call, NULL, NULL, &fault);
}

/* Sends whatever is due, as far as slots and nonces go, and asks for the nonces that are missing. */
static int launch(struct acme *acme, struct acme_call *calls, size_t n, int64_t now, struct fault *fault)
{
	size_t starved = 0;

	for (size_t i = 0; i < n; i++) {
		struct acme_call *call = &calls[i];
		struct exchange *slot;

		if (call->state != CALL_IDLE || call->at > now)
			continue;
		slot = free_slot(acme);
		if (!slot)
			break;
		if (call->kind != CALL_PLAIN && !call->body && acme->nonces == 0) {
			starved++;
			if (acme->fetch_failures >= TRIES)
				starve(acme, call, now);
			continue;
		}
		if (call->kind != CALL_PLAIN && !call->body && sign_call(acme, call, fault) < 0)
			return -1;
		fly(acme, call, slot);
	}
	fetch_nonces(acme, starved, now);
	return 0;
}

/* After how many milliseconds a refused call is worth another try, or -1. */
static int64_t second_chance(const struct acme *acme, struct acme_call *call, const struct exchange *exchange,
			     enum remedy remedy)
{
	int64_t wish = exchange_retry_after(exchange, 0, INT32_MAX);

	if (remedy == REMEDY_NONCE)
		return ++call->nonces < NONCE_TRIES ? 0 : -1;
	if (remedy != REMEDY_RETRY && (remedy != REMEDY_BACK_OFF || wish < 0))
		return -1;
	if (wish > (acme->hurry ? HURRY_MOST : PATIENCE) || ++call->tries >= TRIES)
		return -1;
	return wish >= 0 ? wish : remedy_delay(call->tries - 1);
}

/* An answer that is no success: tries again within limits, then tells the owner. */
static int refused(struct acme *acme, struct acme_call *call, struct exchange *exchange, struct fault *fault)
{
	struct problem problem;
	struct fault why;
	enum remedy remedy;
	int64_t again;

	codec_problem(exchange->data, exchange->used, exchange->status, &problem);
	remedy = remedy_of(exchange->status, &problem);
	again = second_chance(acme, call, exchange, remedy);
	if (again < 0) {
		remedy_explain(&why, exchange, &problem, remedy);
		fail_call(call, exchange, &problem, &why);
		return 0;
	}
	call->at += again;
	if (remedy == REMEDY_NONCE && exchange->nonce[0]) /* the newest, so that no other call gets it */
		return sign_call(acme, call, fault);
	return 0;
}

/* One that has stalled has waited long enough; the transport then takes another connection. */
static void unanswered(const struct acme *acme, struct acme_call *call, const struct exchange *exchange)
{
	struct fault why;

	if (exchange->kind == FAULT_LATER && ++call->tries < TRIES) {
		call->at += acme->hurry && exchange->stalled ? 0 : remedy_delay(call->tries - 1);
		return;
	}
	fault_set(&why, exchange->kind, "%s: %s", exchange->url, exchange->reason);
	fail_call(call, NULL, NULL, &why);
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

static void take_nonce(struct acme *acme, const struct exchange *exchange)
{
	acme->fetching--;
	if (exchange->nonce[0]) {
		acme->fetch_failures = 0;
		return;
	}
	if (exchange->status)
		snprintf(acme->fetch_reason, sizeof(acme->fetch_reason), "HTTP status %u%s without Replay-Nonce",
			 exchange->status, remedy_is_redirect(exchange->status) ? ", a redirect," : "");
	else
		snprintf(acme->fetch_reason, sizeof(acme->fetch_reason), "%s", exchange->reason);
	acme->fetch_at = acme_now(acme) + (acme->hurry && exchange->stalled ? 0 : remedy_delay(acme->fetch_failures));
	acme->fetch_failures++;
}

/* Waits for one answer, at most so long, and deals with it. */
static int pump(struct acme *acme, int64_t milliseconds, struct fault *fault)
{
	struct exchange *exchange = NULL;
	int n = acme->transport.next(acme->transport.context, milliseconds, &exchange, fault);
	void *owner;
	int result = 0;

	if (n <= 0)
		return n;
	log_debug("%s %s: HTTP status %u, %zu bytes%s%s", exchange->method == METHOD_POST ? "POST" : "GET",
		  exchange->url, exchange->status, exchange->used, exchange->reason[0] ? ", " : "", exchange->reason);
	keep_nonce(acme, exchange->nonce);
	owner = exchange->owner;
	if (owner == acme)
		take_nonce(acme, exchange);
	else
		result = take_answer(acme, owner, exchange, fault);
	exchange->owner = NULL;
	return result;
}

/* What goes out soon is signed while nothing else is to be done. */
static int sign_ahead(struct acme *acme, struct acme_call *calls, size_t n, int64_t now, struct fault *fault)
{
	for (size_t i = 0; i < n && acme->nonces > 0; i++)
		if (calls[i].state == CALL_IDLE && calls[i].kind != CALL_PLAIN && !calls[i].body && calls[i].at > now &&
		    calls[i].at <= now + SIGN_AHEAD && sign_call(acme, &calls[i], fault) < 0)
			return -1;
	return 0;
}

/* How long until something is due that no answer will trigger. */
static int64_t idle_time(const struct acme *acme, const struct acme_call *calls, size_t n, int64_t now, int64_t end)
{
	int64_t until = end;

	for (size_t i = 0; i < n; i++) {
		int64_t at = calls[i].at > acme->fetch_at ? calls[i].at : acme->fetch_at;

		if (calls[i].state == CALL_IDLE && calls[i].at > now && calls[i].at < until)
			until = calls[i].at;
		else if (calls[i].state == CALL_IDLE && at > now && at < until)
			until = at; /* due, but newNonce has failed and waits */
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

static void give_up(struct acme *acme, const void *owner)
{
	for (size_t i = 0; i < EXCHANGES_MOST; i++) {
		if (!acme->slot[i].owner || acme->slot[i].owner != owner)
			continue;
		acme->transport.cancel(acme->transport.context, &acme->slot[i]);
		acme->slot[i].owner = NULL;
	}
}

static void abandon(struct acme *acme, struct acme_call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (calls[i].state != CALL_ENDED)
			acme_finish(acme, &calls[i]);
}

/* Ends what has not ended and tells the owners, who may end others. */
static void end_late(struct acme *acme, struct acme_call *calls, size_t n, int64_t most)
{
	struct fault late;

	for (size_t i = 0; i < n; i++) {
		if (calls[i].state == CALL_ENDED)
			continue;
		acme_finish(acme, &calls[i]);
		fault_set(&late, FAULT_LATER, "no final answer of the CA within %.1f s", (double)most / 1000);
		if (calls[i].step)
			fault_at(&late, "%s", calls[i].step);
		calls[i].done(&calls[i], NULL, NULL, &late);
	}
}

int acme_run(struct acme *acme, struct acme_call *calls, size_t n, int64_t most, struct fault *fault)
{
	int64_t now = acme_now(acme), end = now + most;

	acme->fetch_failures = 0;
	acme->fetch_at = now;
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
	if (n > NONCES_GATHERED)
		n = NONCES_GATHERED;
	acme->fetch_failures = 0;
	acme->fetch_at = 0;
	while (acme->nonces < n) {
		int64_t now = acme_now(acme);

		if (acme->fetch_failures >= TRIES)
			return fault_set(fault, FAULT_LATER, "the CA gives no nonce: %s", acme->fetch_reason);
		fetch_nonces(acme, n - acme->nonces, now);
		if (pump(acme, acme->fetching || acme->fetch_at <= now ? 1000 : acme->fetch_at - now, fault) < 0)
			return -1;
	}
	return 0;
}

int acme_presign(struct acme *acme, struct acme_call *calls, size_t n, struct fault *fault)
{
	for (size_t i = 0; i < n && acme->nonces > 0; i++)
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
}

void acme_finish(struct acme *acme, struct acme_call *call)
{
	if (call->state == CALL_FLYING)
		give_up(acme, call);
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
	give_up(acme, acme);
	for (size_t i = 0; i < EXCHANGES_MOST; i++)
		exchange_free(&acme->slot[i]);
	for (size_t i = 0; i < acme->nonces; i++)
		free(acme->nonce[i]);
	free(acme);
}
