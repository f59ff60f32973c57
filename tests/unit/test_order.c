// SPDX-License-Identifier: GPL-3.0-or-later
/* Orders, authorizations and challenges against a CA of one screen that can be told to misbehave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "between.h"
#include "fake_transport.h"
#include "acme/challenge.h"
#include "acme/finalization.h"
#include "acme/new_order.h"

#define NAMES 3 /* per certificate */
#define CERTIFICATES 2

static struct config config;
static struct acme *acme;
static struct authorizations authorizations;
static struct order orders[CERTIFICATES];
static struct fault fault;

/* The CA's behaviour; zero: it behaves well, and has a result at the first poll. */
static struct {
	const char *order_state, *authorization_state;
	int pending_polls; /* of each authorization, before it is final */
	const char *final;
	const char *retry_after;
	const char *challenge_state;
	const char *answer_refused;    /* with this type of problem */
	bool answers_lost;	       /* the first request of each arrives, and the answer to it does not */
	const char *answer;	       /* to "the challenge is ready"; NULL: it is processed */
	const char *error, *old_error; /* why the CA did not validate, in the challenge: once it was answered, and before */
	const char *order_text;	       /* in the place of a new order */
	const char *order_member;      /* of a new order that has another name, so that it is missing */
	bool wrong_names, no_authorizations, no_account, no_http_01, foreign_authorization;
	int stale_orders;	    /* new orders whose authorizations are old and lost */
	int not_ready;		    /* finalize says so */
	int processing;		    /* polls of the order before it is valid */
	bool fetch_at_once;	    /* before the answer to "the challenge is ready" */
	bool order_useless;	    /* it stays pending, or is answered with an error, until it is finalized */
	int64_t ready_at;	    /* all authorizations are pending until this moment */
	unsigned int refused_id;    /* the answer to this challenge is not taken */
	unsigned int bad_id;	    /* this authorization is lost as soon as it was answered */
	unsigned int alternates;    /* chains besides the default one */
	unsigned int missing_chain; /* there is none behind the link to it */
	uint32_t refuse_index;	    /* nothing is stored for this certificate */
	char refuse_chain;
	char installed[CERTIFICATES]; /* which chain it was */
	const char *replaces_refused; /* an order that replaces a certificate, with this type of problem, */
	unsigned int refusal;	      /* and this status */
	const char *limited;	      /* every new order, with this type */
	const char *earlier_state;    /* of the order of an earlier run; NULL: as its authorizations say */
	unsigned int earlier_status;  /* instead, with earlier_problem */
	const char *earlier_problem;
	unsigned int replacing, earlier_asked; /* orders that replace one; questions for the earlier order */
	char kept[CERTIFICATES][64];	       /* URL for a later run */
	unsigned int orders, finalizes, answers, polls, order_polls, installs, chains;
	int64_t first_poll; /* moment of the first poll of anything */
	bool answered[1000];
	int seen[1000];
} ca;

static int request(void *context, uint32_t index, const void **der, size_t *length, struct fault *why)
{
	(void)context;
	(void)why;
	assert_true(index < CERTIFICATES);
	*der = "DER";
	*length = 3;
	return 0;
}

static int install(void *context, uint32_t index, const char *pem, size_t length, struct fault *why)
{
	(void)context;
	assert_int_equal(length, strlen("PEM 7"));
	assert_memory_equal(pem, "PEM ", 4);
	ca.installs++;
	ca.installed[index] = pem[4];
	return index == ca.refuse_index || pem[4] == ca.refuse_chain ? fault_set(why, FAULT_FAILED, "not our key") : 0;
}

static void placed_at(void *context, uint32_t index, const char *url)
{
	(void)context;
	snprintf(ca.kept[index], sizeof(ca.kept[index]), "%s", url ? url : "");
}

static int prefers(void *context, uint32_t index, const char *pem, size_t length, struct fault *why)
{
	(void)context;
	(void)why;
	assert_int_equal(length, strlen("PEM 7"));
	return pem[4] == config.certificate[index].chain[0];
}

static void send_order(struct exchange *exchange, unsigned int status, unsigned int id, unsigned int certificate, const char *state)
{
	unsigned int names = config.certificate[certificate].names;
	char text[4096];
	size_t used = (size_t)snprintf(text, sizeof(text),
				       "{\"status\":\"%s\",\"finalize\":\"" CA "finalize/%u\","
				       "\"certificate\":%s" CA "chain/%u%s,\"identifiers\":[",
				       state, id, strcmp(state, "valid") ? "null,\"x\":\"" : "\"", id, "\"");

	for (unsigned int i = names; i-- > 0;) /* in another order than asked */
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s{\"type\":\"dns\",\"value\":\"%s\"}",
					 i + 1 < names ? "," : "",
					 ca.wrong_names ? "evil.example" : config.name[certificate * NAMES + i]);
	used += (size_t)snprintf(text + used, sizeof(text) - used, "],\"authorizations\":[");
	for (unsigned int i = 0; i < names && !ca.no_authorizations; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\"" CA "authz/%u\"", i ? "," : "",
					 id * 10 + certificate * NAMES + i);
	snprintf(text + used, sizeof(text) - used, "]}");
	if (ca.order_member && strstr(text, ca.order_member))
		*strstr(text, ca.order_member) = 'X';
	fake_answer(exchange, status, text);
}

static void new_order(struct exchange *exchange, const char *payload)
{
	char location[64];
	unsigned int certificate = strstr(payload, config.name[0]) ? 0 : 1;

	if (ca.no_account) {
		fake_problem(exchange, 400, "accountDoesNotExist");
		return;
	}
	if (ca.limited) {
		ca.orders++;
		exchange_header(exchange, "Retry-After", "7200");
		fake_problem(exchange, 429, ca.limited);
		return;
	}
	if (strstr(payload, "\"replaces\":")) {
		ca.replacing++;
		if (ca.replaces_refused) {
			fake_problem(exchange, ca.refusal, ca.replaces_refused);
			return;
		}
	}
	snprintf(location, sizeof(location), CA "orders/%u", ++ca.orders * 10 + certificate);
	exchange_header(exchange, "Location", location);
	if (ca.order_text) {
		fake_answer(exchange, 201, ca.order_text);
		return;
	}
	send_order(exchange, 201, ca.orders, certificate, ca.order_state ? ca.order_state : "pending");
}

