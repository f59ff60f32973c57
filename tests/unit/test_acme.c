// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "between.h"
#include "acme/account.h"
#include "acme/directory.h"
#include "fake_transport.h"
#include "acme/problem.h"

#define CALLS 100

static struct acme *acme;
static struct fault fault;
static struct fault told; /* the last failure */
static unsigned int served, done_well, done_badly;

static int64_t take(struct acme_call *call, const struct exchange *exchange, const struct problem *problem, const struct fault *why)
{
	(void)call;
	(void)problem;
	if (why) {
		told = *why;
		done_badly++;
	} else {
		assert_non_null(exchange);
		done_well++;
	}
	return CALL_FINISHED;
}

static void begin(void (*serve)(struct fake *fake, struct exchange *exchange))
{
	acme_free(acme);
	acme = fake_start(serve);
	served = done_well = done_badly = 0;
	memset(&told, 0, sizeof(told));
}

/* Runs n calls of one kind against the CA. */
static int run(size_t n, int64_t most)
{
	static struct acme_call calls[CALLS];

	memset(calls, 0, sizeof(calls));
	for (size_t i = 0; i < n; i++) {
		calls[i].step = "testing";
		calls[i].url = CA "x";
		calls[i].payload = "{}";
		calls[i].done = take;
	}
	return acme_run(acme, calls, n, most, &fault);
}

static int teardown(void **state)
{
	(void)state;
	acme_free(acme);
	acme = NULL;
	return 0;
}

static void serve_well(struct fake *f, struct exchange *exchange)
{
	(void)f;
	if (exchange->method != METHOD_HEAD)
		fake_answer(exchange, 200, "{}");
}

static void test_many(void **state)
{
	(void)state;
	begin(serve_well);
	assert_int_equal(run(CALLS, 1000), 0);
	assert_int_equal(done_well, CALLS);
	assert_int_equal(fake.posts, CALLS);
	assert_true(fake.most_in_flight == EXCHANGES_MOST);
	assert_int_equal(run(CALLS, 1000), 0);
	assert_int_equal(done_well, 2 * CALLS);
	assert_true(fake.heads < CALLS + EXCHANGES_MOST); /* the second batch lives on the answers of the first */
}

static void test_none(void **state)
{
	(void)state;
	begin(serve_well);
	assert_int_equal(run(0, 1000), 0);
	assert_int_equal(fake.given, 0);
}

static void serve_bad_nonce(struct fake *f, struct exchange *exchange)
{
	static unsigned int expected;

	if (exchange->method == METHOD_HEAD)
		return;
	if (served > 0)
		assert_int_equal(f->last_nonce, expected); /* that of the refusal itself */
	expected = f->given;
	if (++served <= 11)
		fake_problem(exchange, 400, "badNonce");
	else
		fake_answer(exchange, 200, "{}");
}

static void test_bad_nonce(void **state)
{
	(void)state;
	begin(serve_bad_nonce);
	assert_int_equal(run(1, 1000), 0);
	assert_int_equal(done_well, 1);
	assert_int_equal(fake.posts, 12);
	assert_int_equal(fake.heads, 1);
	assert_int_equal(fake.now, 1000);
}

static void serve_never_right(struct fake *f, struct exchange *exchange)
{
	(void)f;
	if (exchange->method == METHOD_HEAD)
		return;
	fake_problem(exchange, 400, "badNonce");
	exchange->nonce[0] = '\0';
}

static void test_bad_nonce_forever(void **state)
{
	(void)state;
	begin(serve_never_right);
	assert_int_equal(run(3, 1000), 0);
	assert_int_equal(done_badly, 3);
	assert_int_equal(told.kind, FAULT_LATER);
	assert_int_equal(fake.posts, 3 * 12);
	assert_true(fake.heads >= 3 * 12); /* those answers brought no nonce */
}

static void serve_no_nonce(struct fake *f, struct exchange *exchange)
{
	(void)f;
	exchange->nonce[0] = '\0';
}

