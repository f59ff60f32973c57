// SPDX-License-Identifier: GPL-3.0-or-later
/* Orders, authorizations and challenges against a CA of one screen that can be told to misbehave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake_transport.h"
#include "issue.h"

#define NAMES	     3 /* per certificate */
#define CERTIFICATES 2

static struct config config;
static struct acme *acme;
static struct proofs proofs;
static struct issue issues[CERTIFICATES];
static struct fault fault;

/* What the CA does; zero is the well-behaved one that offers everything at the first look. */
static struct {
	const char *order_state, *authorization_state;
	int pending_looks; /* of each authorization, before it is final */
	const char *final;
	const char *retry_after;
	const char *challenge_state;
	bool answer_refused; /* "malformed" */
	bool wrong_names, no_authorizations, no_account, no_http_01, foreign_authorization;
	int stale_orders; /* new orders whose authorizations are old and lost */
	int not_ready;	  /* finalize says so */
	int processing;	  /* looks at the order before it is valid */
	unsigned int orders, finalizes, answers, looks, installs;
	bool answered[1000];
	int seen[1000];
} ca;

static int request(void *context, uint32_t index, const void **der, size_t *length, struct fault *why)
{
	(void)context;
	(void)why;
	assert_in_range(index, 0, CERTIFICATES - 1);
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
	return index == 1 && config.certificate[1].chain[0] ? fault_set(why, FAULT_FAILED, "not our key") : 0;
}

static void send_order(struct exchange *exchange, unsigned int status, unsigned int id, unsigned int certificate,
		       const char *state)
{
	char text[4096];
	size_t used = (size_t)snprintf(text, sizeof(text),
				       "{\"status\":\"%s\",\"finalize\":\"" CA "finalize/%u\","
				       "\"certificate\":%s" CA "chain/%u%s,\"identifiers\":[",
				       state, id, strcmp(state, "valid") ? "null,\"x\":\"" : "\"", id, "\"");

	for (unsigned int i = NAMES; i-- > 0;) /* in another order than asked */
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s{\"type\":\"dns\",\"value\":\"%s\"}",
					 i + 1 < NAMES ? "," : "",
					 ca.wrong_names ? "evil.example" : config.name[certificate * NAMES + i]);
	used += (size_t)snprintf(text + used, sizeof(text) - used, "],\"authorizations\":[");
	for (unsigned int i = 0; i < NAMES && !ca.no_authorizations; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\"" CA "authz/%u\"", i ? "," : "",
					 id * 10 + certificate * NAMES + i);
	snprintf(text + used, sizeof(text) - used, "]}");
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
	snprintf(location, sizeof(location), CA "orders/%u", ++ca.orders * 10 + certificate);
	exchange_header(exchange, "Location", location);
	send_order(exchange, 201, ca.orders, certificate, ca.order_state ? ca.order_state : "pending");
}

static void authorization(struct exchange *exchange, unsigned int id)
{
	const char *state = ca.authorization_state ? ca.authorization_state : "pending";
	char text[1024];

	assert_true(id < LENGTH_OF(ca.seen));
	if ((ca.answered[id] || ca.challenge_state) && ++ca.seen[id] > ca.pending_looks)
		state = ca.final ? ca.final : "valid";
	if (id / 10 <= (unsigned int)ca.stale_orders)
		state = "deactivated";
	ca.looks++;
	snprintf(text, sizeof(text),
		 "{\"status\":\"%s\",\"identifier\":{\"type\":\"dns\",\"value\":\"%s\"},\"challenges\":["
		 "{\"type\":\"dns-persist-01\",\"url\":\"" CA "p\"},{\"type\":\"%s\",\"url\":\"" CA
		 "answer/%u\",\"token\":\"T%u\","
		 "\"status\":\"%s\"%s}]}",
		 state, ca.foreign_authorization ? "evil.example" : config.name[id % 10],
		 ca.no_http_01 ? "http-02" : "http-01", id, id, ca.challenge_state ? ca.challenge_state : "pending",
		 strcmp(state, "invalid") ? ""
					  : ",\"error\":{\"type\":\"urn:ietf:params:acme:error:connection\",\"detail\":"
					    "\"timeout\"}");
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

static void serve(struct fake *f, struct exchange *exchange)
{
	unsigned int id;

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
		ca.answered[id] = true;
		if (ca.answer_refused)
			fake_problem(exchange, 400, "malformed");
		else
			fake_answer(exchange, 200, "{\"status\":\"processing\"}");
	} else if (sscanf(exchange->url, CA "finalize/%u", &id) == 1) {
		finalize(exchange, id);
	} else if (sscanf(exchange->url, CA "orders/%u", &id) == 1) {
		send_order(exchange, 200, id / 10, id % 10,
			   ca.processing-- > 0 ? "processing"
			   : ca.finalizes      ? "valid"
					       : "ready");
	} else {
		assert_int_equal(sscanf(exchange->url, CA "chain/%u", &id), 1);
		fake_answer(exchange, 200, "PEM 7");
	}
}