/* A poll of the order counts as one of each of its authorizations. */
static const char *state_of(unsigned int id)
{
	assert_true(id < LENGTH_OF(ca.seen));
	if (ca.bad_id && id == ca.bad_id && ca.answered[id])
		return "invalid";
	if ((!ca.answered[id] && !ca.challenge_state) || ++ca.seen[id] <= ca.pending_polls || fake.now < ca.ready_at)
		return ca.authorization_state ? ca.authorization_state : "pending";
	return ca.final ? ca.final : "valid";
}

static const char *state_of_order(unsigned int id, unsigned int certificate)
{
	const char *state = "ready";

	for (unsigned int i = 0; i < config.certificate[certificate].names; i++) {
		const char *one = state_of(id * 10 + certificate * NAMES + i);

		if (strcmp(one, "pending") == 0 && strcmp(state, "invalid") != 0)
			state = "pending";
		else if (strcmp(one, "valid") != 0 && strcmp(one, "pending") != 0)
			state = "invalid";
	}
	return state;
}

#define EARLIER 9 /* the order of an earlier run */

/* Returns true if the order has been answered for. */
static bool ask_earlier(struct exchange *exchange, unsigned int certificate)
{
	ca.earlier_asked++;
	if (ca.earlier_status == 0 && !ca.earlier_state)
		return false;
	if (ca.earlier_status)
		fake_problem(exchange, ca.earlier_status, ca.earlier_problem);
	else
		send_order(exchange, 200, EARLIER, certificate, ca.earlier_state);
	return true;
}

static void poll_order(struct exchange *exchange, unsigned int id, unsigned int certificate)
{
	if (id == EARLIER && !ca.earlier_asked && ask_earlier(exchange, certificate))
		return;
	if (ca.finalizes || (id == EARLIER && ca.earlier_state)) {
		send_order(exchange, 200, id, certificate, ca.processing-- > 0 ? "processing" : "valid");
		return;
	}
	ca.order_polls++;
	if (!ca.first_poll)
		ca.first_poll = fake.now;
	if (ca.order_useless)
		fake_problem(exchange, 403, "unauthorized");
	else
		send_order(exchange, 200, id, certificate, state_of_order(id, certificate));
	if (ca.retry_after)
		exchange_header(exchange, "Retry-After", ca.retry_after);
}

static void authorization(struct exchange *exchange, unsigned int id)
{
	const char *state = state_of(id), *reason = ca.answered[id] ? ca.error : ca.old_error;
	char text[1024], error[256] = "";

	if (id / 10 <= (unsigned int)ca.stale_orders)
		state = "deactivated";
	ca.polls++;
	if (!ca.first_poll && ca.answers)
		ca.first_poll = fake.now;
	if (strcmp(state, "invalid") == 0)
		reason = "timeout";
	if (reason && strcmp(state, "valid") != 0)
		snprintf(error, sizeof(error), ",\"error\":{\"type\":\"urn:ietf:params:acme:error:connection\",\"detail\":\"%s\"}",
			 reason);
	snprintf(text, sizeof(text),
		 "{\"status\":\"%s\",\"identifier\":{\"type\":\"dns\",\"value\":\"%s\"},\"challenges\":["
		 "{\"type\":\"dns-persist-01\",\"url\":\"" CA "p\"},{\"type\":\"%s\",\"url\":\"" CA "answer/%u\",\"token\":\"T%u\","
		 "\"status\":\"%s\"%s}]}",
		 state, ca.foreign_authorization ? "evil.example" : config.name[id % 10], ca.no_http_01 ? "http-02" : "http-01", id,
		 id, ca.challenge_state ? ca.challenge_state : "pending", error);
	fake_answer(exchange, 200, text);
	if (ca.retry_after)
		exchange_header(exchange, "Retry-After", ca.retry_after);
}

static void finalize(struct exchange *exchange, unsigned int id)
{
	ca.finalizes++;
	assert_non_null(strstr(fake.payload, "\"csr\":\"REVS\""));
	if (ca.not_ready-- > 0)
		fake_problem(exchange, 403, "orderNotReady");
	else
		send_order(exchange, 200, id, 0, "processing");
}

static void fetch(unsigned int certificate, unsigned int names);

/* "PEM 0" is the default one, "PEM 1" to "PEM 3" are the others. */
static void chain(struct exchange *exchange)
{
	char text[] = "PEM 0";
	unsigned int id, other = 0;

	ca.chains++;
	assert_true(sscanf(exchange->url, CA "chain/%u/%u", &id, &other) >= 1);
	if (other && other == ca.missing_chain) {
		fake_problem(exchange, 404, "malformed");
		return;
	}
	text[4] = (char)('0' + other);
	fake_answer(exchange, 200, text);
	for (unsigned int i = 1; i <= ca.alternates && !other; i++) {
		char link[128];

		snprintf(link, sizeof(link), "<" CA "chain/%u/%u>;rel=\"alternate\"", id, i);
		exchange_header(exchange, "Link", link);
	}
}

static void serve(struct fake *f, struct exchange *exchange)
{
	unsigned int id;
	bool lost;

	if (exchange->method == METHOD_HEAD)
		return;
	if (strcmp(exchange->url, CA "order") == 0) {
		new_order(exchange, f->payload);
	} else if (sscanf(exchange->url, CA "authz/%u", &id) == 1) {
		assert_string_equal(f->payload, "");
		authorization(exchange, id);
	} else if (sscanf(exchange->url, CA "answer/%u", &id) == 1) {
		assert_string_equal(f->payload, "{}");
		ca.answers++;
		if (ca.refused_id && id == ca.refused_id) {
			fake_problem(exchange, 403, "unauthorized");
			return;
		}
		lost = ca.answers_lost && !ca.answered[id];
		ca.answered[id] = true;
		if (ca.fetch_at_once)
			fetch(id / 10 - 1, 1);
		if (lost) {
			exchange->kind = FAULT_LATER;
			exchange->stalled = true;
		} else if (ca.answer_refused) {
			fake_problem(exchange, 400, ca.answer_refused);
		} else {
			fake_answer(exchange, 200, ca.answer ? ca.answer : "{\"status\":\"processing\"}");
		}
	} else if (sscanf(exchange->url, CA "finalize/%u", &id) == 1) {
		finalize(exchange, id);
	} else if (sscanf(exchange->url, CA "orders/%u", &id) == 1) {
		poll_order(exchange, id / 10, id % 10);
	} else {
		chain(exchange);
	}
}