static void test_no_nonce(void **state)
{
	(void)state;
	begin(serve_no_nonce);
	assert_int_equal(run(5, 600000), 0);
	assert_int_equal(done_badly, 5);
	assert_int_equal(told.kind, FAULT_LATER);
	assert_non_null(strstr(told.text, "nonce"));
	assert_int_equal(fake.posts, 0);
	assert_int_equal(acme_gather_nonces(acme, 3, &fault), -1);
}

static const char *nonce_wait;

/* newNonce is limited, and nothing else. */
static void serve_few_nonces(struct fake *f, struct exchange *exchange)
{
	(void)f;
	if (exchange->method != METHOD_HEAD || served) {
		fake_answer(exchange, 200, "{}");
		return;
	}
	fake_answer(exchange, 429, "");
	exchange->nonce[0] = '\0';
	exchange_header(exchange, "Retry-After", nonce_wait);
	served += !strcmp(nonce_wait, "7");
}

static void test_limited_nonces(void **state)
{
	(void)state;
	nonce_wait = "3600";
	begin(serve_few_nonces);
	assert_int_equal(run(3, 600000), 0);
	assert_int_equal(done_badly, 3);
	assert_int_equal(told.kind, FAULT_LATER);
	assert_non_null(strstr(told.text, "HTTP status 429 without Replay-Nonce; it asks to wait 3600 s"));
	assert_int_equal(acme_failure(acme).result, RESULT_LIMITED);
	assert_int_equal(acme_failure(acme).wait, 3600);
	assert_int_equal(fake.posts, 0);
	assert_int_equal(fake.heads, 1); /* the first answer is enough */
	begin(serve_few_nonces);
	assert_int_equal(acme_gather_nonces(acme, 1, &fault), -1);
	assert_int_equal(acme_failure(acme).result, RESULT_LIMITED);
	assert_int_equal(acme_failure(acme).wait, 3600);
	assert_int_equal(fake.heads, 1);
	/* What it may wait for, it waits for. */
	nonce_wait = "7";
	begin(serve_few_nonces);
	assert_int_equal(run(1, 600000), 0);
	assert_int_equal(done_well, 1);
	assert_int_equal(fake.heads, 2);
	assert_between(fake.now, 8000, 8010);
	begin(serve_few_nonces);
	assert_int_equal(acme_gather_nonces(acme, 1, &fault), 0);
	assert_between(fake.now, 8000, 8010);
}

static void serve_overloaded(struct fake *f, struct exchange *exchange)
{
	(void)f;
	if (exchange->method == METHOD_HEAD)
		return;
	if (++served == 3) {
		fake_answer(exchange, 200, "{}");
		return;
	}
	fake_answer(exchange, 503, "<html>");
	exchange_header(exchange, "Retry-After", "2");
}

static void test_retry_after(void **state)
{
	(void)state;
	begin(serve_overloaded);
	assert_int_equal(run(1, 600000), 0);
	assert_int_equal(done_well, 1);
	assert_between(fake.now, 5000, 5010);
}

static void serve_limited(struct fake *f, struct exchange *exchange)
{
	(void)f;
	if (exchange->method == METHOD_HEAD)
		return;
	fake_problem(exchange, 429, "rateLimited");
	exchange_header(exchange, "Retry-After", "999999999999999999999");
}

static void test_limited(void **state)
{
	(void)state;
	begin(serve_limited);
	assert_int_equal(run(1, 600000), 0);
	assert_int_equal(fake.posts, 1);
	assert_int_equal(told.kind, FAULT_LATER);
	assert_non_null(strstr(told.text, "so it is"));
	assert_non_null(strstr(told.text, "wait"));
	assert_int_equal(fake.now, 1000);
}