static int setup(void **state)
{
	static const struct issue_keeper keeper = {NULL, request, install};

	(void)state;
	memset(&ca, 0, sizeof(ca));
	memset(&config, 0, sizeof(config));
	memset(issues, 0, sizeof(issues));
	config.certificates = CERTIFICATES;
	config.names = CERTIFICATES * NAMES;
	for (unsigned int i = 0; i < config.names; i++)
		snprintf(config.name[i], NAME_SIZE, "n%u.example", i);
	for (uint32_t i = 0; i < CERTIFICATES; i++) {
		config.certificate[i].first_name = i * NAMES;
		config.certificate[i].names = NAMES;
		issues[i].config = &config;
		issues[i].keeper = &keeper;
		issues[i].index = i;
	}
	acme = fake_start(serve);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < CERTIFICATES; i++)
		issue_free(&issues[i]);
	proofs_free(&proofs);
	acme_free(acme);
	return 0;
}

/* Everything that the client does, with a window of so many milliseconds. */
static void run_all(int64_t window)
{
	assert_int_equal(issue_place(issues, CERTIFICATES, acme, &proofs, &fault), 0);
	assert_int_equal(proofs_arm(&proofs, acme, &fault), 0);
	assert_int_equal(proofs_answer(&proofs, acme, window, &fault), 0);
	issue_judge(issues, CERTIFICATES, &proofs);
	assert_int_equal(issue_finish(issues, CERTIFICATES, acme, 100000, &fault), 0);
}

static void all_failed(enum fault_kind kind, const char *text)
{
	for (size_t i = 0; i < CERTIFICATES; i++) {
		assert_int_equal(issues[i].fault.kind, kind);
		assert_non_null(strstr(issues[i].fault.text, text));
		assert_false(issues[i].stored);
	}
	assert_int_equal(ca.installs, 0);
}

static void test_all_well(void **state)
{
	(void)state;
	ca.pending_looks = 2;
	run_all(10000);
	assert_true(issues[0].stored && issues[1].stored);
	assert_int_equal(ca.answers, CERTIFICATES * NAMES);
	assert_int_equal(proofs.pending, CERTIFICATES * NAMES);
}

static void test_already_valid(void **state)
{
	(void)state;
	ca.order_state = "ready";
	ca.authorization_state = "valid";
	run_all(10000);
	assert_true(issues[0].stored && issues[1].stored);
	assert_int_equal(proofs.pending, 0);
}

static void test_backoff(void **state)
{
	(void)state;
	ca.pending_looks = 6; /* 5 + 5 + 10 + 20 + 40 + 80 + 160 ms */
	run_all(10000);
	assert_true(issues[0].stored);
	assert_in_range(fake.now, 1000 + 320, 1000 + 320 + 50);
}

static void test_retry_after_in_window(void **state)
{
	(void)state;
	ca.pending_looks = 2;
	ca.retry_after = "86400"; /* the port is open: 5 s at most */
	run_all(30000);
	assert_true(issues[0].stored);
	assert_in_range(fake.now, 1000 + 10005, 1000 + 10005 + 100);
}

static void test_never_final(void **state)
{
	(void)state;
	ca.pending_looks = 1000000;
	run_all(20000);
	all_failed(FAULT_LATER, "20.0 s");
	assert_int_equal(fake.now, 21000);
}