static int setup(void **state)
{
	static const struct order_signer signer = { NULL, request, install, placed_at, prefers };

	(void)state;
	memset(&ca, 0, sizeof(ca));
	ca.refuse_index = CERTIFICATES;
	memset(&config, 0, sizeof(config));
	memset(orders, 0, sizeof(orders));
	config.certificates = CERTIFICATES;
	config.names = CERTIFICATES * NAMES;
	for (unsigned int i = 0; i < config.names; i++)
		snprintf(config.name[i], NAME_SIZE, "n%u.example", i);
	for (uint32_t i = 0; i < CERTIFICATES; i++) {
		config.certificate[i].first_name = i * NAMES;
		config.certificate[i].names = NAMES;
		orders[i].config = &config;
		orders[i].signer = &signer;
		orders[i].index = i;
	}
	acme = fake_start(serve);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < CERTIFICATES; i++)
		order_free(&orders[i]);
	authorizations_free(&authorizations);
	acme_free(acme);
	return 0;
}

/* Everything that the client does, with a window of so many milliseconds. */
static void run_all(int64_t window)
{
	assert_int_equal(new_order_place(orders, CERTIFICATES, acme, &authorizations, &fault), 0);
	assert_int_equal(challenges_prepare(&authorizations, true, acme, &fault), 0);
	assert_int_equal(challenges_respond(&authorizations, acme, window, &fault), 0);
	order_judge(orders, CERTIFICATES, &authorizations);
	assert_int_equal(finalization_run(orders, CERTIFICATES, acme, 100000, &fault), 0);
}

static void all_failed(enum fault_kind kind, const char *text)
{
	for (size_t i = 0; i < CERTIFICATES; i++) {
		assert_int_equal(orders[i].fault.kind, kind);
		assert_non_null(strstr(orders[i].fault.text, text));
		assert_false(orders[i].stored);
	}
	assert_int_equal(ca.installs, 0);
}

static void test_all_well(void **state)
{
	(void)state;
	ca.pending_polls = 2;
	run_all(10000);
	assert_true(orders[0].stored && orders[1].stored);
	assert_int_equal(ca.answers, CERTIFICATES * NAMES);
	assert_int_equal(authorizations.pending, CERTIFICATES * NAMES);
}

static void test_already_valid(void **state)
{
	(void)state;
	ca.order_state = "ready";
	ca.authorization_state = "valid";
	run_all(10000);
	assert_true(orders[0].stored && orders[1].stored);
	assert_int_equal(authorizations.pending, 0);
}

/* One name in each certificate: a poll of the order saves nothing. */
static void one_name_each(void)
{
	for (size_t i = 0; i < CERTIFICATES; i++)
		config.certificate[i].names = 1;
}

/* All that happens in the window, and no more; returns for how many milliseconds it was needed. */
static int64_t prove_all(int64_t window)
{
	int64_t start = fake.now;

	assert_int_equal(new_order_place(orders, CERTIFICATES, acme, &authorizations, &fault), 0);
	assert_int_equal(challenges_prepare(&authorizations, true, acme, &fault), 0);
	ca.polls = 0;
	assert_int_equal(challenges_respond(&authorizations, acme, window, &fault), 0);
	for (size_t i = 0; i < authorizations.count; i++)
		assert_false(authorization_is_pending(&authorizations.item[i]));
	return fake.now - start;
}

/* The CA fetches the tokens of all names of the certificate but those that are left over. */
static void fetch(unsigned int certificate, unsigned int names)
{
	struct hit hit = { "", "192.0.2.7" };

	for (unsigned int i = 0; i < names; i++) {
		snprintf(hit.token, sizeof(hit.token), "T%u", (certificate + 1) * 10 + certificate * NAMES + i);
		challenges_hit(&authorizations, &hit, fake.now);
	}
}

static void fetch_everything(void)
{
	fetch(0, NAMES);
	fetch(1, NAMES);
	fake.wake_at = 0;
}

static void test_backoff(void **state)
{
	(void)state;
	one_name_each();
	ca.pending_polls = 6;
	assert_int_equal(prove_all(60000), 1000 + 1000 + 2000 + 4000 + 5000 + 5000 + 5000);
	assert_int_equal(ca.polls, CERTIFICATES * 7);
	assert_int_equal(ca.order_polls, 0);
}

/* With a web server that answers, acmegate does not see who fetches a token. */
static void test_backoff_blind(void **state)
{
	(void)state;
	one_name_each();
	authorizations.webroot = "/srv/www";
	ca.pending_polls = 6;
	assert_int_equal(prove_all(10000), 50 + 50 + 100 + 200 + 400 + 800 + 1600);
	assert_int_equal(ca.polls, CERTIFICATES * 7);
}

/* One poll of the order takes the place of three of authorizations, which are polled much later, in case the order says nothing. */
static void test_backoff_of_order(void **state)
{
	(void)state;
	authorizations.webroot = "/srv/www";
	ca.ready_at = fake.now + 3000;
	assert_int_equal(prove_all(10000), 50 + 50 + 100 + 200 + 400 + 800 + 1600);
	assert_int_equal(ca.order_polls, CERTIFICATES * 7);
	assert_int_equal(ca.polls, CERTIFICATES * NAMES);
}

static void test_fetched_while_answering(void **state)
{
	(void)state;
	one_name_each();
	ca.fetch_at_once = true;
	assert_int_equal(prove_all(10000), 2);
	assert_int_equal(ca.polls, CERTIFICATES);
}