static void serve_broken(struct fake *f, struct exchange *exchange)
{
	(void)f;
	if (exchange->method == METHOD_HEAD)
		return;
	exchange->status = 0;
	exchange->nonce[0] = '\0';
	exchange->kind = ++served % 100 ? FAULT_LATER : FAULT_FAILED;
	snprintf(exchange->reason, sizeof(exchange->reason), "connection reset");
}

static void test_broken(void **state)
{
	(void)state;
	begin(serve_broken);
	assert_int_equal(run(1, 600000), 0);
	assert_int_equal(fake.posts, 4);
	assert_int_equal(told.kind, FAULT_LATER);
	assert_non_null(strstr(told.text, CA "x: connection reset"));
	served = 99;
	assert_int_equal(run(1, 600000), 0);
	assert_int_equal(fake.posts, 5);
	assert_int_equal(told.kind, FAULT_FAILED);
}

static void serve_stalled(struct fake *f, struct exchange *exchange)
{
	assert_int_equal(exchange->most, HURRY_MOST);
	f->now += exchange->most;
	if (exchange->method == METHOD_POST && ++served == 3) {
		fake_answer(exchange, 200, "{}");
		return;
	}
	exchange->status = 0;
	exchange->nonce[0] = '\0';
	exchange->kind = FAULT_LATER;
	exchange->stalled = true;
	if (exchange->method == METHOD_HEAD) {
		exchange->status = 200;
		snprintf(exchange->nonce, sizeof(exchange->nonce), "N%u", f->given);
	}
}

/* A port is open: an exchange that stalls is given up soon and repeated at once. */
static void test_hurry(void **state)
{
	(void)state;
	begin(serve_stalled);
	acme_hurry(acme, true);
	assert_int_equal(run(1, 600000), 0);
	assert_int_equal(done_well, 1);
	assert_int_equal(served, 3);
	assert_int_equal(fake.now, 1000 + (served + fake.heads) * HURRY_MOST);
}

static void serve_late(struct fake *f, struct exchange *exchange)
{
	(void)f;
	if (exchange->method == METHOD_HEAD)
		return;
	fake_problem(exchange, 503, "serverInternal");
	exchange_header(exchange, "Retry-After", "5");
}

/* While a port is open the client does not wait as long as it would otherwise. */
static void test_no_wait_in_a_hurry(void **state)
{
	(void)state;
	begin(serve_late);
	acme_hurry(acme, true);
	assert_int_equal(run(1, 600000), 0);
	assert_int_equal(told.kind, FAULT_LATER);
	assert_int_equal(fake.now, 1000);
	acme_hurry(acme, false);
	assert_int_equal(run(1, 600000), 0);
	assert_int_equal(fake.now, 1000 + 3 * 5000);
}

static void serve_redirect(struct fake *f, struct exchange *exchange)
{
	(void)f;
	if (exchange->method == METHOD_HEAD)
		return;
	fake_answer(exchange, 302, "<html>");
	exchange_header(exchange, "Location", "https://elsewhere.example/");
}

static void test_redirect(void **state)
{
	(void)state;
	begin(serve_redirect);
	assert_int_equal(run(1, 600000), 0);
	assert_int_equal(told.kind, FAULT_FAILED);
	assert_non_null(strstr(told.text, "testing: the CA redirects to https://elsewhere.example/ (HTTP status 302)"));
}

static void serve_redirected_nonce(struct fake *f, struct exchange *exchange)
{
	(void)f;
	exchange->status = 301;
	exchange->nonce[0] = '\0';
}

/* Every failure names its step. */
static void test_steps(void **state)
{
	void (*const serve[])(struct fake * fake, struct exchange * exchange) = { serve_broken,		  serve_limited,
										  serve_redirect,	  serve_never_right,
										  serve_redirected_nonce, serve_late };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(serve); i++) {
		begin(serve[i]);
		assert_int_equal(run(1, 600000), 0);
		assert_int_equal(strncmp(told.text, "testing: ", 9), 0);
	}
	begin(serve_redirected_nonce);
	assert_int_equal(run(1, 600000), 0);
	assert_non_null(strstr(told.text, "a redirect"));
	begin(serve_well);
	fake.silent = true;
	assert_int_equal(run(1, 3000), 0);
	assert_string_equal(told.text, "testing: " CA "x: no final answer of the CA within 3.0 s");
}

