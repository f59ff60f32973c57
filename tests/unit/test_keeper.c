// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "agent.h"
#include "base64url.h"
#include "crypto.h"
#include "log.h"
#include "tiny_ca.h"
#include "wire.h"

static struct config config;
static struct fault fault;
static struct record record;
static char path[PATH_SIZE];
static int warden, client;
static pid_t keeper;

static void in_keeper(const int wardens[2], const int clients[2])
{
	int state = open(path, O_PATH | O_DIRECTORY);

	/* The peers' ends: a keeper that held them would never see them close. */
	close(wardens[0]);
	close(clients[0]);
	/* Out of the way of the numbers that they are to get. */
	dup2(fcntl(wardens[1], F_DUPFD, 20), FD_WARDEN);
	dup2(fcntl(state, F_DUPFD, 20), 19);
	dup2(fcntl(clients[1], F_DUPFD, 20), FD_CLIENT);
	dup2(19, FD_STATE);
	dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
	for (int fd = FD_STATE + 1; fd < 64; fd++)
		close(fd);
	log_start("keeper", false);
	_exit(keeper_main(&config));
}

static void start(void)
{
	int wardens[2], clients[2];

	assert_int_equal(wire_pair(wardens, &fault), 0);
	assert_int_equal(wire_pair(clients, &fault), 0);
	keeper = fork();
	if (!keeper)
		in_keeper(wardens, clients);
	close(wardens[1]);
	close(clients[1]);
	warden = wardens[0];
	client = clients[0];
}