static void test_fetched(void **state)
{
	(void)state;
	one_name_each();
	fake.wake_at = fake.now + 10;
	fake.wake = fetch_everything;
	assert_int_equal(prove_all(10000), 12);
	assert_int_equal(ca.polls, CERTIFICATES);
}

static void test_fetched_but_slow(void **state)
{
	(void)state;
	one_name_each();
	fake.wake_at = fake.now + 10;
	fake.wake = fetch_everything;
	ca.ready_at = fake.now + 20;
	assert_int_equal(prove_all(10000), 12 + 4 + 8);
	assert_int_equal(ca.polls, CERTIFICATES * 3);
}

static void fetch_some(void)
{
	fetch(0, NAMES - 1);
	fetch(1, NAMES - 1);
	fake.wake_at = fake.now + 10;
	fake.wake = fetch_everything;
}

/* One poll is enough for all names, and it comes when the last token was fetched. */
static void test_order_fetched(void **state)
{
	(void)state;
	fake.wake_at = fake.now + 10;
	fake.wake = fetch_some;
	ca.ready_at = fake.now + 21;
	assert_int_equal(prove_all(10000), 22);
	assert_int_equal(ca.order_polls, CERTIFICATES);
	assert_int_equal(ca.polls, 0);
}

static void flood(void)
{
	fetch_everything();
	fake.wake_at = fake.now + 20;
}

/* Endless hits from one host cause neither a flood of requests nor a longer window. */
static void test_false_hits(void **state)
{
	(void)state;
	one_name_each();
	fake.wake_at = fake.now + 1;
	fake.wake = flood;
	ca.ready_at = fake.now + 5000;
	assert_between(prove_all(20000), 5000, 5000 + 5000);
	assert_between(ca.polls, CERTIFICATES * 8, CERTIFICATES * 14);
}

static void test_false_hits_of_order(void **state)
{
	(void)state;
	fake.wake_at = fake.now + 1;
	fake.wake = flood;
	ca.ready_at = fake.now + 5000;
	assert_between(prove_all(20000), 5000, 5000 + 5000);
	assert_between(ca.order_polls, CERTIFICATES * 8, CERTIFICATES * 14);
}

/* The answer itself waits for nothing, whatever is said of tokens before it was given. */
static void test_hits_before_the_answer(void **state)
{
	(void)state;
	one_name_each();
	assert_int_equal(new_order_place(orders, CERTIFICATES, acme, &authorizations, &fault), 0);
	assert_int_equal(challenges_prepare(&authorizations, true, acme, &fault), 0);
	fetch_everything();
	assert_int_equal(challenges_respond(&authorizations, acme, 10000, &fault), 0);
	assert_int_equal(fake.now, 1000 + 2);
	assert_int_equal(authorizations.item[0].state, STATE_VALID);
}

static void test_useless_order(void **state)
{
	(void)state;
	ca.order_useless = true;
	ca.pending_polls = 2;
	run_all(10000);
	assert_true(orders[0].stored && orders[1].stored);
	assert_int_equal(ca.order_polls, CERTIFICATES);
	assert_between(fake.now, 2000, 2000 + 150);
}

/* An order that is lost has names that may still be under way: all are final before the window closes. */
static void test_one_name_lost(void **state)
{
	(void)state;
	ca.bad_id = 10;
	ca.ready_at = fake.now + 90;
	run_all(10000);
	assert_string_equal(orders[0].fault.text, "n0.example: connection: timeout; no validation request reached this host");
	assert_int_equal(authorizations.item[1].state, STATE_VALID);
	assert_int_equal(authorizations.item[2].state, STATE_VALID);
	assert_true(orders[1].stored);
	assert_between(fake.now, 2000, 2000 + 250);
}

/* The order of a failed name says nothing about the others: each is polled as soon as its token was fetched. */
static void test_one_answer_refused(void **state)
{
	(void)state;
	ca.refused_id = 10;
	fake.wake_at = fake.now + 10;
	fake.wake = fetch_everything;
	assert_int_equal(prove_all(10000), 12);
	assert_int_equal(ca.order_polls, 1); /* of the other certificate */
	assert_int_equal(ca.polls, NAMES - 1);
}

static void test_retry_after_in_window(void **state)
{
	(void)state;
	one_name_each();
	ca.pending_polls = 2;
	ca.retry_after = "86400"; /* the port is open: 5 s at most, and one at first */
	assert_int_equal(prove_all(30000), 1000 + 1000 + 5000);
}

/* A CA that always sends Retry-After does not keep the port open: the first poll waits at most a second. */
static void test_retry_after_of_a_fast_ca(void **state)
{
	(void)state;
	one_name_each();
	ca.ready_at = fake.now + 1000;
	ca.retry_after = "3";
	fake.wake_at = fake.now + 10;
	fake.wake = fetch_everything;
	assert_int_equal(prove_all(30000), 12 + 1000);
	assert_int_equal(ca.polls, CERTIFICATES * 2);
}

/* Before somebody has come there is nothing to see, and nothing that the CA could make us wait for. */
static void test_no_poll_before_the_first_visit(void **state)
{
	int64_t start = fake.now;

	(void)state;
	ca.ready_at = start + 980;
	ca.retry_after = "3";
	fake.wake_at = start + 980;
	fake.wake = fetch_everything;
	assert_int_equal(prove_all(30000), 982);
	assert_int_equal(ca.first_poll, start + 982);
}

/* From the second one on the CA's wish is kept, whatever the news. */
static void test_retry_after_and_hits(void **state)
{
	(void)state;
	one_name_each();
	ca.ready_at = fake.now + 1000;
	ca.retry_after = "3";
	fake.wake_at = fake.now + 100;
	fake.wake = flood;
	assert_int_equal(prove_all(30000), 102 + 22 + 3000);
	assert_int_equal(ca.polls, CERTIFICATES * 3);
}

static void test_retry_after_of_order(void **state)
{
	(void)state;
	ca.ready_at = fake.now + 100;
	ca.retry_after = "3";
	fake.wake_at = fake.now + 60;
	fake.wake = flood;
	prove_all(30000);
	assert_int_equal(ca.order_polls, CERTIFICATES * 2); /* the authorizations were first, each at its own time */
	assert_between(fake.now, 1000 + 2000, 1000 + 2000);
}