static void test_invalid(void **state)
{
	struct hit hit = {"T10", "192.0.2.7"};

	(void)state;
	ca.final = "invalid";
	assert_int_equal(issue_place(issues, CERTIFICATES, acme, &proofs, &fault), 0);
	for (int i = 0; i < 3; i++)
		proofs_hit(&proofs, &hit);
	snprintf(hit.address, sizeof(hit.address), "2001:db8::7");
	proofs_hit(&proofs, &hit);
	assert_int_equal(proofs_arm(&proofs, acme, &fault), 0);
	assert_int_equal(proofs_answer(&proofs, acme, 1000, &fault), 0);
	issue_judge(issues, CERTIFICATES, &proofs);
	all_failed(FAULT_FAILED, "connection: timeout");
	assert_non_null(strstr(issues[0].fault.text, "n0.example: "));
	assert_non_null(strstr(issues[0].fault.text, "4 requests from 192.0.2.7, 2001:db8::7 were answered"));
	assert_non_null(strstr(issues[1].fault.text, "no validation request reached this host"));
}

static void test_wrong_names(void **state)
{
	(void)state;
	ca.wrong_names = true;
	run_all(1000);
	all_failed(FAULT_FAILED, "other names");
	assert_int_equal(ca.answers, 0);
}

static void test_foreign_authorization(void **state)
{
	(void)state;
	ca.foreign_authorization = true;
	run_all(1000);
	all_failed(FAULT_FAILED, "evil.example");
	assert_int_equal(ca.answers, 0);
}

static void test_no_authorizations(void **state)
{
	(void)state;
	ca.no_authorizations = true;
	run_all(1000);
	all_failed(FAULT_FAILED, "no authorizations");
}

static void test_no_http_01(void **state)
{
	(void)state;
	ca.no_http_01 = true;
	run_all(1000);
	all_failed(FAULT_FAILED, "http-01");
	assert_int_equal(ca.answers, 0);
}

static void test_stale(void **state)
{
	(void)state;
	ca.stale_orders = 2; /* the first of each certificate */
	run_all(1000);
	assert_true(issues[0].stored && issues[1].stored);
	assert_int_equal(ca.orders, 4);
	assert_int_equal(ca.answers, CERTIFICATES * NAMES);
}

static void test_stale_forever(void **state)
{
	(void)state;
	ca.stale_orders = 90;
	run_all(1000);
	assert_int_equal(ca.orders, 4);
	all_failed(FAULT_FAILED, "deactivated");
}

static void test_no_account(void **state)
{
	(void)state;
	ca.no_account = true;
	assert_int_equal(issue_place(issues, CERTIFICATES, acme, &proofs, &fault), 0);
	assert_true(issue_lacks_account(issues, CERTIFICATES));
	assert_false(issue_lacks_account(issues, CERTIFICATES));
	ca.no_account = false;
	run_all(1000);
	assert_true(issues[0].stored && issues[1].stored);
}

static void test_not_ready(void **state)
{
	(void)state;
	ca.not_ready = 2;
	ca.processing = 3;
	run_all(1000);
	assert_true(issues[0].stored && issues[1].stored);
}

static void test_under_way(void **state)
{
	(void)state;
	ca.challenge_state = "processing";
	ca.pending_looks = 3;
	run_all(1000);
	assert_true(issues[0].stored && issues[1].stored);
	assert_int_equal(ca.answers, 0);
}

static void test_answer_refused(void **state)
{
	(void)state;
	ca.answer_refused = true; /* because the authorization is valid meanwhile */
	run_all(1000);
	assert_true(issues[0].stored && issues[1].stored);
}

static void test_answer_refused_for_good(void **state)
{
	(void)state;
	ca.answer_refused = true;
	ca.pending_looks = 1000;
	run_all(1000);
	all_failed(FAULT_FAILED, "malformed: so it is");
}

static void test_one_fails(void **state)
{
	(void)state;
	snprintf(config.certificate[1].chain, sizeof(config.certificate[1].chain), "x");
	run_all(1000);
	assert_true(issues[0].stored);
	assert_false(issues[1].stored);
	assert_string_equal(issues[1].fault.text, "not our key");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_well),
		TEST(test_already_valid),
		TEST(test_backoff),
		TEST(test_retry_after_in_window),
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
		TEST(test_under_way),
		TEST(test_answer_refused),
		TEST(test_answer_refused_for_good),
	};

	return cmocka_run_group_tests_name("issue", tests, NULL, NULL);
}
