// SPDX-License-Identifier: GPL-3.0-or-later
/* Signer and storer, each in a process of its own, as warden and client see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "base/base64url.h"
#include "store/chain.h"
#include "store/crypto.h"
#include "store/reuse.h"
#include "store/trust.h"
#include "acme/jws.h"
#include "base/log.h"
#include "tiny_ca.h"
#include "base/wire.h"

static struct config config;
static struct fault fault;
static struct record record;
static char path[PATH_SIZE], trust[PATH_SIZE + 8];
static int warden, client;
static pid_t signer, storer;

/* Descriptors out of the way of the numbers that they are to get, and then these. The peers' ends go: who held them would see no end. */
static void place(const int fds[][2], size_t n)
{
	int high[8];

	for (size_t i = 0; i < n; i++)
		high[i] = fcntl(fds[i][0], F_DUPFD, 64);
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	for (size_t i = 0; i < n; i++)
		dup2(high[i], fds[i][1]);
	for (size_t i = 0; i < n; i++)
		close(high[i]);
	dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
}

static void in_signer(int to_client, int to_storer)
{
	const int fds[][2] = { { to_client, FD_CLIENT }, { to_storer, FD_STORER }, { open(trust, O_RDONLY), FD_TRUST } };

	place(fds, LENGTH_OF(fds));
	log_start("signer", false);
	_exit(signer_main(&config));
}

static void in_storer(int to_warden, int to_signer)
{
	const int fds[][2] = { { to_warden, FD_WARDEN }, { to_signer, FD_SIGNER }, { open(path, O_PATH | O_DIRECTORY), FD_STATE } };

	place(fds, LENGTH_OF(fds));
	log_start("storer", false);
	_exit(storer_main(&config));
}

static void start(void)
{
	int wardens[2], clients[2], between[2];

	assert_int_equal(wire_pair(wardens, &fault), 0);
	assert_int_equal(wire_pair(clients, &fault), 0);
	assert_int_equal(wire_pair(between, &fault), 0);
	signer = fork();
	if (!signer)
		in_signer(clients[1], between[0]);
	storer = fork();
	if (!storer)
		in_storer(wardens[1], between[1]);
	close(wardens[1]);
	close(clients[1]);
	close(between[0]);
	close(between[1]);
	warden = wardens[0];
	client = clients[0];
}