static void test_never_final(void **state)
{
	(void)state;
	ca.pending_polls = 1000000;
	run_all(20000);
	all_failed(FAULT_LATER, "20.0 s");
	assert_int_equal(fake.now, 21000);
}

static void test_invalid(void **state)
{
	static const char *const visitors[] = { "192.0.2.70", "192.0.2.7", "2001:db8::7", "192.0.2.7", "192.0.2.70" };
	struct hit hit = { "T10", "" };

	(void)state;
	ca.final = "invalid";
	assert_int_equal(new_order_place(orders, CERTIFICATES, acme, &authorizations, &fault), 0);
	for (size_t i = 0; i < LENGTH_OF(visitors); i++) {
		snprintf(hit.address, sizeof(hit.address), "%s", visitors[i]);
		challenges_hit(&authorizations, &hit, fake.now);
	}
	assert_int_equal(challenges_prepare(&authorizations, true, acme, &fault), 0);
	assert_int_equal(challenges_respond(&authorizations, acme, 10000, &fault), 0);
	order_judge(orders, CERTIFICATES, &authorizations);
	all_failed(FAULT_FAILED, "connection: timeout");
	assert_non_null(strstr(orders[0].fault.text, "n0.example: "));
	assert_non_null(strstr(orders[0].fault.text, "5 requests from 192.0.2.70, 192.0.2.7, 2001:db8::7 were answered"));
	assert_non_null(strstr(orders[1].fault.text, "no validation request reached this host"));
}

static void test_wrong_names(void **state)
{
	(void)state;
	ca.wrong_names = true;
	run_all(10000);
	all_failed(FAULT_FAILED, "other names");
	assert_int_equal(ca.answers, 0);
}

static void test_foreign_authorization(void **state)
{
	(void)state;
	ca.foreign_authorization = true;
	run_all(10000);
	all_failed(FAULT_FAILED, "evil.example");
	assert_int_equal(ca.answers, 0);
}

static void test_no_authorizations(void **state)
{
	(void)state;
	ca.no_authorizations = true;
	run_all(10000);
	all_failed(FAULT_FAILED, "no authorizations");
}

static void test_no_http_01(void **state)
{
	(void)state;
	ca.no_http_01 = true;
	run_all(10000);
	all_failed(FAULT_FAILED, "http-01");
	assert_int_equal(ca.answers, 0);
}

static void test_stale(void **state)
{
	(void)state;
	ca.stale_orders = 2; /* the first of each certificate */
	run_all(10000);
	assert_true(orders[0].stored && orders[1].stored);
	assert_int_equal(ca.orders, 4);
	assert_int_equal(ca.answers, CERTIFICATES * NAMES);
}

static void test_stale_forever(void **state)
{
	(void)state;
	ca.stale_orders = 90;
	run_all(10000);
	assert_int_equal(ca.orders, 4);
	all_failed(FAULT_FAILED, "deactivated");
}

static void test_no_account(void **state)
{
	(void)state;
	ca.no_account = true;
	assert_int_equal(new_order_place(orders, CERTIFICATES, acme, &authorizations, &fault), 0);
	assert_true(order_lacks_account(orders, CERTIFICATES));
	assert_false(order_lacks_account(orders, CERTIFICATES));
	ca.no_account = false;
	run_all(10000);
	assert_true(orders[0].stored && orders[1].stored);
}

static void test_not_ready(void **state)
{
	(void)state;
	ca.not_ready = 2;
	ca.processing = 3;
	run_all(10000);
	assert_true(orders[0].stored && orders[1].stored);
}

static void test_under_way(void **state)
{
	(void)state;
	ca.challenge_state = "processing";
	ca.pending_polls = 3;
	run_all(10000);
	assert_true(orders[0].stored && orders[1].stored);
	assert_int_equal(ca.answers, 0);
}

static void test_answer_refused(void **state)
{
	(void)state;
	ca.answer_refused = "malformed"; /* because the authorization is valid meanwhile */
	run_all(10000);
	assert_true(orders[0].stored && orders[1].stored);
}

static void test_answer_refused_for_good(void **state)
{
	(void)state;
	ca.answer_refused = "malformed";
	ca.pending_polls = 1000;
	run_all(10000);
	all_failed(FAULT_FAILED, "malformed: so it is");
}

static void test_one_fails(void **state)
{
	(void)state;
	ca.refuse_index = 1;
	run_all(10000);
	assert_true(orders[0].stored);
	assert_false(orders[1].stored);
	assert_string_equal(orders[1].fault.text, "not our key");
}

static void want_chain(const char *name)
{
	for (size_t i = 0; i < CERTIFICATES; i++)
		snprintf(config.certificate[i].chain, sizeof(config.certificate[i].chain), "%s", name);
	ca.alternates = 3;
	run_all(10000);
	assert_true(orders[0].stored && orders[1].stored);
}

static void test_chain_not_asked_for(void **state)
{
	(void)state;
	want_chain("");
	assert_int_equal(ca.chains, CERTIFICATES);
	assert_int_equal(ca.installed[0], '0');
	assert_false(orders[0].other_chain);
}

static void test_chain_is_the_default(void **state)
{
	(void)state;
	want_chain("0");
	assert_int_equal(ca.chains, CERTIFICATES);
	assert_int_equal(ca.installed[0], '0');
	assert_false(orders[0].other_chain);
}

static void test_chain_is_another(void **state)
{
	(void)state;
	want_chain("2");
	assert_int_equal(ca.chains, CERTIFICATES * 3); /* the third alternate is left alone */
	assert_int_equal(ca.installs, CERTIFICATES);
	assert_int_equal(ca.installed[0], '2');
	assert_int_equal(ca.installed[1], '2');
	assert_false(orders[0].other_chain);
}

static void test_chain_is_not_offered(void **state)
{
	(void)state;
	want_chain("9");
	assert_int_equal(ca.chains, CERTIFICATES * 4);
	assert_int_equal(ca.installs, CERTIFICATES);
	assert_int_equal(ca.installed[0], '0');
	assert_true(orders[0].other_chain && orders[1].other_chain);
}

