// SPDX-License-Identifier: GPL-3.0-or-later
/* The client between warden, signer and responder, whose words are in its channels before it begins: refusals, nonsense, ends of channels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "logged.h"

#include "agent/agent.h"
#include "agent/channel.c"
#include "agent/questions.c"
#include "agent/session.c"
#include "agent/validation.c"

static const int number[] = { FD_WARDEN, FD_SIGNER, FD_RESPONDER };
enum peer { WARDEN, SIGNER, RESPONDER, PEERS };

static int peer[PEERS];
static struct config *config;
static struct fault fault;

static int join_peers(void **state)
{
	int ends[2];

	(void)state;
	for (int i = 0; i < PEERS; i++) {
		if (wire_pair(ends, &fault) < 0 || dup2(ends[0], number[i]) < 0)
			return -1;
		close(ends[0]);
		peer[i] = ends[1];
	}
	config = calloc(1, sizeof(*config));
	if (!config)
		return -1;
	config->certificates = 2;
	config->gate.max_open = 60;
	snprintf(config->acme.directory, sizeof(config->acme.directory), "https://127.0.0.1:1/directory"); /* where nobody listens */
	memset(&fault, 0, sizeof(fault));
	log_text[0] = '\0';
	silent = 0;
	return 0;
}

static int part_peers(void **state)
{
	(void)state;
	for (int i = 0; i < PEERS; i++) {
		close_fd(&peer[i]);
		if (dup2(STDIN_FILENO, number[i]) < 0) /* nobody else gets the number */
			return -1;
	}
	free(config);
	return 0;
}

static void say(enum peer who, enum verb verb, uint32_t index, const void *data, size_t length)
{
	assert_int_equal(wire_send(peer[who], verb, index, data, length, &fault), 0);
}

static void say_work(void)
{
	const struct work work = { .wanted = { 0, 1 } };

	say(WARDEN, VERB_WORK, 0, &work, sizeof(work));
}

static void assert_ends(int status, const char *words)
{
	assert_int_equal(client_main(config), status);
	assert_logged(words);
}

static void assert_fault(enum fault_kind kind, const char *words)
{
	if (fault.kind != kind || !strstr(fault.text, words))
		fail_msg("%d: %s", fault.kind, fault.text);
}

/* The next record that the client has sent to that peer. */
static const struct record *heard(enum peer who, enum verb verb)
{
	static struct record told;

	assert_int_equal(wire_receive(peer[who], &told, &fault), 1);
	assert_int_equal(told.verb, verb);
	return &told;
}

/* --- the beginning ------------------------------------------------------------------------------------------------ */

static void nothing_to_do(void **state)
{
	const struct work none = { .wanted = { 0, 3 } }; /* 1 and 2 are a yes */

	(void)state;
	say(WARDEN, VERB_WORK, 0, &none, sizeof(none));
	assert_ends(STATUS_DONE, "");
	assert_false(is_readable(peer[SIGNER]));
}

static void a_warden_that_does_not_give_work(void **state)
{
	const struct closed closed = { 0 };

	(void)state;
	say(WARDEN, VERB_REFUSED, 0, "no", 2);
	assert_ends(STATUS_FAILED, "the warden says REFUSED");
	say(WARDEN, VERB_CLOSED, 0, &closed, sizeof(closed));
	assert_ends(STATUS_FAILED, "the warden has closed the port before the validations ended");
	assert_int_equal(send(peer[WARDEN], "x", 1, 0), 1);
	assert_ends(STATUS_FAILED, "a record of 1 bytes is too short");
	close_fd(&peer[WARDEN]);
	assert_ends(STATUS_FAILED, "the warden has ended");
}

static void a_signer_without_an_account(void **state)
{
	(void)state;
	say_work();
	say(SIGNER, VERB_FAULT, FAULT_LATER, "no disk", 7);
	say(SIGNER, VERB_REPLY, 0, NULL, 0); /* to OUTCOME */
	assert_ends(STATUS_LATER, "account key: no disk");
	heard(SIGNER, VERB_ACCOUNT);
	say_work();
	say(SIGNER, VERB_FAULT, 1000 % MAX_CERTIFICATES, "no kind", 7); /* a kind that there is not is a failure */
	say(SIGNER, VERB_REPLY, 0, NULL, 0);				/* to OUTCOME */
	assert_ends(STATUS_FAILED, "account key: no kind");
	say_work();
	say(SIGNER, VERB_READY, 0, NULL, 0);
	say(SIGNER, VERB_REPLY, 0, NULL, 0); /* to OUTCOME */
	assert_ends(STATUS_FAILED, "account key: the signer answers ACCOUNT with READY");
	say_work();
	say(SIGNER, VERB_REPLY, 0, "abc", 3);
	say(SIGNER, VERB_REPLY, 0, NULL, 0); /* to OUTCOME */
	assert_ends(STATUS_FAILED, "the signer answers ACCOUNT with 3 bytes");
	say_work();
	assert_int_equal(send(peer[SIGNER], "x", 1, 0), 1);
	assert_ends(STATUS_FAILED, "account key: the signer: a record of 1 bytes is too short");
	silent = 0;
	say_work();
	(void)shutdown(peer[SIGNER], SHUT_WR);
	assert_ends(STATUS_FAILED, "account key: the signer has ended");
}