/* The exit status of the keeper once the warden has closed. */
static int stop_keeper(void)
{
	int status;

	close_fd(&warden);
	close_fd(&client);
	waitpid(keeper, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int begin(void **state)
{
	const char *temporary = getenv("TMPDIR");

	(void)state;
	memset(&config, 0, sizeof(config));
	snprintf(path, sizeof(path), "%s/acmegate-keeper-XXXXXX", temporary ? temporary : "/tmp");
	if (!mkdtemp(path))
		return -1;
	strcpy(config.gate.state, path);
	strcpy(config.acme.directory, "https://ca.example/directory");
	config.certificates = 2;
	config.certificate[0] = (struct certificate){ .name = "mail", .names = 2, .mode = 0600, .deploy = "/bin/true" };
	config.certificate[1] = (struct certificate){ .name = "vpn", .first_name = 2, .names = 1, .mode = 0600,
						      .key = KEY_P384 };
	config.names = 3;
	strcpy(config.name[0], "mail.example.org");
	strcpy(config.name[1], "192.0.2.1");
	strcpy(config.name[2], "vpn.example.org");
	return 0;
}

static int end(void **state)
{
	char command[PATH_SIZE + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	return system(command) ? -1 : 0;
}

static const struct record *take(int fd, enum verb verb)
{
	assert_int_equal(wire_receive(fd, &record, &fault), 1);
	assert_string_equal(verb_name(record.verb), verb_name(verb));
	return &record;
}

static struct survey survey(uint32_t index)
{
	struct survey survey;

	take(warden, VERB_SURVEY);
	assert_int_equal(record.index, index);
	memcpy(&survey, record.data, sizeof(survey));
	return survey;
}

static void start_fresh(void)
{
	start();
	for (uint32_t i = 0; i < config.certificates; i++)
		(void)survey(i);
}

static const struct record *ask(enum verb verb, uint32_t index, const void *data, size_t length, enum verb expected)
{
	assert_int_equal(wire_send(client, verb, index, data, length, &fault), 0);
	return take(client, expected);
}

static struct account ask_account(void)
{
	struct account account;

	memcpy(&account, ask(VERB_ACCOUNT, 0, NULL, 0, VERB_ANSWER)->data, sizeof(account));
	assert_int_equal(record.length, sizeof(account));
	return account;
}

/* Asks for a request and has it signed. */
static void obtain(uint32_t index, const struct tiny_order *order, char pem[TINY_PEM_SIZE])
{
	ask(VERB_CSR, index, NULL, 0, VERB_ANSWER);
	tiny_ca_issue((const unsigned char *)record.data, record.length, order, pem);
}

static void refused(enum verb verb, uint32_t index, const void *data, size_t length, const char *what)
{
	ask(verb, index, data, length, VERB_FAULT);
	assert_int_equal(record.index, FAULT_FAILED);
	assert_non_null(strstr(record.data, what));
}

static void surveys_then_waits(void **state)
{
	struct survey first, second;

	(void)state;
	start();
	first = survey(0);
	second = survey(1);
	assert_true(first.due && !first.present && !first.deploy && first.from > 0);
	assert_string_equal(first.reason, "there is no certificate yet");
	assert_true(second.due);
	close_fd(&client); /* was never needed */
	assert_int_equal(stop_keeper(), STATUS_DONE);
}

static void account_stays_the_same(void **state)
{
	struct account first, second;

	(void)state;
	start_fresh();
	first = ask_account();
	second = ask_account();
	assert_memory_equal(&first, &second, sizeof(first));
	assert_string_equal(first.algorithm, "ES256");
	assert_string_equal(first.url, "");
	assert_int_equal(strlen(first.thumbprint), 43);
	ask(VERB_ACCOUNT_URL, 0, "https://ca.example/acct/1", 25, VERB_ANSWER);
	assert_int_equal(record.length, 0);
	ask(VERB_SIGN, 0, "input", 5, VERB_ANSWER);
	assert_int_equal(record.length, 64);
	assert_int_equal(stop_keeper(), STATUS_DONE);

	start_fresh();
	second = ask_account();
	assert_string_equal(second.jwk, first.jwk);
	assert_string_equal(second.url, "https://ca.example/acct/1");
	refused(VERB_ACCOUNT_URL, 0, "https://ca.example/\n", 20, "URL");
	assert_int_equal(stop_keeper(), STATUS_DONE);
}

static void account_is_asked_for_first(void **state)
{
	(void)state;
	start_fresh();
	refused(VERB_SIGN, 0, "x", 1, "account");
	refused(VERB_ACCOUNT_URL, 0, "x", 1, "account");
	assert_int_equal(stop_keeper(), STATUS_DONE);
}

static void eab_is_an_hmac(void **state)
{
	static const unsigned char rfc4231_2[] = { 0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e };
	FILE *file;

	(void)state;
	snprintf(config.acme.eab_key_file, sizeof(config.acme.eab_key_file), "%.200s/eab", path);
	file = fopen(config.acme.eab_key_file, "w");
	fputs("SmVmZQ==\n", file); /* "Jefe" */
	fclose(file);
	chmod(config.acme.eab_key_file, 0600);
	start_fresh();
	ask(VERB_SIGN_EAB, 0, "what do ya want for nothing?", 28, VERB_ANSWER);
	assert_int_equal(record.length, 32);
	assert_memory_equal(record.data, rfc4231_2, sizeof(rfc4231_2));
	file = fopen(config.acme.eab_key_file, "w");
	fputs("not base64url!", file);
	fclose(file);
	ask(VERB_SIGN_EAB, 0, "x", 1, VERB_FAULT);
	assert_int_equal(record.index, FAULT_USAGE);
	chmod(config.acme.eab_key_file, 0666);
	ask(VERB_SIGN_EAB, 0, "x", 1, VERB_FAULT);
	assert_int_equal(record.index, FAULT_USAGE);
	assert_int_equal(stop_keeper(), STATUS_DONE);
}

static void a_certificate_is_installed(void **state)
{
	static char first[TINY_PEM_SIZE], second[TINY_PEM_SIZE];
	struct survey held;
	char byte;

	(void)state;
	start_fresh();
	obtain(0, &(struct tiny_order){ 0 }, first);
	obtain(1, &(struct tiny_order){ 0 }, second); /* several may be under way */
	ask(VERB_INSTALL, 0, first, strlen(first), VERB_ANSWER);
	assert_true(recv(warden, &byte, 1, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC) > 0); /* the warden was told first */
	assert_int_equal(take(warden, VERB_STORED)->index, 0);
	ask(VERB_INSTALL, 1, second, strlen(second), VERB_ANSWER);
	assert_int_equal(take(warden, VERB_STORED)->index, 1);
	refused(VERB_INSTALL, 0, first, strlen(first), "not asked for"); /* once */
	assert_int_equal(stop_keeper(), STATUS_DONE);

	start();
	held = survey(0);
	assert_true(!held.due && held.present && held.deploy && held.from > time(NULL));
	assert_memory_equal(held.reason, "valid until ", 12);
	held = survey(1);
	assert_true(!held.due && held.present && !held.deploy);
	assert_int_equal(wire_send(warden, VERB_DEPLOYED, 0, NULL, 0, &fault), 0);
	assert_int_equal(stop_keeper(), STATUS_DONE);

	strcpy(config.name[2], "other.example.org");
	config.certificate[0].key = KEY_RSA2048;
	start();
	held = survey(0);
	assert_true(held.due && held.present && !held.deploy);
	assert_non_null(strstr(held.reason, "type of key"));
	held = survey(1);
	assert_true(held.due && held.present);
	assert_non_null(strstr(held.reason, "names"));
	assert_int_equal(stop_keeper(), STATUS_DONE);
}

static void only_what_was_asked_for_is_installed(void **state)
{
	static char pem[TINY_PEM_SIZE], good[TINY_PEM_SIZE];

	(void)state;
	start_fresh();
	refused(VERB_INSTALL, 0, "x", 1, "not asked for");
	obtain(0, &(struct tiny_order){ 0 }, good);
	obtain(0, &(struct tiny_order){ .wrong_issuer = 1 }, pem); /* a new key takes the old one's place */
	refused(VERB_INSTALL, 0, good, strlen(good), "key");
	refused(VERB_INSTALL, 0, pem, strlen(pem), "link");
	refused(VERB_INSTALL, 0, "-----BEGIN CERTIFICATE-----", 27, "something else");
	obtain(0, &(struct tiny_order){ .san = "DNS:evil.example" }, pem);
	refused(VERB_INSTALL, 0, pem, strlen(pem), "names");
	refused(VERB_CSR, 2, NULL, 0, "no certificate 2");
	refused(VERB_INSTALL, 127, "x", 1, "no certificate 127");
	obtain(0, &(struct tiny_order){ 0 }, good);
	ask(VERB_INSTALL, 0, good, strlen(good), VERB_ANSWER);
	assert_int_equal(stop_keeper(), STATUS_DONE);
}

static void it_knows_the_preferred_chain(void **state)
{
	static char pem[TINY_PEM_SIZE];

	(void)state;
	strcpy(config.certificate[0].chain, "Tiny Root");
	strcpy(config.certificate[1].chain, "Tiny Intermediate");
	start_fresh();
	obtain(0, &(struct tiny_order){ 0 }, pem);
	ask(VERB_PREFERS, 0, pem, strlen(pem), VERB_ANSWER);
	assert_int_equal(record.length, 1);
	assert_int_equal(record.data[0], 1);
	ask(VERB_PREFERS, 1, pem, strlen(pem), VERB_ANSWER);
	assert_int_equal(record.length, 1);
	assert_int_equal(record.data[0], 0);
	refused(VERB_PREFERS, 0, "x", 1, "something else");
	refused(VERB_PREFERS, 2, pem, strlen(pem), "no certificate 2");
	ask(VERB_INSTALL, 0, pem, strlen(pem), VERB_ANSWER); /* the question has changed nothing */
	assert_int_equal(stop_keeper(), STATUS_DONE);
}

static bool has(const char *name)
{
	char file[2 * PATH_SIZE];

	snprintf(file, sizeof(file), "%s/%s", path, name);
	return access(file, F_OK) == 0;
}

static const char published[] = "www/.well-known/acme-challenge/one";

static void a_webroot_is_configured(void)
{
	config.responder.mode = RESPONDER_WEBROOT;
	snprintf(config.responder.webroot, sizeof(config.responder.webroot), "%.200s/www", path);
	mkdir(config.responder.webroot, 0755);
}

static void tokens_are_there_and_away(void **state)
{
	const struct token token = { "one", "one.thumbprint" }, bad = { "../one", "../one.thumbprint" };

	(void)state;
	start_fresh();
	refused(VERB_TOKEN, 0, &token, sizeof(token), "for the responder");
	ask(VERB_WITHDRAW, 0, NULL, 0, VERB_ANSWER);
	assert_int_equal(stop_keeper(), STATUS_DONE);

	a_webroot_is_configured();
	start_fresh();
	ask(VERB_TOKEN, 0, &token, sizeof(token), VERB_ANSWER);
	assert_int_equal(record.length, 0);
	assert_true(has(published) && has("webroot/one"));
	ask(VERB_WITHDRAW, 0, NULL, 0, VERB_ANSWER);
	assert_false(has("www/.well-known") || has("webroot/one") || has("webroot/.at"));
	ask(VERB_TOKEN, 0, &token, sizeof(token), VERB_ANSWER);
	refused(VERB_TOKEN, 0, &bad, sizeof(bad), "malformed");
	assert_true(has(published));
	assert_int_equal(stop_keeper(), STATUS_DONE);
	assert_false(has("www/.well-known") || has("webroot/one") || has("webroot/.at"));
}

/* It is the warden that knows whether the port is closed. */
static void tokens_outlive_the_client_not_the_warden(void **state)
{
	const struct token token = { "one", "one.thumbprint" };

	(void)state;
	a_webroot_is_configured();
	start_fresh();
	ask(VERB_TOKEN, 0, &token, sizeof(token), VERB_ANSWER);
	assert_int_equal(send(client, "garbage", 7, 0), 7);
	assert_int_equal(wire_receive(client, &record, &fault), 0);
	assert_true(has(published));
	assert_int_equal(stop_keeper(), STATUS_FAILED);
	assert_false(has("www/.well-known") || has("webroot/one") || has("webroot/.at"));
}

static void tokens_that_stay_are_an_error(void **state)
{
	const struct token token = { "one", "one.thumbprint" };
	char inner[2 * PATH_SIZE];

	(void)state;
	a_webroot_is_configured();
	start_fresh();
	ask(VERB_TOKEN, 0, &token, sizeof(token), VERB_ANSWER);
	snprintf(inner, sizeof(inner), "%s/%s", path, published);
	assert_int_equal(unlink(inner), 0);
	assert_int_equal(mkdir(inner, 0755), 0);
	refused(VERB_WITHDRAW, 0, NULL, 0, "removing the tokens");
	assert_true(has("webroot/one")); /* for who comes later */
	assert_int_equal(stop_keeper(), STATUS_FAILED);
	assert_true(has("webroot/one"));
}

static void a_rude_client_is_cut_off(void **state)
{
	(void)state;
	start_fresh();
	assert_int_equal(wire_send(client, VERB_STORED, 0, NULL, 0, &fault), 0);
	assert_int_equal(wire_receive(client, &record, &fault), 0);
	assert_int_equal(wire_send(warden, VERB_DEPLOYED, 0, NULL, 0, &fault), 0); /* the warden is still served */
	assert_int_equal(stop_keeper(), STATUS_FAILED);

	start_fresh();
	assert_int_equal(send(client, "garbage", 7, 0), 7);
	assert_int_equal(wire_receive(client, &record, &fault), 0);
	assert_int_equal(stop_keeper(), STATUS_FAILED);
}

static void a_rude_warden_ends_it(void **state)
{
	(void)state;
	start_fresh();
	assert_int_equal(wire_send(warden, VERB_DEPLOYED, 5, NULL, 0, &fault), 0);
	assert_int_equal(wire_receive(warden, &record, &fault), 0);
	assert_int_equal(stop_keeper(), STATUS_FAILED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(surveys_then_waits),
		TEST(account_stays_the_same),
		TEST(account_is_asked_for_first),
		TEST(eab_is_an_hmac),
		TEST(a_certificate_is_installed),
		TEST(only_what_was_asked_for_is_installed),
		TEST(it_knows_the_preferred_chain),
		TEST(tokens_are_there_and_away),
		TEST(tokens_outlive_the_client_not_the_warden),
		TEST(tokens_that_stay_are_an_error),
		TEST(a_rude_client_is_cut_off),
		TEST(a_rude_warden_ends_it),
	};

	crypto_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