static void test_chain_behind_a_missing_one(void **state)
{
	(void)state;
	ca.missing_chain = 1;
	want_chain("3");
	assert_int_equal(ca.installed[0], '3');
	assert_false(orders[0].other_chain);
}

/* The preferred chain turns out to be bad: the default one is better than none. */
static void test_chain_is_refused(void **state)
{
	(void)state;
	ca.refuse_chain = '2';
	want_chain("2");
	assert_int_equal(ca.installed[0], '0');
	assert_true(orders[0].other_chain);
}

/* All that it says while it leaves the authorizations pending; returns how long the port was open for it. */
static int64_t leaves_pending(const char *error, int64_t window)
{
	int64_t took;

	ca.error = error;
	ca.pending_polls = 1000000;
	took = prove_all(window);
	order_judge(orders, CERTIFICATES, &authorizations);
	return took;
}

static void test_reason_while_pending(void **state)
{
	(void)state;
	one_name_each();
	fake.wake_at = fake.now + 10;
	fake.wake = fetch_everything;
	assert_int_equal(leaves_pending("wrong content", 58000), 12 + 1000);
	assert_int_equal(ca.polls, CERTIFICATES * 2);
	all_failed(FAULT_FAILED, "n");
	assert_string_equal(orders[0].fault.text,
			    "n0.example: connection: wrong content (the CA leaves the authorization pending); "
			    "1 request from 192.0.2.7 was answered, and the CA says otherwise: do all addresses of the name, A and AAAA, "
			    "lead to this host?");
}

static void test_reason_while_order_pending(void **state)
{
	(void)state;
	assert_between(leaves_pending("wrong content", 58000), 1000, 3100);
	all_failed(FAULT_FAILED, "connection: wrong content");
}

/* smallstep validates before it answers: the first poll is the second. */
static void test_reason_in_the_answer(void **state)
{
	(void)state;
	ca.answer = "{\"status\":\"pending\",\"error\":{\"type\":\"urn:ietf:params:acme:error:connection\",\"detail\":"
		    "\"no route\"}}";
	assert_int_equal(leaves_pending("no route", 58000), 1000);
	assert_int_equal(ca.polls, CERTIFICATES * NAMES);
	all_failed(FAULT_FAILED, "connection: no route");
}

static void test_valid_in_the_answer(void **state)
{
	(void)state;
	ca.answer = "{\"status\":\"valid\"}";
	assert_int_equal(prove_all(10000), 2);
	assert_int_equal(ca.order_polls, CERTIFICATES);
}

static void test_invalid_in_the_answer(void **state)
{
	(void)state;
	ca.answer = "{\"status\":\"invalid\"}";
	ca.final = "invalid";
	assert_between(prove_all(10000), 2, 10);
	order_judge(orders, CERTIFICATES, &authorizations);
	all_failed(FAULT_FAILED, "connection: timeout");
}

/* A CA that goes on trying says so (RFC 8555, 8.2); without a final answer the fault has its last error. */
static void test_reason_while_processing(void **state)
{
	(void)state;
	one_name_each();
	ca.challenge_state = "processing";
	ca.old_error = "no route yet";
	assert_int_equal(leaves_pending("no route yet", 20000), 20000);
	all_failed(FAULT_LATER, "no final answer of the CA within 20.0 s; the CA's last word was connection: no route yet");
}

static void test_reason_of_an_earlier_run(void **state)
{
	(void)state;
	one_name_each();
	ca.error = ca.old_error = "old story";
	ca.ready_at = fake.now + 2500;
	run_all(58000);
	assert_true(orders[0].stored && orders[1].stored);
}

static void test_reason_of_an_earlier_run_stays(void **state)
{
	(void)state;
	one_name_each();
	ca.old_error = "old story";
	assert_between(leaves_pending("old story", 58000), 6000, 10000);
	all_failed(FAULT_FAILED, "connection: old story");
}

static void test_answer_conflicts(void **state)
{
	(void)state;
	ca.answer_refused = "conflict"; /* another answer is being processed */
	ca.pending_polls = 2;
	run_all(30000);
	assert_true(orders[0].stored && orders[1].stored);
}

/* The CA has got the answer and validates; that it takes it only once is no refusal. */
static void test_answer_lost(void **state)
{
	(void)state;
	one_name_each();
	ca.answers_lost = true;
	ca.answer_refused = "malformed";
	ca.pending_polls = 2;
	run_all(30000);
	assert_true(orders[0].stored && orders[1].stored);
}

/* An order that cannot succeed fails at once, and no challenge is responded to for it. */
static void hopeless(const char *text)
{
	int64_t start = fake.now;

	run_all(10000);
	all_failed(FAULT_FAILED, text);
	assert_int_equal(ca.answers, 0);
	assert_int_equal(authorizations.pending, 0);
	assert_int_equal(fake.now, start);
}

static void test_order_cannot_be_finalized(void **state)
{
	(void)state;
	ca.order_member = "finalize\":";
	hopeless("no https URL to finalize it");
}

static void test_ready_order_cannot_be_finalized(void **state)
{
	(void)state;
	ca.order_state = "ready";
	ca.authorization_state = "valid";
	ca.order_member = "finalize\":";
	hopeless("new order: the CA's order has no https URL to finalize it");
}

static void test_valid_order_without_certificate(void **state)
{
	(void)state;
	ca.order_state = "valid";
	ca.authorization_state = "valid";
	ca.order_member = "certificate\":";
	hopeless("new order: the CA's order is valid but has no https URL of the certificate");
}

static void test_invalid_order(void **state)
{
	(void)state;
	ca.order_state = "invalid";
	hopeless("new order: the CA has given up the order");
	assert_int_equal(ca.orders, CERTIFICATES * 2);
}

static void test_order_of_no_state(void **state)
{
	(void)state;
	ca.order_state = "lost";
	hopeless("new order: the CA's order has no status");
}

static void test_order_is_not_json(void **state)
{
	(void)state;
	ca.order_text = "<html>";
	hopeless("new order: the CA's order object is not JSON");
}