static void a_ca_that_is_not_there(void **state)
{
	const struct account account = { .algorithm = "ES256", .jwk = "{}", .thumbprint = "print" };

	(void)state;
	say_work();
	say(SIGNER, VERB_REPLY, 0, &account, sizeof(account));
	say(SIGNER, VERB_REPLY, 0, NULL, 0); /* to OUTCOME */
	assert_ends(STATUS_LATER, "https://127.0.0.1:1/directory");
	assert_false(is_readable(peer[WARDEN])); /* no port is asked for */
}

/* --- the signer's answers ----------------------------------------------------------------------------------------- */

static void what_is_to_be_signed(void **state)
{
	const struct draft *draft;
	char long_one[URL_SIZE + 1], *text;

	(void)state;
	say(SIGNER, VERB_REPLY, 0, "signed", 6);
	text = sign(NULL, true, "https://ca.example/new", "nonce", "{}", &fault);
	assert_string_equal(text, "signed");
	free(text);
	draft = (const void *)heard(SIGNER, VERB_SIGN)->data;
	assert_string_equal(draft->url, "https://ca.example/new");
	assert_string_equal(draft->nonce, "nonce");
	assert_string_equal(draft->payload, "{}");
	assert_int_equal(draft->by_key, 1);
	say(SIGNER, VERB_REPLY, 0, "signed", 6);
	free(sign(NULL, false, "https://ca.example/new", "nonce", NULL, &fault));
	assert_int_equal(heard(SIGNER, VERB_SIGN)->length, sizeof(struct draft));
	memset(long_one, 'x', URL_SIZE);
	long_one[URL_SIZE] = '\0';
	assert_null(sign(NULL, true, long_one, "nonce", "{}", &fault));
	assert_fault(FAULT_FAILED, "the CA's URL or nonce is too long");
	assert_null(sign(NULL, true, "https://ca.example/new", long_one, "{}", &fault));
	assert_fault(FAULT_FAILED, "the CA's URL or nonce is too long");
	assert_false(is_readable(peer[SIGNER]));
	say(SIGNER, VERB_FAULT, FAULT_FAILED, "no key", 6);
	assert_null(sign(NULL, true, "https://ca.example/new", "nonce", "{}", &fault));
	assert_fault(FAULT_FAILED, "no key");
}

static void what_else_the_signer_is_asked(void **state)
{
	struct session session = { .config = config };
	const void *der;
	size_t length;
	char *text;

	(void)state;
	say(SIGNER, VERB_REPLY, 0, "binding", 7);
	text = bind_account(NULL, "https://ca.example/account", &fault);
	assert_string_equal(text, "binding");
	free(text);
	say(SIGNER, VERB_FAULT, FAULT_USAGE, "no key file", 11);
	assert_null(bind_account(NULL, "https://ca.example/account", &fault));
	assert_fault(FAULT_USAGE, "no key file");
	say(SIGNER, VERB_REPLY, 0, "der", 3);
	assert_int_equal(request(NULL, 1, &der, &length, &fault), 0);
	assert_int_equal(length, 3);
	assert_memory_equal(der, "der", 3);
	say(SIGNER, VERB_FAULT, FAULT_FAILED, "no", 2);
	assert_int_equal(request(NULL, 1, &der, &length, &fault), -1);
	say(SIGNER, VERB_REPLY, 0, NULL, 0);
	assert_int_equal(install(&session, 1, "pem", 3, &fault), 0);
	say(SIGNER, VERB_FAULT, FAULT_FAILED, "no room", 7);
	assert_int_equal(install(&session, 1, "pem", 3, &fault), -1);
	assert_fault(FAULT_FAILED, "no room");
	say(SIGNER, VERB_REPLY, 0, "\1", 1);
	assert_int_equal(prefers(NULL, 1, "pem", 3, &fault), 1);
	say(SIGNER, VERB_REPLY, 0, "\0", 1);
	assert_int_equal(prefers(NULL, 1, "pem", 3, &fault), 0);
	say(SIGNER, VERB_REPLY, 0, "\1\1", 2);
	assert_int_equal(prefers(NULL, 1, "pem", 3, &fault), 0);
	say(SIGNER, VERB_FAULT, FAULT_FAILED, "no", 2);
	assert_int_equal(prefers(NULL, 1, "pem", 3, &fault), -1);
}