static void test_deadline(void **state)
{
	(void)state;
	begin(serve_well);
	assert_int_equal(acme_gather_nonces(acme, 10, &fault), 0);
	fake.silent = true;
	assert_int_equal(run(10, 3000), 0);
	assert_int_equal(done_badly, 10);
	assert_int_equal(told.kind, FAULT_LATER);
	assert_int_equal(fake.now, 4000);
	assert_int_equal(fake.cancelled, 10);
	fake.silent = false;
	assert_int_equal(run(10, 3000), 0);
	assert_int_equal(done_well, 10);
}

static void test_stop(void **state)
{
	(void)state;
	begin(serve_well);
	fake.stop_after = 20;
	assert_int_equal(run(50, 3000), -1);
	assert_string_equal(fault.text, "stop");
	assert_int_equal(done_badly, 0);
}

static void test_no_key(void **state)
{
	(void)state;
	begin(serve_well);
	fake.unsigned_after = 5;
	assert_int_equal(run(50, 3000), -1);
	assert_string_equal(fault.text, "no key");
}

static void test_presigned(void **state)
{
	struct acme_call calls[30];

	(void)state;
	begin(serve_well);
	memset(calls, 0, sizeof(calls));
	for (size_t i = 0; i < LENGTH_OF(calls); i++) {
		calls[i].url = CA "x";
		calls[i].done = take;
	}
	assert_int_equal(acme_gather_nonces(acme, LENGTH_OF(calls), &fault), 0);
	assert_int_equal(fake.heads, LENGTH_OF(calls));
	assert_int_equal(fake.most_in_flight, LENGTH_OF(calls));
	assert_int_equal(acme_presign(acme, calls, LENGTH_OF(calls), &fault), 0);
	assert_int_equal(fake.signatures, LENGTH_OF(calls));
	assert_int_equal(acme_run(acme, calls, LENGTH_OF(calls), 1000, &fault), 0);
	assert_int_equal(done_well, LENGTH_OF(calls));
	assert_int_equal(fake.signatures, LENGTH_OF(calls));
	assert_int_equal(fake.heads, LENGTH_OF(calls));
	assert_int_equal(acme_gather_nonces(acme, 1000000, &fault), 0);
}

static void serve_garbage(struct fake *f, struct exchange *exchange)
{
	(void)f;
	if (exchange->method == METHOD_HEAD)
		return;
	fake_answer(exchange, 200, "\xff\xfe{{{{");
}

static void test_garbage_directory(void **state)
{
	int64_t date;

	(void)state;
	begin(serve_garbage);
	assert_int_equal(directory_fetch(acme, CA "dir", &date, &fault), -1);
	assert_int_equal(fault.kind, FAULT_FAILED);
	assert_non_null(strstr(fault.text, CA "dir"));
}

static void test_problem_actions(void **state)
{
	struct problem problem = { .type = PROBLEM_OTHER };

	(void)state;
	assert_int_equal(problem_action(404, &problem), ACTION_FAIL);
	assert_int_equal(problem_action(429, &problem), ACTION_BACK_OFF);
	assert_int_equal(problem_action(503, &problem), ACTION_BACK_OFF);
	assert_int_equal(problem_action(500, &problem), ACTION_RETRY);
	problem.type = PROBLEM_BAD_NONCE;
	assert_int_equal(problem_action(400, &problem), ACTION_NEW_NONCE);
	problem.type = PROBLEM_USER_ACTION_REQUIRED;
	assert_int_equal(problem_action(403, &problem), ACTION_ASK_OPERATOR);
}