/* --- orders that replace a certificate ------------------------------------------------------------------------------ */

#define CERTID "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"

static void replace_all(void)
{
	for (size_t i = 0; i < CERTIFICATES; i++)
		snprintf(orders[i].replaces, sizeof(orders[i].replaces), CERTID);
}

static void test_replaces(void **state)
{
	(void)state;
	replace_all();
	run_all(10000);
	assert_true(orders[0].stored && orders[1].stored);
	assert_int_equal(ca.replacing, CERTIFICATES);
	assert_int_equal(ca.orders, CERTIFICATES);
	assert_string_equal(orders[0].replaces, CERTID);
}

/* However the CA refuses the replacement: one order without it, and all tries for that. */
static void test_replaces_refused(void **state)
{
	static const struct {
		unsigned int status;
		const char *problem;
		unsigned int tries; /* of one order that replaces */
	} cases[] = {
		{ 400, "malformed", 1 },       { 403, "unauthorized", 1 }, { 404, "notFound", 1 },	 { 404, "malformed", 1 },
		{ 409, "alreadyReplaced", 1 }, { 409, "conflict", 1 },	   { 500, "serverInternal", 4 }, { 400, "", 1 },
	};

	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		ca.replaces_refused = cases[i].problem;
		ca.refusal = cases[i].status;
		replace_all();
		run_all(10000);
		assert_true(orders[0].stored && orders[1].stored);
		assert_int_equal(ca.replacing, CERTIFICATES * cases[i].tries);
		assert_int_equal(ca.orders, CERTIFICATES);
		assert_string_equal(orders[0].replaces, "");
		teardown(state);
		setup(state);
	}
}

/* A refusal that is about something else: asking again would only count. */
static void test_replaces_not_at_fault(void **state)
{
	static const struct {
		unsigned int status;
		const char *problem;
		enum result result;
	} cases[] = {
		{ 429, "rateLimited", RESULT_LIMITED },
		{ 403, "rateLimited", RESULT_LIMITED },
		{ 400, "rejectedIdentifier", RESULT_REFUSED },
		{ 400, "unsupportedIdentifier", RESULT_REFUSED },
		{ 403, "caa", RESULT_REFUSED },
		{ 403, "userActionRequired", RESULT_REFUSED },
		{ 503, "serverMaintenance", RESULT_UNREACHABLE },
	};

	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		struct outcome outcome;

		ca.replaces_refused = cases[i].problem;
		ca.refusal = cases[i].status;
		replace_all();
		assert_int_equal(new_order_place(orders, CERTIFICATES, acme, &authorizations, &fault), 0);
		assert_int_equal(ca.replacing, CERTIFICATES);
		assert_int_equal(ca.orders, 0);
		outcome = order_outcome(&orders[0]);
		assert_int_equal(outcome.result, cases[i].result);
		assert_int_equal(outcome.step, STEP_ORDER);
		assert_string_equal(outcome.type, cases[i].problem);
		teardown(state);
		setup(state);
	}
}

/* --- orders of an earlier run --------------------------------------------------------------------------------------- */

static void resume_first(bool has_key)
{
	orders[0].resume = strdup(CA "orders/90");
	orders[0].has_key = has_key;
	snprintf(ca.kept[0], sizeof(ca.kept[0]), "%s", orders[0].resume);
}

static void expect_orders(unsigned int n)
{
	assert_true(orders[0].stored && orders[1].stored);
	assert_int_equal(ca.orders, n);
	assert_int_equal(orders[0].resumed, n < CERTIFICATES);
}

static void test_resume_pending(void **state)
{
	(void)state;
	resume_first(false);
	run_all(10000);
	expect_orders(1);
	assert_int_equal(authorizations.pending, CERTIFICATES * NAMES);
	assert_string_equal(ca.kept[0], CA "orders/90");
}

/* Its authorizations are not asked for: they may have expired since. */
static void test_resume_later_states(void **state)
{
	static const struct {
		const char *state;
		unsigned int finalizes; /* of both orders */
	} cases[] = { { "ready", 2 }, { "processing", 1 }, { "valid", 1 } };

	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		ca.earlier_state = cases[i].state;
		ca.authorization_state = "expired";
		ca.challenge_state = "pending";
		resume_first(true);
		orders[1].fault.kind = FAULT_LATER; /* the other one stays out of it */
		run_all(10000);
		assert_true(orders[0].stored);
		assert_int_equal(ca.orders, 0);
		assert_int_equal(ca.finalizes, cases[i].finalizes - 1);
		assert_int_equal(authorizations.count, 0);
		teardown(state);
		setup(state);
	}
}

static void test_resume_without_key(void **state)
{
	static const char *const states[] = { "processing", "valid" };

	for (size_t i = 0; i < LENGTH_OF(states); i++) {
		ca.earlier_state = states[i];
		resume_first(false);
		run_all(10000);
		expect_orders(CERTIFICATES);
		assert_string_not_equal(ca.kept[0], CA "orders/90");
		teardown(state);
		setup(state);
	}
}

/* Nothing comes of it any more: one new order. */
static void test_resume_what_is_gone(void **state)
{
	static const struct {
		const char *state;
		unsigned int status;
		const char *problem;
	} cases[] = {
		{ "invalid", 0, NULL },	    { "expired", 0, NULL },	   { "deactivated", 0, NULL },
		{ NULL, 404, "malformed" }, { NULL, 403, "unauthorized" }, { NULL, 410, "" },
	};

	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		ca.earlier_state = cases[i].state;
		ca.earlier_status = cases[i].status;
		ca.earlier_problem = cases[i].problem;
		resume_first(true);
		run_all(10000);
		expect_orders(CERTIFICATES);
		assert_int_equal(ca.earlier_asked, 1);
		assert_string_not_equal(ca.kept[0], CA "orders/90");
		teardown(state);
		setup(state);
	}
}