/* --- while it waits for the CA ------------------------------------------------------------------------------------ */

/* Its answer would be taken for that to the next question. */
static void a_signer_out_of_step_is_asked_nothing_more(void **state)
{
	char text[8];

	(void)state;
	assert_int_equal(write(peer[SIGNER], "x", 1), 1);
	assert_int_equal(questions_ask(VERB_PLACED, 0, "url", 3, &fault), -1);
	assert_fault(FAULT_FAILED, "the signer: ");
	assert_int_equal(recv(peer[SIGNER], text, sizeof(text), MSG_TRUNC) > 0, 1);
	say(SIGNER, VERB_REPLY, 0, NULL, 0);
	assert_int_equal(questions_ask(VERB_PLACED, 0, "url", 3, &fault), -1);
	assert_fault(FAULT_FAILED, "the signer has not answered before");
	assert_int_equal(recv(peer[SIGNER], text, sizeof(text), MSG_DONTWAIT), -1);
}

static void a_warden_that_speaks_unasked(void **state)
{
	struct session session = { .config = config, .http = http_start(-1, "", &fault) };
	struct exchange *exchange;

	(void)state;
	assert_non_null(session.http);
	assert_int_equal(next(&session, 0, &exchange, &fault), 0);
	say(WARDEN, VERB_OPENED, 0, NULL, 0);
	assert_int_equal(next(&session, 60000, &exchange, &fault), -1);
	assert_fault(FAULT_FAILED, "the warden says OPENED");
	close_fd(&peer[WARDEN]);
	assert_int_equal(next(&session, 60000, &exchange, &fault), -1);
	assert_fault(FAULT_FAILED, "the warden has ended");
	http_free(session.http);
}

/* A refusal is an answer only to the question whether the port may be opened. */
static void a_refusal(void **state)
{
	(void)state;
	say(WARDEN, VERB_REFUSED, 0, "no", 2);
	assert_int_equal(session_hear(VERB_OPENED, &fault), 1);
	say(WARDEN, VERB_OPENED, 0, NULL, 0);
	assert_int_equal(session_hear(VERB_OPENED, &fault), 0);
	say(WARDEN, VERB_REFUSED, 0, "no", 2);
	assert_int_equal(session_hear(VERB_CLOSED, &fault), -1);
	assert_fault(FAULT_FAILED, "the warden says REFUSED");
}

/* Only the numbers are missed. */
static void a_responder_that_has_gone_mad(void **state)
{
	struct session session = { .config = config };
	const struct hit hit = { .token = "token", .address = "192.0.2.1" };

	(void)state;
	for (int i = 0; i <= HITS_AT_ONCE; i++)
		say(RESPONDER, VERB_HIT, 0, &hit, sizeof(hit));
	session_drain_hits(&session);
	assert_false(session.deaf);
	assert_true(is_readable(FD_RESPONDER)); /* the rest is for the next time */
	session_drain_hits(&session);
	assert_false(is_readable(FD_RESPONDER));
	say(RESPONDER, VERB_READY, 0, NULL, 0);
	session_drain_hits(&session);
	assert_true(session.deaf);
	session.deaf = false;
	close_fd(&peer[RESPONDER]);
	session_drain_hits(&session);
	assert_true(session.deaf);
}

static void it_gives_up_before_the_warden_has_to(void **state)
{
	struct session session = { .config = config };

	(void)state;
	assert_int_equal(window_most(&session), 58000);
	session.stood = 20000; /* another window was open for so long */
	assert_int_equal(window_most(&session), 38000);
	config->gate.max_open = 3;
	session.stood = 0;
	assert_int_equal(window_most(&session), 1500);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, join_peers, part_peers)
	const struct CMUnitTest tests[] = {
		TEST(nothing_to_do),
		TEST(a_warden_that_does_not_give_work),
		TEST(a_signer_without_an_account),
		TEST(a_ca_that_is_not_there),
		TEST(what_is_to_be_signed),
		TEST(what_else_the_signer_is_asked),
		TEST(a_signer_out_of_step_is_asked_nothing_more),
		TEST(a_warden_that_speaks_unasked),
		TEST(a_refusal),
		TEST(a_responder_that_has_gone_mad),
		TEST(it_gives_up_before_the_warden_has_to),
	};

	for (int i = 0; i < PEERS; i++)
		if (dup2(STDIN_FILENO, number[i]) < 0 || dup2(STDIN_FILENO, FD_CONFIG) < 0)
			return 1;
	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