static int result(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Once the warden has closed: the exit status of the storer, and that of the signer. */
static int stop_both(int *of_signer)
{
	int of_storer;

	close_fd(&warden);
	close_fd(&client);
	of_storer = result(storer);
	*of_signer = result(signer);
	return of_storer;
}

static void stop_with(int expected_of_storer, int expected_of_signer)
{
	int of_signer;

	assert_int_equal(stop_both(&of_signer), expected_of_storer);
	assert_int_equal(of_signer, expected_of_signer);
}

static void stop_run(int expected)
{
	stop_with(expected, expected);
}

static void write_roots(void)
{
	char pem[TINY_PEM_SIZE];
	FILE *file = fopen(trust, "w");

	tiny_ca_root(pem);
	assert_true(file && fprintf(file, "# our root\n%s", pem) > 0 && fclose(file) == 0);
}

static int begin(void **state)
{
	const char *temporary = getenv("TMPDIR");

	(void)state;
	memset(&config, 0, sizeof(config));
	snprintf(path, sizeof(path), "%s/acmegate-signer-XXXXXX", temporary ? temporary : "/tmp");
	if (!mkdtemp(path))
		return -1;
	strcpy(config.gate.state, path);
	snprintf(trust, sizeof(trust), "%s/roots", path);
	write_roots();
	strcpy(config.acme.directory, "https://ca.example/directory");
	config.certificates = 2;
	config.certificate[0] = (struct certificate){ .name = "mail", .names = 2, .mode = 0600, .hooks = 1 };
	config.certificate[1] = (struct certificate){ .name = "vpn", .first_name = 2, .names = 1, .mode = 0600, .key = KEY_P384 };
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

static struct renewal take_renewal(uint32_t index)
{
	struct renewal renewal;

	take(warden, VERB_RENEWAL);
	assert_int_equal(record.index, index);
	memcpy(&renewal, record.data, sizeof(renewal));
	return renewal;
}

static void start_fresh(void)
{
	struct work work = { 0 };

	start();
	for (uint32_t i = 0; i < config.certificates; i++) {
		(void)take_renewal(i);
		work.wanted[i] = WORK_OBTAIN;
	}
	assert_int_equal(wire_send(warden, VERB_ATTEMPT, 0, &work, sizeof(work), &fault), 0);
	take(warden, VERB_ATTEMPTED);
	assert_memory_equal(record.data, &work, sizeof(work));
}

static const struct record *ask(enum verb verb, uint32_t index, const void *data, size_t length, enum verb expected)
{
	assert_int_equal(wire_send(client, verb, index, data, length, &fault), 0);
	return take(client, expected);
}

static struct account ask_account(void)
{
	struct account account;

	memcpy(&account, ask(VERB_ACCOUNT, 0, NULL, 0, VERB_REPLY)->data, sizeof(account));
	assert_int_equal(record.length, sizeof(account));
	return account;
}

#define CA "https://ca.example/"

/* Asks for a signature; what is expected is VERB_REPLY or VERB_FAULT. */
static void ask_sign(const char *url, const char *nonce, const char *payload, enum verb expected)
{
	static _Alignas(struct draft) char data[WIRE_DATA];
	struct draft *request = (void *)data;

	memset(data, 0, sizeof(data));
	snprintf(request->url, sizeof(request->url), "%s", url);
	snprintf(request->nonce, sizeof(request->nonce), "%s", nonce);
	request->by_key = !strcmp(url, CA "account");
	memcpy(request->payload, payload, strlen(payload));
	ask(VERB_SIGN, 0, request, sizeof(*request) + strlen(payload), expected);
}

static void not_signed(const char *url, const char *nonce, const char *payload, const char *what)
{
	ask_sign(url, nonce, payload, VERB_FAULT);
	assert_int_equal(record.index, FAULT_FAILED);
	if (!strstr(record.data, what))
		fail_msg("%s", record.data);
}

static void get_account(void)
{
	ask(VERB_ACCOUNT, 0, NULL, 0, VERB_REPLY);
	ask(VERB_ACCOUNT_URL, 0, CA "acct/1", strlen(CA "acct/1"), VERB_REPLY);
}

/* Places an order, asks for a request and has the CA sign it. */
static void obtain(uint32_t index, const struct tiny_order *order, char pem[TINY_PEM_SIZE])
{
	static unsigned char csr[WIRE_DATA];
	OWN_FREE char *payload = NULL;
	size_t length;

	get_account();
	ask(VERB_PLACED, index, CA "orders/1", strlen(CA "orders/1"), VERB_REPLY);
	ask(VERB_CSR, index, NULL, 0, VERB_REPLY);
	length = record.length;
	memcpy(csr, record.data, length);
	payload = jws_finalize(csr, length);
	ask_sign(CA "finalize", "N1", payload, VERB_REPLY);
	tiny_ca_issue(csr, length, order, pem);
}

static void refused(enum verb verb, uint32_t index, const void *data, size_t length, const char *what)
{
	ask(verb, index, data, length, VERB_FAULT);
	assert_int_equal(record.index, FAULT_FAILED);
	assert_non_null(strstr(record.data, what));
}

static void renewals_then_waits(void **state)
{
	struct renewal first, second;

	(void)state;
	start();
	first = take_renewal(0);
	second = take_renewal(1);
	assert_true(first.due && !first.present && !first.deploy && first.from > 0);
	assert_string_equal(first.reason, "there is no certificate yet");
	assert_true(second.due);
	close_fd(&client); /* was never needed */
	stop_run(STATUS_DONE);
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
	ask(VERB_ACCOUNT_URL, 0, "https://ca.example/acct/1", 25, VERB_REPLY);
	assert_int_equal(record.length, 0);
	ask_sign(CA "order/1", "N0", "", VERB_REPLY);
	stop_run(STATUS_DONE);

	start_fresh();
	second = ask_account();
	assert_string_equal(second.jwk, first.jwk);
	assert_string_equal(second.url, "https://ca.example/acct/1");
	refused(VERB_ACCOUNT_URL, 0, "https://ca.example/\n", 20, "URL");
	refused(VERB_ACCOUNT_URL, 0, "https://other.example/", 22, "other.example");
	stop_run(STATUS_DONE);
}

static void account_is_asked_for_first(void **state)
{
	(void)state;
	start_fresh();
	not_signed(CA "order", "N0", "", "must ask for the account first");
	refused(VERB_ACCOUNT_URL, 0, "x", 1, "account");
	stop_run(STATUS_DONE);
}

/* The part of a JWS, decoded; of the last answer. */
static char *part(const char *name, char out[WIRE_DATA])
{
	char label[32];
	const char *at;
	long n;

	snprintf(label, sizeof(label), "\"%s\":\"", name);
	at = strstr(record.data, label);
	assert_non_null(at);
	at += strlen(label);
	n = base64url_decode(out, at, strcspn(at, "\""));
	assert_true(n >= 0);
	out[n] = '\0';
	return out;
}

/* The client asks for other headers: the signer writes its own. */
static void the_header_is_its_own(void **state)
{
	static char text[WIRE_DATA];
	struct account account;

	(void)state;
	config.acme.accept_terms = true;
	start_fresh();
	account = ask_account();
	not_signed(CA "order", "N0", "", "not known yet");
	ask_sign(CA "account", "N0", "{\"termsOfServiceAgreed\":true}", VERB_REPLY);
	part("protected", text);
	assert_non_null(strstr(text, "{\"alg\":\"ES256\",\"jwk\":{"));
	assert_non_null(strstr(text, account.jwk));
	assert_non_null(strstr(text, "\"nonce\":\"N0\",\"url\":\"" CA "account\"}"));
	get_account();
	ask_sign(CA "order/1", "N1", "", VERB_REPLY);
	assert_string_equal(part("protected", text),
			    "{\"alg\":\"ES256\",\"kid\":\"" CA "acct/1\",\"nonce\":\"N1\",\"url\":\"" CA "order/1\"}");
	assert_string_equal(part("payload", text), "");
	stop_run(STATUS_DONE);
}

static void only_for_the_ca(void **state)
{
	(void)state;
	strcpy(config.acme.hosts, "api.ca.example [2001:db8::1]");
	start_fresh();
	get_account();
	ask_sign("https://CA.example:8443/x?y", "N0", "", VERB_REPLY);
	ask_sign("https://api.ca.example/x", "N0", "", VERB_REPLY);
	ask_sign("https://[2001:db8::1]:1/x", "N0", "", VERB_REPLY);
	not_signed("http://ca.example/x", "N0", "", "https");
	not_signed("https://ca.example.evil.example/x", "N0", "", "hosts in [acme]");
	not_signed("https://ca.example@evil.example/x", "N0", "", "hosts in [acme]");
	not_signed("https://ca.exampl/x", "N0", "", "hosts in [acme]");
	not_signed("https://example/x", "N0", "", "hosts in [acme]");
	not_signed("https://ca.example:443@evil.example/x", "N0", "", "hosts in [acme]");
	not_signed("https:///x", "N0", "", "signed");
	not_signed(CA "x\",\"kid\":\"y", "N0", "", "https");
	not_signed(CA "x", "", "", "nonce");
	not_signed(CA "x", "N\",\"", "", "nonce");
	stop_run(STATUS_DONE);
}

/* Not a signer for whatever somebody wants to have said in the name of the account. */
static void only_what_acmegate_sends(void **state)
{
	(void)state;
	start_fresh();
	get_account();
	ask_sign(CA "challenge", "N0", "{}", VERB_REPLY);
	ask_sign(CA "account", "N0", "{\"onlyReturnExisting\":true}", VERB_REPLY);
	ask_sign(CA "order", "N0",
		 "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"mail.example.org\"},"
		 "{\"type\":\"ip\",\"value\":\"192.0.2.1\"}]}",
		 VERB_REPLY);
	not_signed(CA "order", "N0", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"mail.example.org\"}]}", "does not make");
	not_signed(CA "order", "N0", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"evil.example\"}]}", "does not make");
	not_signed(CA "acct/1", "N0", "{\"status\":\"deactivated\"}", "does not make");
	not_signed(CA "revoke", "N0", "{\"certificate\":\"AAAA\"}", "does not make");
	not_signed(CA "finalize", "N0", "{\"csr\":\"AAAA\"}", "does not make");
	not_signed(CA "x", "N0", "{} ", "does not make");
	not_signed(CA "account", "N0", "", "does not make");
	not_signed(CA "account", "N0", "{\"contact\":[\"mailto:evil@example\"]}", "does not make");
	stop_run(STATUS_DONE);
}

static void eab_is_an_hmac(void **state)
{
	static char text[WIRE_DATA], jws[WIRE_DATA];
	static const char key[] = "Jefe";
	unsigned char mac[32], expected[32];
	struct account account;
	const char *dot;
	FILE *file;

	(void)state;
	snprintf(config.acme.eab_key_file, sizeof(config.acme.eab_key_file), "%.200s/eab", path);
	strcpy(config.acme.eab_kid, "kid-1");
	file = fopen(config.acme.eab_key_file, "w");
	fputs("SmVmZQ==\n", file); /* "Jefe" */
	fclose(file);
	chmod(config.acme.eab_key_file, 0600);
	start_fresh();
	account = ask_account();
	ask(VERB_SIGN_EAB, 0, CA "account", strlen(CA "account"), VERB_REPLY);
	assert_string_equal(part("payload", text), account.jwk);
	assert_string_equal(part("protected", text), "{\"alg\":\"HS256\",\"kid\":\"kid-1\",\"url\":\"" CA "account\"}");
	dot = strstr(record.data, "\",\"payload\":\"");
	snprintf(jws, sizeof(jws), "%.*s.%.*s", (int)(dot - record.data - 14), record.data + 14, (int)strcspn(dot + 13, "\""),
		 dot + 13);
	memcpy(mac, part("signature", text), sizeof(mac));
	assert_int_equal(crypto_hmac(key, 4, jws, strlen(jws), expected, &fault), 0);
	assert_memory_equal(mac, expected, sizeof(mac));
	refused(VERB_SIGN_EAB, 0, "https://other.example/", 22, "other.example");
	file = fopen(config.acme.eab_key_file, "w");
	fputs("not base64url!", file);
	fclose(file);
	ask(VERB_SIGN_EAB, 0, CA, strlen(CA), VERB_FAULT);
	assert_int_equal(record.index, FAULT_USAGE);
	chmod(config.acme.eab_key_file, 0666);
	ask(VERB_SIGN_EAB, 0, CA, strlen(CA), VERB_FAULT);
	assert_int_equal(record.index, FAULT_USAGE);
	stop_run(STATUS_DONE);
	strcpy(config.acme.eab_kid, "bad\"kid");
	start_fresh();
	ask(VERB_SIGN_EAB, 0, CA, strlen(CA), VERB_FAULT);
	assert_int_equal(record.index, FAULT_USAGE);
	stop_run(STATUS_DONE);
}

static void a_certificate_is_installed(void **state)
{
	static char first[TINY_PEM_SIZE], second[TINY_PEM_SIZE];
	struct renewal held;
	char byte;

	(void)state;
	start_fresh();
	obtain(0, &(struct tiny_order){ 0 }, first);
	obtain(1, &(struct tiny_order){ 0 }, second); /* several may be under way */
	ask(VERB_INSTALL, 0, first, strlen(first), VERB_REPLY);
	assert_true(recv(warden, &byte, 1, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC) > 0); /* the warden was told first */
	assert_int_equal(take(warden, VERB_STORED)->index, 0);
	ask(VERB_INSTALL, 1, second, strlen(second), VERB_REPLY);
	assert_int_equal(take(warden, VERB_STORED)->index, 1);
	refused(VERB_INSTALL, 0, first, strlen(first), "not asked for"); /* once */
	stop_run(STATUS_DONE);

	start();
	held = take_renewal(0);
	assert_true(!held.due && held.present && held.deploy && held.from > time(NULL));
	assert_memory_equal(held.reason, "valid until ", 12);
	held = take_renewal(1);
	assert_true(!held.due && held.present && !held.deploy);
	assert_int_equal(wire_send(warden, VERB_DEPLOYED, 0, NULL, 0, &fault), 0);
	stop_run(STATUS_DONE);

	strcpy(config.name[2], "other.example.org");
	config.certificate[0].key = KEY_RSA2048;
	start();
	held = take_renewal(0);
	assert_true(held.due && held.present && !held.deploy);
	assert_non_null(strstr(held.reason, "type of key"));
	held = take_renewal(1);
	assert_true(held.due && held.present);
	assert_non_null(strstr(held.reason, "names"));
	stop_run(STATUS_DONE);
}

static void only_what_was_asked_for_is_installed(void **state)
{
	static char pem[TINY_PEM_SIZE], good[TINY_PEM_SIZE];

	(void)state;
	start_fresh();
	refused(VERB_INSTALL, 0, "x", 1, "not asked for");
	ask(VERB_CSR, 0, NULL, 0, VERB_REPLY);
	refused(VERB_INSTALL, 0, "x", 1, "not asked for"); /* the CA was not asked to sign it */
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
	ask(VERB_INSTALL, 0, good, strlen(good), VERB_REPLY);
	stop_run(STATUS_DONE);
}

static struct recalled recall(uint32_t index)
{
	struct recalled recalled;

	memcpy(&recalled, ask(VERB_RECALL, index, NULL, 0, VERB_REPLY)->data, sizeof(recalled));
	assert_int_equal(record.length, sizeof(recalled));
	return recalled;
}

/* A run that was killed has left an order: the next one has its URL, and the key that the CA has made a certificate for. */
static void an_order_outlives_its_run(void **state)
{
	static char pem[TINY_PEM_SIZE], csr[WIRE_DATA];
	size_t length;

	(void)state;
	start_fresh();
	assert_string_equal(recall(0).order, "");
	obtain(0, &(struct tiny_order){ 0 }, pem);
	kill(signer, SIGKILL);
	stop_with(STATUS_DONE, -1);

	start_fresh();
	assert_string_equal(recall(0).order, CA "orders/1");
	assert_true(recall(0).has_key);
	assert_string_equal(recall(1).order, "");
	get_account();
	memcpy(csr, ask(VERB_CSR, 0, NULL, 0, VERB_REPLY)->data, record.length);
	length = record.length;
	ask(VERB_INSTALL, 0, pem, strlen(pem), VERB_REPLY);
	take(warden, VERB_STORED);
	assert_true(length > 0);
	stop_run(STATUS_DONE);

	start_fresh();
	assert_string_equal(recall(0).order, "");
	assert_false(recall(0).has_key);
	stop_run(STATUS_DONE);
}

/* Another order has another key, and so has one for another type of key. */
static void a_key_is_of_one_order(void **state)
{
	static char pem[TINY_PEM_SIZE];

	(void)state;
	start_fresh();
	obtain(0, &(struct tiny_order){ 0 }, pem);
	stop_run(STATUS_DONE);
	start_fresh();
	ask(VERB_PLACED, 0, NULL, 0, VERB_REPLY);
	assert_false(recall(0).has_key);
	ask(VERB_CSR, 0, NULL, 0, VERB_REPLY);
	refused(VERB_INSTALL, 0, pem, strlen(pem), "not asked for");
	stop_run(STATUS_DONE);

	start_fresh();
	obtain(0, &(struct tiny_order){ 0 }, pem);
	stop_run(STATUS_DONE);
	config.certificate[0].key = KEY_P384;
	start_fresh();
	ask(VERB_CSR, 0, NULL, 0, VERB_REPLY);
	refused(VERB_INSTALL, 0, pem, strlen(pem), "not asked for");
	stop_run(STATUS_DONE);
}

static bool has(const char *name)
{
	char file[2 * PATH_SIZE];

	snprintf(file, sizeof(file), "%s/%s", path, name);
	return access(file, F_OK) == 0;
}

/* --- reuse_key ---------------------------------------------------------------------------------------------------- */

static int ledgers(void)
{
	char name[PATH_SIZE + 8];

	snprintf(name, sizeof(name), "%s/ledger", path);
	return open(name, O_RDONLY | O_DIRECTORY);
}

static struct ledger look(void)
{
	OWN_FD int dir = ledgers();
	struct ledger ledger;
	enum ledger_state state;

	assert_int_equal(ledger_look(dir, "mail", &ledger, &state, &fault), 0);
	return ledger;
}

/* As if the next key were as old as it must be. */
static void age_next_key(void)
{
	OWN_FD int dir = ledgers();
	struct ledger ledger = look();

	ledger.keys.prepared -= NEXT_KEY_AGE;
	assert_int_equal(ledger_write(dir, "mail", &ledger, &fault), 0);
}

static void spki_of_next_file(unsigned char spki[SPKI_SIZE])
{
	OWN_FD int dir = ledgers();
	size_t length;
	OWN_FREE char *pem = ledger_load_key(dir, "mail", LEDGER_NEXT_KEY, &length);
	OWN_KEY struct key *key = pem ? key_read(pem, length, &fault) : NULL;

	assert_non_null(key);
	assert_int_equal(key_spki(key, spki, &fault), 0);
}

/* Its certificate, as stored. */
static void spki_of_live(unsigned char spki[SPKI_SIZE])
{
	char name[PATH_SIZE + 64];
	static char pem[WIRE_DATA];
	static struct facts facts;
	OWN_CHAIN struct chain *chain = NULL;
	FILE *file;

	snprintf(name, sizeof(name), "%s/certificates/mail/live/fullchain.pem", path);
	file = fopen(name, "r");
	assert_non_null(file);
	chain = chain_read(pem, fread(pem, 1, sizeof(pem), file), &fault);
	fclose(file);
	assert_true(chain && chain_facts(chain, &facts, &fault) == 0);
	memcpy(spki, facts.spki, SPKI_SIZE);
}

static void install(uint32_t index)
{
	static char pem[TINY_PEM_SIZE];

	obtain(index, &(struct tiny_order){ .key_id = 1 }, pem);
	ask(VERB_INSTALL, index, pem, strlen(pem), VERB_REPLY);
	take(warden, VERB_STORED);
}

/* One run that renews. The ledger names the live key, and a next one that is in its file. */
static struct keys renew(void)
{
	unsigned char spki[SPKI_SIZE];
	struct keys keys;

	start_fresh();
	install(0);
	stop_run(STATUS_DONE);
	keys = look().keys;
	spki_of_live(spki);
	assert_memory_equal(keys.live, spki, SPKI_SIZE);
	spki_of_next_file(spki);
	assert_memory_equal(keys.next, spki, SPKI_SIZE);
	assert_memory_not_equal(keys.live, keys.next, SPKI_SIZE);
	return keys;
}

static void a_key_serves_for_three_renewals(void **state)
{
	struct keys first, keys;

	(void)state;
	config.certificate[0].reuse = 4;
	first = renew();
	assert_int_equal(first.renewals, 0);
	for (uint32_t i = 1; i <= 3; i++) {
		keys = renew();
		assert_int_equal(keys.renewals, i);
		assert_memory_equal(keys.live, first.live, SPKI_SIZE);
		assert_memory_equal(keys.next, first.next, SPKI_SIZE);
	}
	keys = renew(); /* the record of the next key is too young */
	assert_memory_equal(keys.live, first.live, SPKI_SIZE);
	age_next_key();
	keys = renew();
	assert_memory_equal(keys.live, first.next, SPKI_SIZE);
	assert_memory_not_equal(keys.next, first.live, SPKI_SIZE);
	assert_int_equal(keys.renewals, 0);
}

/* Killed with the order placed and the request made, and once more with the certificate stored and nothing noted. */
static void the_next_key_outlives_a_killed_run(void **state)
{
	static char pem[TINY_PEM_SIZE];
	struct keys before, after;

	(void)state;
	config.certificate[0].reuse = 1;
	before = renew();
	age_next_key();
	start_fresh();
	obtain(0, &(struct tiny_order){ 0 }, pem);
	kill(signer, SIGKILL);
	stop_with(STATUS_DONE, -1);
	after = look().keys;
	assert_memory_equal(after.next, before.next, SPKI_SIZE);
	assert_memory_equal(after.live, before.live, SPKI_SIZE);

	start_fresh();
	assert_true(recall(0).has_key);
	get_account();
	ask(VERB_CSR, 0, NULL, 0, VERB_REPLY);
	ask(VERB_INSTALL, 0, pem, strlen(pem), VERB_REPLY);
	take(warden, VERB_STORED);
	stop_run(STATUS_DONE);
	after = look().keys;
	assert_memory_equal(after.live, before.next, SPKI_SIZE);
	assert_true(ledger_has_spki(after.next));
}

/* The ledger and the file as they were before the certificate was stored. */
static void what_was_stored_last_is_noticed(void **state)
{
	struct ledger before;
	struct keys after;
	OWN_FD int dir = -1;
	OWN_FREE char *pem = NULL;
	size_t length;

	(void)state;
	config.certificate[0].reuse = 1;
	renew();
	age_next_key();
	before = look();
	dir = ledgers();
	pem = ledger_load_key(dir, "mail", LEDGER_NEXT_KEY, &length);
	assert_non_null(pem);
	renew();
	assert_int_equal(ledger_save_key(dir, "mail", LEDGER_NEXT_KEY, pem, length, &fault), 0);
	assert_int_equal(ledger_write(dir, "mail", &before, &fault), 0);
	start();
	(void)take_renewal(0);
	(void)take_renewal(1);
	stop_run(STATUS_DONE);
	after = look().keys;
	assert_memory_equal(after.live, before.keys.next, SPKI_SIZE);
	assert_memory_not_equal(after.next, before.keys.next, SPKI_SIZE);
	assert_true(ledger_has_spki(after.next) && after.prepared >= time(NULL) - 60);
}

/* Another type of key is for the next key, whose record must then be published anew; a damaged file is replaced. */
static void the_next_key_is_as_configured(void **state)
{
	struct keys first, second, third;
	OWN_FD int dir = -1;

	(void)state;
	config.certificate[0].reuse = 1;
	first = renew();
	age_next_key();
	config.certificate[0].key = KEY_P384;
	start();
	assert_false(take_renewal(0).due);
	(void)take_renewal(1);
	stop_run(STATUS_DONE);
	second = look().keys;
	assert_memory_not_equal(second.next, first.next, SPKI_SIZE);
	third = renew();
	assert_memory_equal(third.live, first.live, SPKI_SIZE);
	assert_memory_equal(third.next, second.next, SPKI_SIZE);
	age_next_key();
	third = renew();
	assert_memory_equal(third.live, second.next, SPKI_SIZE);
	dir = ledgers();
	assert_int_equal(ledger_save_key(dir, "mail", LEDGER_NEXT_KEY, "PEM", 3, &fault), 0);
	second = renew();
	assert_memory_equal(second.live, third.live, SPKI_SIZE);
	assert_memory_not_equal(second.next, third.next, SPKI_SIZE);
}

/* An order of before reuse_key has a key of its own, which is not the announced one. */
static void the_order_of_before_has_another_key(void **state)
{
	static char pem[TINY_PEM_SIZE];
	struct keys before, after;

	(void)state;
	start_fresh();
	install(0);
	stop_run(STATUS_DONE);
	start_fresh();
	obtain(0, &(struct tiny_order){ 0 }, pem);
	stop_run(STATUS_DONE);
	before = look().keys;
	config.certificate[0].reuse = 4;
	start_fresh();
	assert_string_equal(recall(0).order, CA "orders/1");
	assert_false(recall(0).has_key);
	install(0);
	stop_run(STATUS_DONE);
	after = look().keys;
	assert_memory_equal(after.live, before.live, SPKI_SIZE);
	assert_int_equal(after.renewals, 1);
}

/* Only certificates with reuse_key have such words, and only in their turn. */
static void keys_are_reused_as_configured(void **state)
{
	_Alignas(struct next_key) char data[sizeof(struct next_key) + 4] = { 0 };

	(void)state;
	config.certificate[0].reuse = 4;
	start_fresh();
	ask(VERB_CSR, 1, NULL, 0, VERB_REPLY);
	assert_int_equal(wire_send(client, VERB_SAVE_NEXT, 0, data, sizeof(data), &fault), 0);
	assert_int_equal(wire_receive(client, &record, &fault), 0); /* the client may not */
	stop_with(STATUS_DONE, STATUS_FAILED);
	assert_false(has("ledger/vpn~next"));
	assert_true(has("ledger/mail~next"));
}

/* --- csr ---------------------------------------------------------------------------------------------------------- */

/* The request of certificate 0 for a key that is elsewhere. */
static void request_by(struct key *key)
{
	struct certificate *certificate = &config.certificate[0];
	const struct config *names = &config;
	int n = key_request(key, &names->name[0], 2, (unsigned char *)config.csr + 7, CSR_SIZE, &fault);

	assert_true(n > 0);
	strcpy(certificate->csr, "/etc/acmegate/mail.csr");
	certificate->csr_at = 7;
	certificate->csr_length = (uint32_t)n;
}

static struct renewal survey(void)
{
	struct renewal renewal;

	start();
	renewal = take_renewal(0);
	(void)take_renewal(1);
	stop_run(STATUS_DONE);
	return renewal;
}

static void a_key_may_be_elsewhere(void **state)
{
	OWN_KEY struct key *key = key_generate(KEY_P384, &fault);
	OWN_KEY struct key *other = key_generate(KEY_P256, &fault);
	unsigned char spki[SPKI_SIZE], expected[SPKI_SIZE];
	struct renewal renewal;

	(void)state;
	assert_int_equal(key_spki(key, expected, &fault), 0);
	request_by(key);
	start_fresh();
	install(0);
	stop_run(STATUS_DONE);
	assert_true(has("certificates/mail/live/fullchain.pem"));
	assert_false(has("certificates/mail/live/privkey.pem") || has("certificates/mail/live/combined.pem"));
	assert_false(has("ledger/mail~key") || has("ledger/mail~next"));
	spki_of_live(spki);
	assert_memory_equal(spki, expected, SPKI_SIZE);
	assert_memory_equal(look().keys.live, expected, SPKI_SIZE);
	renewal = survey();
	assert_true(renewal.present && !renewal.due);
	/* Another request: at once, and once. */
	request_by(other);
	renewal = survey();
	assert_true(renewal.present && renewal.due);
	assert_non_null(strstr(renewal.reason, "but the request (csr) is another"));
	start_fresh();
	install(0);
	stop_run(STATUS_DONE);
	renewal = survey();
	assert_true(renewal.present && !renewal.due);
	/* Without csr, and back: what is in use stays so until another certificate takes its place. */
	config.certificate[0].csr_length = 0;
	config.certificate[0].reuse = 4;
	renewal = survey();
	assert_true(renewal.present && renewal.due);
	start_fresh();
	install(0);
	stop_run(STATUS_DONE);
	assert_true(has("certificates/mail/live/privkey.pem"));
	config.certificate[0].reuse = 0;
	request_by(other);
	renewal = survey();
	assert_true(renewal.present && renewal.due);
	assert_true(has("certificates/mail/live/privkey.pem"));
}

/* Nothing is asked of the CA for a request that it cannot take, also by renew-now, and the others are obtained. */
static void a_wrong_request_is_not_ordered(void **state)
{
	OWN_KEY struct key *key = key_generate(KEY_P256, &fault);
	struct work work = { .wanted = { WORK_OBTAIN, WORK_OBTAIN } }, noted;
	struct renewal renewal;

	(void)state;
	request_by(key);
	strcpy(config.name[1], "192.0.2.2");
	start();
	renewal = take_renewal(0);
	assert_true(!renewal.due && !renewal.from);
	assert_string_equal(renewal.reason, "its request cannot be used");
	assert_true(take_renewal(1).due);
	assert_int_equal(wire_send(warden, VERB_ATTEMPT, 0, &work, sizeof(work), &fault), 0);
	memcpy(&noted, take(warden, VERB_ATTEMPTED)->data, sizeof(noted));
	assert_int_equal(noted.wanted[0], WORK_NONE);
	assert_int_equal(noted.wanted[1], WORK_OBTAIN);
	refused(VERB_RECALL, 0, NULL, 0, "has not begun");
	stop_with(STATUS_FAILED, STATUS_DONE);
	assert_int_equal(look().attempts, 0);
}

/* The CA has made the certificate, and the run was killed: nothing of the order is lost, since the request is always the same. */
static void an_order_for_a_request_is_resumed(void **state)
{
	static char pem[TINY_PEM_SIZE];
	OWN_KEY struct key *key = key_generate(KEY_P256, &fault);

	(void)state;
	request_by(key);
	start_fresh();
	obtain(0, &(struct tiny_order){ 0 }, pem);
	kill(signer, SIGKILL);
	stop_with(STATUS_DONE, -1);
	start_fresh();
	assert_string_equal(recall(0).order, CA "orders/1");
	assert_true(recall(0).has_key);
	get_account();
	ask(VERB_CSR, 0, NULL, 0, VERB_REPLY);
	ask(VERB_INSTALL, 0, pem, strlen(pem), VERB_REPLY);
	stop_run(STATUS_DONE);
}

/* Only the certificate in use can be replaced, and only as one of the same names. */
static void it_knows_what_is_replaced(void **state)
{
	static char pem[TINY_PEM_SIZE];
	char payload[512];
	struct identity identity;

	(void)state;
	start_fresh();
	memcpy(&identity, ask(VERB_IDENTITY, 0, NULL, 0, VERB_REPLY)->data, sizeof(identity));
	assert_string_equal(identity.certid, "");
	assert_int_equal(identity.lifetime, 0);
	refused(VERB_IDENTITY, 2, NULL, 0, "no certificate 2");
	obtain(0, &(struct tiny_order){ .key_id = 1 }, pem);
	ask(VERB_INSTALL, 0, pem, strlen(pem), VERB_REPLY);
	stop_run(STATUS_DONE);

	start_fresh();
	get_account();
	memcpy(&identity, ask(VERB_IDENTITY, 0, NULL, 0, VERB_REPLY)->data, sizeof(identity));
	assert_non_null(strchr(identity.certid, '.'));
	assert_int_equal(identity.lifetime, 86400 * 90 + 3600);
	assert_true(recall(0).replaces && !recall(1).replaces);
	snprintf(payload, sizeof(payload),
		 "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"mail.example.org\"},{\"type\":\"ip\",\"value\":\"192.0.2.1\"}],"
		 "\"replaces\":\"%s\"}",
		 identity.certid);
	ask_sign(CA "order", "N0", payload, VERB_REPLY);
	not_signed(CA "order", "N0", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"vpn.example.org\"}],\"replaces\":\"a.b\"}",
		   "does not make");
	*strchr(payload, '.') = '-';
	not_signed(CA "order", "N0", payload, "does not make");
	stop_run(STATUS_DONE);
}

/* A client that was taken over brings a chain for the same names, signed by a CA of its own. */
static const struct tiny_order forged = { .stranger = 1 };

static void a_forged_chain_is_refused(void **state)
{
	static char pem[TINY_PEM_SIZE];

	(void)state;
	start_fresh();
	obtain(0, &forged, pem);
	refused(VERB_INSTALL, 0, pem, strlen(pem), "no root of this system's store");
	obtain(0, &(struct tiny_order){ .stranger = 1, .with_root = 1 }, pem);
	refused(VERB_INSTALL, 0, pem, strlen(pem), "no root of this system's store");
	obtain(0, &(struct tiny_order){ .stranger = 1, .by_root = 1 }, pem);
	refused(VERB_INSTALL, 0, pem, strlen(pem), "no root of this system's store");
	obtain(0, &(struct tiny_order){ .leaf_only = 1 }, pem);
	refused(VERB_INSTALL, 0, pem, strlen(pem), "no root of this system's store");
	obtain(0, &(struct tiny_order){ .by_root = 1 }, pem);
	ask(VERB_INSTALL, 0, pem, strlen(pem), VERB_REPLY);
	stop_run(STATUS_DONE);
}

static void a_root_of_ones_own_is_the_only_one(void **state)
{
	static char pem[TINY_PEM_SIZE];

	(void)state;
	strcpy(config.acme.trust_file, trust);
	strcpy(config.acme.ca_file, trust); /* as for a private CA, which changes nothing then */
	start_fresh();
	obtain(0, &forged, pem);
	refused(VERB_INSTALL, 0, pem, strlen(pem), "(trust_file)");
	obtain(0, &(struct tiny_order){ 0 }, pem);
	ask(VERB_INSTALL, 0, pem, strlen(pem), VERB_REPLY);
	stop_run(STATUS_DONE);
}

/* A chain that cannot be verified, because the CA is a private one or for tests, must be plausible. */
static void what_cannot_be_verified_is_plausible(void **state)
{
	static const struct {
		struct tiny_order order;
		const char *what;
	} cases[] = {
		{ { .stranger = 1, .leaf_only = 1 }, "without that of its issuer" },
		{ { .stranger = 1, .by_root = 1 }, "without that of its issuer" },
		{ { .stranger = 1, .from = -3600, .until = 3650 * 86400L }, "3650 days" },
		{ { .stranger = 1, .use = "" }, "does not say" },
		{ { .stranger = 1, .use = "clientAuth" }, "not for TLS servers" },
		{ { .stranger = 1, .is_ca = 1 }, "CA:TRUE" },
		{ { .stale = 1 }, "expired" },
	};
	static char pem[TINY_PEM_SIZE];

	(void)state;
	strcpy(config.acme.ca_file, "/some/file");
	start_fresh();
	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		obtain(0, &cases[i].order, pem);
		refused(VERB_INSTALL, 0, pem, strlen(pem), cases[i].what);
	}
	obtain(0, &forged, pem);
	ask(VERB_INSTALL, 0, pem, strlen(pem), VERB_REPLY);
	stop_run(STATUS_DONE);
	config.acme.ca_file[0] = '\0';
	strcpy(config.acme.directory, "https://acme-staging-v02.ca.example/directory");
	strcpy(config.acme.hosts, "ca.example");
	start_fresh();
	obtain(0, &forged, pem);
	ask(VERB_INSTALL, 0, pem, strlen(pem), VERB_REPLY);
	stop_run(STATUS_DONE);
	strcpy(config.acme.directory, "https://latest.ca.example/staging");
	strcpy(config.acme.staging, config.acme.directory);
	start_fresh();
	obtain(0, &forged, pem);
	ask(VERB_INSTALL, 0, pem, strlen(pem), VERB_REPLY);
	stop_run(STATUS_DONE);
	config.acme.staging[0] = '\0';
	start_fresh();
	obtain(0, &forged, pem);
	refused(VERB_INSTALL, 0, pem, strlen(pem), "no root");
	stop_run(STATUS_DONE);
}

/* Once a certificate was verified, the next one must be, too. */
static void trust_is_not_lost(void **state)
{
	static char pem[TINY_PEM_SIZE];

	(void)state;
	strcpy(config.acme.ca_file, "/some/file");
	start_fresh();
	obtain(0, &(struct tiny_order){ 0 }, pem);
	ask(VERB_INSTALL, 0, pem, strlen(pem), VERB_REPLY);
	stop_run(STATUS_DONE);
	start_fresh();
	obtain(0, &forged, pem);
	refused(VERB_INSTALL, 0, pem, strlen(pem), "certificate in use");
	obtain(1, &forged, pem); /* of which none is in use */
	ask(VERB_INSTALL, 1, pem, strlen(pem), VERB_REPLY);
	stop_run(STATUS_DONE);
}

static void it_knows_the_preferred_chain(void **state)
{
	static char pem[TINY_PEM_SIZE];

	(void)state;
	strcpy(config.certificate[0].chain, "Tiny Root");
	strcpy(config.certificate[1].chain, "Tiny Intermediate");
	start_fresh();
	obtain(0, &(struct tiny_order){ 0 }, pem);
	ask(VERB_PREFERS, 0, pem, strlen(pem), VERB_REPLY);
	assert_int_equal(record.length, 1);
	assert_int_equal(record.data[0], 1);
	ask(VERB_PREFERS, 1, pem, strlen(pem), VERB_REPLY);
	assert_int_equal(record.length, 1);
	assert_int_equal(record.data[0], 0);
	refused(VERB_PREFERS, 0, "x", 1, "something else");
	refused(VERB_PREFERS, 2, pem, strlen(pem), "no certificate 2");
	ask(VERB_INSTALL, 0, pem, strlen(pem), VERB_REPLY); /* the question has changed nothing */
	stop_run(STATUS_DONE);
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
	get_account();
	refused(VERB_TOKEN, 0, &token, sizeof(token), "for the responder");
	ask(VERB_WITHDRAW, 0, NULL, 0, VERB_REPLY);
	stop_run(STATUS_DONE);

	a_webroot_is_configured();
	start_fresh();
	refused(VERB_TOKEN, 0, &token, sizeof(token), "account");
	get_account();
	ask(VERB_TOKEN, 0, &token, sizeof(token), VERB_REPLY);
	assert_int_equal(record.length, 0);
	assert_true(has(published) && has("webroot/one"));
	ask(VERB_WITHDRAW, 0, NULL, 0, VERB_REPLY);
	assert_false(has("www/.well-known") || has("webroot/one") || has("webroot/.at"));
	ask(VERB_TOKEN, 0, &token, sizeof(token), VERB_REPLY);
	refused(VERB_TOKEN, 0, &bad, sizeof(bad), "malformed");
	assert_true(has(published));
	stop_run(STATUS_DONE);
	assert_false(has("www/.well-known") || has("webroot/one") || has("webroot/.at"));
}

/* It is the warden that knows whether the port is closed. */
static void tokens_outlive_the_client_not_the_warden(void **state)
{
	const struct token token = { "one", "one.thumbprint" };

	(void)state;
	a_webroot_is_configured();
	start_fresh();
	get_account();
	ask(VERB_TOKEN, 0, &token, sizeof(token), VERB_REPLY);
	assert_int_equal(send(client, "garbage", 7, 0), 7);
	assert_int_equal(wire_receive(client, &record, &fault), 0);
	assert_true(has(published));
	stop_with(STATUS_DONE, STATUS_FAILED);
	assert_false(has("www/.well-known") || has("webroot/one") || has("webroot/.at"));
}

static void tokens_that_stay_are_an_error(void **state)
{
	const struct token token = { "one", "one.thumbprint" };
	char inner[2 * PATH_SIZE];

	(void)state;
	a_webroot_is_configured();
	start_fresh();
	get_account();
	ask(VERB_TOKEN, 0, &token, sizeof(token), VERB_REPLY);
	snprintf(inner, sizeof(inner), "%s/%s", path, published);
	assert_int_equal(unlink(inner), 0);
	assert_int_equal(mkdir(inner, 0755), 0);
	refused(VERB_WITHDRAW, 0, NULL, 0, "removing the tokens");
	assert_true(has("webroot/one")); /* for who comes later */
	stop_with(STATUS_FAILED, STATUS_DONE);
	assert_true(has("webroot/one"));
}

/* --- what the command line asks for beside renewals ----------------------------------------------------------------- */

#define DEACTIVATED "{\"status\":\"deactivated\"}"

/* With the account that an earlier run has made, if there is one. */
static struct account start_task(enum task_kind kind)
{
	config.task = (struct task){ .kind = kind, .reason = 1 };
	start();
	if (kind == TASK_REVOKE)
		(void)take_renewal(0);
	else if (kind == TASK_RENEW)
		for (uint32_t i = 0; i < config.certificates; i++)
			(void)take_renewal(i);
	return ask_account();
}

static void an_account_is_there(void)
{
	start_fresh();
	get_account();
	ask(VERB_CONTACTS, 0, NULL, 0, VERB_REPLY);
	stop_run(STATUS_DONE);
}

/* A pattern below the state directory. */
static bool any(const char *pattern)
{
	char command[2 * PATH_SIZE];

	snprintf(command, sizeof(command), "ls '%s'/%s >/dev/null 2>&1", path, pattern);
	return system(command) == 0;
}

static void a_renewal_changes_no_account(void **state)
{
	(void)state;
	an_account_is_there();
	strcpy(config.acme.contact, "a@b.example, c@d.example");
	start_fresh();
	assert_true(ask_account().untold);
	ask_sign(CA "acct/1", "N0", "{\"contact\":[\"mailto:a@b.example\",\"mailto:c@d.example\"]}", VERB_REPLY);
	not_signed(CA "acct/2", "N0", "{\"contact\":[\"mailto:a@b.example\",\"mailto:c@d.example\"]}", "does not make");
	not_signed(CA "acct/1", "N0", "{\"contact\":[\"mailto:a@b.example\"]}", "does not make");
	not_signed(CA "acct/1", "N0", "{\"contact\":[]}", "does not make");
	not_signed(CA "acct/1", "N0", DEACTIVATED, "does not make");
	refused(VERB_NEW_ACCOUNT_KEY, 0, CA "change", strlen(CA "change"), "does not ask for");
	refused(VERB_OTHER_KEY, 0, NULL, 0, "one key only");
	refused(VERB_SETTLE_KEY, 0, NULL, 0, "one key only");
	refused(VERB_REVOCATION, 0, NULL, 0, "does not ask for");
	refused(VERB_REVOKED, 0, NULL, 0, "does not ask for");
	refused(VERB_RETIRE, 0, NULL, 0, "does not ask for");
	ask(VERB_CONTACTS, 0, NULL, 0, VERB_REPLY);
	assert_false(ask_account().untold);
	stop_run(STATUS_DONE);
	assert_false(start_task(TASK_RENEW).untold);
	stop_run(STATUS_DONE);
	strcpy(config.acme.contact, "a@b.example");
	assert_true(start_task(TASK_RENEW).untold);
	stop_run(STATUS_DONE);
}

/* A task that is none of renewing makes no account, and signs no order. */
static void a_task_does_nothing_else(void **state)
{
	static const enum task_kind tasks[] = { TASK_REVOKE, TASK_SHOW, TASK_UPDATE, TASK_ROLLOVER, TASK_DEACTIVATE };
	struct token token = { "one", "one.thumbprint" };

	(void)state;
	assert_string_equal(start_task(TASK_SHOW).jwk, "");
	not_signed(CA "account", "N0", "{\"onlyReturnExisting\":true}", "must ask for the account first");
	stop_run(STATUS_DONE);
	assert_false(any("accounts/*/key.pem"));
	config.task.kind = TASK_RENEW;
	an_account_is_there();
	for (size_t i = 0; i < LENGTH_OF(tasks); i++) {
		assert_string_not_equal(start_task(tasks[i]).jwk, "");
		ask_sign(CA "acct/1", "N0", "", VERB_REPLY);
		ask_sign(CA "account", "N0", "{\"onlyReturnExisting\":true}", VERB_REPLY);
		not_signed(CA "account", "N0", "{\"termsOfServiceAgreed\":true}", "does not make");
		not_signed(CA "challenge", "N0", "{}", "does not make");
		not_signed(CA "order", "N0", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"vpn.example.org\"}]}", "does not make");
		if (tasks[i] == TASK_DEACTIVATE)
			ask_sign(CA "acct/1", "N0", DEACTIVATED, VERB_REPLY);
		else
			not_signed(CA "acct/1", "N0", DEACTIVATED, "does not make");
		not_signed(CA "authz/1", "N0", DEACTIVATED, "does not make");
		ask(VERB_TOKEN, 0, &token, sizeof(token), VERB_FAULT); /* the storer ends */
		stop_with(STATUS_FAILED, STATUS_DONE);
	}
}

static void a_certificate_is_revoked_as_asked(void **state)
{
	static char pem[TINY_PEM_SIZE], payload[WIRE_DATA], text[WIRE_DATA];
	struct renewal held;

	(void)state;
	start_fresh();
	obtain(0, &(struct tiny_order){ 0 }, pem);
	ask(VERB_INSTALL, 0, pem, strlen(pem), VERB_REPLY);
	stop_run(STATUS_DONE);

	(void)start_task(TASK_REVOKE);
	not_signed(CA "revoke", "N0", "{\"certificate\":\"AAAA\"}", "does not make");
	ask(VERB_REVOCATION, 0, NULL, 0, VERB_REPLY);
	snprintf(payload, sizeof(payload), "%.*s", (int)record.length, record.data);
	assert_memory_equal(payload, "{\"certificate\":\"MII", 19);
	assert_non_null(strstr(payload, "\",\"reason\":1}"));
	assert_null(strpbrk(payload, "+/=\n"));
	ask_sign(CA "revoke", "N0", payload, VERB_REPLY);
	assert_non_null(strstr(part("protected", text), "\"kid\":\"" CA "acct/1\""));
	ask_sign(CA "account", "N0", payload, VERB_REPLY); /* in the name of a key: the certificate's, not the account's */
	assert_non_null(strstr(part("protected", text), "\"jwk\":{"));
	assert_null(strstr(text, ask_account().jwk));
	refused(VERB_RETIRE, 0, NULL, 0, "does not ask for");
	ask(VERB_REVOKED, 0, NULL, 0, VERB_REPLY);
	stop_run(STATUS_DONE);

	config.task.kind = TASK_RENEW;
	start();
	held = take_renewal(0);
	assert_true(held.due && held.present);
	assert_non_null(strstr(held.reason, "revoked (keyCompromise)"));
	(void)take_renewal(1);
	stop_run(STATUS_DONE);
}

/* The JWS by the new key, as the CA gets it. */
static struct account begin_rollover(char inner[WIRE_DATA])
{
	static char text[WIRE_DATA];
	struct account account = start_task(TASK_ROLLOVER);

	ask(VERB_NEW_ACCOUNT_KEY, 0, CA "change", strlen(CA "change"), VERB_REPLY);
	snprintf(inner, WIRE_DATA, "%.*s", (int)record.length, record.data);
	assert_non_null(strstr(part("protected", text), "{\"alg\":\"ES256\",\"jwk\":{"));
	assert_non_null(strstr(text, ",\"url\":\"" CA "change\"}"));
	assert_null(strstr(text, account.jwk));
	assert_non_null(strstr(part("payload", text), "{\"account\":\"" CA "acct/1\",\"oldKey\":{"));
	assert_non_null(strstr(text, account.jwk));
	assert_true(any("accounts/*/next.pem"));
	return account;
}

static void a_key_is_changed(void **state)
{
	static char inner[WIRE_DATA];
	struct account old, next;

	(void)state;
	an_account_is_there();
	old = begin_rollover(inner);
	ask_sign(CA "change", "N0", inner, VERB_REPLY);
	refused(VERB_NEW_ACCOUNT_KEY, 0, CA "change", strlen(CA "change"), "second one");
	memcpy(&next, ask(VERB_OTHER_KEY, 0, NULL, 0, VERB_REPLY)->data, sizeof(next));
	assert_string_not_equal(next.jwk, old.jwk);
	ask(VERB_SETTLE_KEY, 0, NULL, 0, VERB_REPLY);
	assert_false(any("accounts/*/next.pem"));
	refused(VERB_SETTLE_KEY, 0, NULL, 0, "one key only");
	stop_run(STATUS_DONE);
	assert_string_equal(start_task(TASK_RENEW).jwk, next.jwk);
	stop_run(STATUS_DONE);
}

/* A run that ends in between leaves both keys to the next, whichever the CA has. */
static void a_key_that_is_being_changed_outlives_its_run(void **state)
{
	static char inner[WIRE_DATA];
	struct account old, account;

	(void)state;
	an_account_is_there();
	for (int fresh = 0; fresh < 2; fresh++) {
		old = begin_rollover(inner);
		stop_run(STATUS_DONE);
		account = start_task(TASK_RENEW);
		assert_true(account.changing);
		assert_string_equal(account.jwk, old.jwk);
		memcpy(&account, ask(VERB_OTHER_KEY, 0, NULL, 0, VERB_REPLY)->data, sizeof(account));
		assert_string_not_equal(account.jwk, old.jwk);
		ask_sign(CA "account", "N0", "{\"onlyReturnExisting\":true}", VERB_REPLY);
		if (!fresh)
			memcpy(&account, ask(VERB_OTHER_KEY, 0, NULL, 0, VERB_REPLY)->data, sizeof(account));
		ask(VERB_SETTLE_KEY, 0, NULL, 0, VERB_REPLY);
		stop_run(STATUS_DONE);
		assert_false(any("accounts/*/next.pem"));
		assert_string_equal(start_task(TASK_RENEW).jwk, account.jwk);
		assert_int_equal(!strcmp(account.jwk, old.jwk), !fresh);
		stop_run(STATUS_DONE);
	}
}

static void a_deactivated_key_is_put_aside(void **state)
{
	struct account old;

	(void)state;
	an_account_is_there();
	old = start_task(TASK_DEACTIVATE);
	ask(VERB_RETIRE, 0, NULL, 0, VERB_REPLY);
	stop_run(STATUS_DONE);
	assert_true(any("accounts/*/key.pem.deactivated") && !any("accounts/*/key.pem") && !any("accounts/*/url"));
	assert_string_not_equal(start_task(TASK_RENEW).jwk, old.jwk);
	stop_run(STATUS_DONE);
}

static void a_rude_client_is_cut_off(void **state)
{
	(void)state;
	start_fresh();
	assert_int_equal(wire_send(client, VERB_STORED, 0, NULL, 0, &fault), 0);
	assert_int_equal(wire_receive(client, &record, &fault), 0);
	assert_int_equal(wire_send(warden, VERB_DEPLOYED, 0, NULL, 0, &fault), 0); /* the warden is still served */
	stop_with(STATUS_DONE, STATUS_FAILED);

	start_fresh();
	assert_int_equal(send(client, "garbage", 7, 0), 7);
	assert_int_equal(wire_receive(client, &record, &fault), 0);
	stop_with(STATUS_DONE, STATUS_FAILED);
}

static void a_rude_warden_ends_it(void **state)
{
	(void)state;
	start_fresh();
	assert_int_equal(wire_send(warden, VERB_DEPLOYED, 5, NULL, 0, &fault), 0);
	assert_int_equal(wire_receive(warden, &record, &fault), 0);
	stop_with(STATUS_FAILED, STATUS_DONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(renewals_then_waits),
		TEST(account_stays_the_same),
		TEST(account_is_asked_for_first),
		TEST(the_header_is_its_own),
		TEST(only_for_the_ca),
		TEST(only_what_acmegate_sends),
		TEST(eab_is_an_hmac),
		TEST(a_certificate_is_installed),
		TEST(only_what_was_asked_for_is_installed),
		TEST(an_order_outlives_its_run),
		TEST(a_key_is_of_one_order),
		TEST(a_key_serves_for_three_renewals),
		TEST(the_next_key_outlives_a_killed_run),
		TEST(what_was_stored_last_is_noticed),
		TEST(the_next_key_is_as_configured),
		TEST(the_order_of_before_has_another_key),
		TEST(keys_are_reused_as_configured),
		TEST(a_key_may_be_elsewhere),
		TEST(a_wrong_request_is_not_ordered),
		TEST(an_order_for_a_request_is_resumed),
		TEST(it_knows_what_is_replaced),
		TEST(a_forged_chain_is_refused),
		TEST(a_root_of_ones_own_is_the_only_one),
		TEST(what_cannot_be_verified_is_plausible),
		TEST(trust_is_not_lost),
		TEST(it_knows_the_preferred_chain),
		TEST(tokens_are_there_and_away),
		TEST(tokens_outlive_the_client_not_the_warden),
		TEST(tokens_that_stay_are_an_error),
		TEST(a_renewal_changes_no_account),
		TEST(a_task_does_nothing_else),
		TEST(a_certificate_is_revoked_as_asked),
		TEST(a_key_is_changed),
		TEST(a_key_that_is_being_changed_outlives_its_run),
		TEST(a_deactivated_key_is_put_aside),
		TEST(a_rude_client_is_cut_off),
		TEST(a_rude_warden_ends_it),
	};

	crypto_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