/* An order that cannot be read now may be there in the next run: no new order. */
static void test_resume_later(void **state)
{
	(void)state;
	ca.earlier_status = 429;
	ca.earlier_problem = "rateLimited";
	resume_first(true);
	run_all(10000);
	assert_true(orders[1].stored && !orders[0].stored);
	assert_int_equal(ca.orders, 1);
	assert_int_equal(order_outcome(&orders[0]).result, RESULT_LIMITED);
	assert_string_equal(ca.kept[0], CA "orders/90");
}

static void test_resume_for_other_names(void **state)
{
	(void)state;
	orders[0].resume = strdup(CA "orders/91");
	run_all(10000);
	expect_orders(CERTIFICATES);
}

static void test_placed_is_kept(void **state)
{
	(void)state;
	assert_int_equal(new_order_place(orders, CERTIFICATES, acme, &authorizations, &fault), 0);
	assert_string_equal(ca.kept[0], orders[0].url);
	assert_string_equal(ca.kept[1], orders[1].url);
	assert_true(order_is_open(&orders[0]));
}

/* --- how an attempt ended ------------------------------------------------------------------------------------------- */

static void expect_outcome(enum result result, enum step step, const char *type, bool open)
{
	for (size_t i = 0; i < CERTIFICATES; i++) {
		struct outcome outcome = order_outcome(&orders[i]);

		assert_int_equal(outcome.result, result);
		assert_int_equal(outcome.step, step);
		assert_string_equal(outcome.type, type);
		assert_true(outcome.detail[0] || result == RESULT_STORED);
		assert_int_equal(order_is_open(&orders[i]), open);
	}
}

static void test_outcome_stored(void **state)
{
	(void)state;
	run_all(10000);
	expect_outcome(RESULT_STORED, STEP_STORE, "", false);
}

static void test_outcome_limited(void **state)
{
	(void)state;
	ca.limited = "rateLimited";
	run_all(10000);
	expect_outcome(RESULT_LIMITED, STEP_ORDER, "rateLimited", false);
	assert_int_equal(order_outcome(&orders[0]).wait, 7200);
	assert_int_equal(ca.orders, CERTIFICATES);
}

static void test_outcome_invalid(void **state)
{
	(void)state;
	ca.final = "invalid";
	run_all(10000);
	expect_outcome(RESULT_INVALID, STEP_VALIDATION, "connection", false);
}

static void test_outcome_not_final(void **state)
{
	(void)state;
	ca.pending_polls = 1000;
	run_all(10000);
	expect_outcome(RESULT_UNREACHABLE, STEP_VALIDATION, "", true);
}

static void test_outcome_port_not_opened(void **state)
{
	(void)state;
	assert_int_equal(new_order_place(orders, CERTIFICATES, acme, &authorizations, &fault), 0);
	assert_int_equal(challenges_prepare(&authorizations, WINDOW_HTTP, acme, &fault), 0);
	authorizations_drop(&authorizations);
	order_judge(orders, CERTIFICATES, &authorizations);
	expect_outcome(RESULT_HOST, STEP_VALIDATION, "", true);
}

/* A certificate that was refused here may be installed by the next run, from the same order; not by the one after that. */
static void test_outcome_not_installed(void **state)
{
	(void)state;
	ca.refuse_chain = '0';
	run_all(10000);
	expect_outcome(RESULT_HOST, STEP_STORE, "", true);
	orders[0].resumed = true;
	assert_false(order_is_open(&orders[0]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
	TEST(test_all_well),
	TEST(test_already_valid),
	TEST(test_backoff),
	TEST(test_backoff_blind),
	TEST(test_retry_after_of_a_fast_ca),
	TEST(test_no_poll_before_the_first_visit),
	TEST(test_reason_while_pending),
	TEST(test_reason_while_order_pending),
	TEST(test_reason_in_the_answer),
	TEST(test_valid_in_the_answer),
	TEST(test_invalid_in_the_answer),
	TEST(test_reason_while_processing),
	TEST(test_reason_of_an_earlier_run),
	TEST(test_reason_of_an_earlier_run_stays),
	TEST(test_answer_conflicts),
	TEST(test_answer_lost),
	TEST(test_order_cannot_be_finalized),
	TEST(test_ready_order_cannot_be_finalized),
	TEST(test_valid_order_without_certificate),
	TEST(test_invalid_order),
	TEST(test_order_of_no_state),
	TEST(test_order_is_not_json),
	TEST(test_backoff_of_order),
	TEST(test_fetched_while_answering),
	TEST(test_fetched),
	TEST(test_fetched_but_slow),
	TEST(test_order_fetched),
	TEST(test_false_hits),
	TEST(test_false_hits_of_order),
	TEST(test_hits_before_the_answer),
	TEST(test_useless_order),
	TEST(test_one_name_lost),
	TEST(test_one_answer_refused),
	TEST(test_retry_after_in_window),
	TEST(test_retry_after_and_hits),
	TEST(test_retry_after_of_order),
	TEST(test_never_final),
	TEST(test_invalid),
	TEST(test_wrong_names),
	TEST(test_foreign_authorization),
	TEST(test_no_authorizations),
	TEST(test_no_http_01),
	TEST(test_stale),
	TEST(test_stale_forever),
	TEST(test_no_account),
	TEST(test_not_ready),
	TEST(test_one_fails),
	TEST(test_chain_not_asked_for),
	TEST(test_chain_is_the_default),
	TEST(test_chain_is_another),
	TEST(test_chain_is_not_offered),
	TEST(test_chain_behind_a_missing_one),
	TEST(test_chain_is_refused),
	TEST(test_under_way),
	TEST(test_answer_refused),
	TEST(test_answer_refused_for_good),
	TEST(test_replaces),
	TEST(test_replaces_refused),
	TEST(test_replaces_not_at_fault),
	TEST(test_resume_pending),
	TEST(test_resume_later_states),
	TEST(test_resume_without_key),
	TEST(test_resume_what_is_gone),
	TEST(test_resume_later),
	TEST(test_resume_for_other_names),
	TEST(test_placed_is_kept),
	TEST(test_outcome_stored),
	TEST(test_outcome_limited),
	TEST(test_outcome_invalid),
	TEST(test_outcome_not_final),
	TEST(test_outcome_port_not_opened),
	TEST(test_outcome_not_installed),
};

int main(void)
{
	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