/* --- accounts ------------------------------------------------------------------------------------------------------
 */

static const char *directory_text;
static bool account_exists, account_made;

static void serve_accounts(struct fake *f, struct exchange *exchange)
{
	if (exchange->method == METHOD_GET)
		fake_answer(exchange, 200, directory_text);
	if (exchange->method != METHOD_POST)
		return;
	assert_non_null(strstr(f->header, "\"jwk\":{\"crv\":\"P-256\"}"));
	if (strstr(f->payload, "onlyReturnExisting") && !account_exists) {
		fake_problem(exchange, 400, "accountDoesNotExist");
		return;
	}
	fake_answer(exchange, account_exists ? 200 : 201, "{\"status\":\"valid\",\"contact\":null,\"orders\":7}");
	exchange_header(exchange, "Location", CA "acct/7");
}

static int register_account(bool accept, const char *kid)
{
	static struct config config;
	int64_t date;

	memset(&config, 0, sizeof(config));
	config.acme.accept_terms = accept;
	snprintf(config.acme.eab_kid, sizeof(config.acme.eab_kid), "%s", kid);
	snprintf(config.acme.contact, sizeof(config.acme.contact), "me@a.example");
	begin(serve_accounts);
	acme_set_account(acme, "");
	assert_int_equal(directory_fetch(acme, CA "dir", &date, &fault), 0);
	return account_register(acme, &config, &account_made, &fault);
}

#define DIRECTORY "{\"newNonce\":\"" CA "n\",\"newAccount\":\"" CA "a\",\"newOrder\":\"" CA "o\""

static void test_terms(void **state)
{
	(void)state;
	directory_text = DIRECTORY ",\"meta\":{\"termsOfService\":\"" CA "terms.pdf\"}}";
	account_exists = false;
	assert_int_equal(register_account(false, ""), -1);
	assert_non_null(strstr(fault.text, CA "terms.pdf"));
	assert_non_null(strstr(fault.text, "accept_terms = yes"));
	assert_string_equal(acme_account(acme), "");
	assert_int_equal(register_account(true, ""), 0);
	assert_true(account_made);
	assert_string_equal(acme_account(acme), CA "acct/7");
	assert_non_null(strstr(fake.payload, "\"termsOfServiceAgreed\":true"));
	assert_non_null(strstr(fake.payload, "mailto:me@a.example"));
	account_exists = true; /* agreed to some other time */
	assert_int_equal(register_account(false, ""), 0);
	assert_false(account_made);
	assert_null(strstr(fake.payload, "termsOfServiceAgreed"));
	assert_string_equal(acme_account(acme), CA "acct/7");
}

static void test_binding(void **state)
{
	(void)state;
	directory_text = DIRECTORY ",\"meta\":{\"externalAccountRequired\":true}}";
	account_exists = false;
	assert_int_equal(register_account(true, ""), -1);
	assert_non_null(strstr(fault.text, "eab_kid"));
	assert_int_equal(register_account(true, "kid-1"), 0);
	assert_int_equal(fake.bindings, 1);
	assert_non_null(strstr(fake.payload, "\"externalAccountBinding\":{\"protected\":\""));
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_many),
		TEST(test_none),
		TEST(test_bad_nonce),
		TEST(test_bad_nonce_forever),
		TEST(test_no_nonce),
		TEST(test_limited_nonces),
		TEST(test_retry_after),
		TEST(test_limited),
		TEST(test_broken),
		TEST(test_hurry),
		TEST(test_no_wait_in_a_hurry),
		TEST(test_redirect),
		TEST(test_steps),
		TEST(test_deadline),
		TEST(test_stop),
		TEST(test_no_key),
		TEST(test_presigned),
		TEST(test_problem_actions),
		TEST(test_terms),
		TEST(test_binding),
		TEST(test_garbage_directory),
	};

	return cmocka_run_group_tests_name("acme", tests, NULL, NULL);
}
