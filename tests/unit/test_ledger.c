// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/ledger.h"
#include "between.h"

#define NOW INT64_C(1790812800)
#define DIRECTORY "https://ca.test:14000/directory"
#define HEAD 16 /* bytes before the content: magic, version, length */
#define SUM SHA256_DIGEST_SIZE

static char top[] = "/tmp/acmegate-ledger-XXXXXX";
static int dir = -1;
static struct ledger ledger, back;
static enum ledger_state read_state;
static struct fault fault;

/* --- calls that fail ---------------------------------------------------------------------------------------------- */

static struct {
	int left; /* calls until the first that fails; -1: none does */
	int error;
	bool dead; /* and all after it */
	bool happened;
} failing = { .left = -1 };

static bool fails(void)
{
	if (failing.left < 0 || failing.left-- > 0)
		return false;
	failing.happened = true;
	errno = failing.error;
	if (failing.dead)
		failing.left = 0;
	return true;
}

ssize_t __real_write(int fd, const void *data, size_t length);
ssize_t __wrap_write(int fd, const void *data, size_t length);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat(int from, const char *old, int to, const char *name);
int __wrap_renameat(int from, const char *old, int to, const char *name);
int __real_unlinkat(int at, const char *name, int flags);
int __wrap_unlinkat(int at, const char *name, int flags);

/* A disk that gets full takes a part. */
ssize_t __wrap_write(int fd, const void *data, size_t length)
{
	bool now = fails();

	if (now && length > 100)
		(void)!__real_write(fd, data, length / 2);
	return now ? -1 : __real_write(fd, data, length);
}

int __wrap_fsync(int fd)
{
	return fails() ? -1 : __real_fsync(fd);
}

int __wrap_renameat(int from, const char *old, int to, const char *name)
{
	return fails() ? -1 : __real_renameat(from, old, to, name);
}

int __wrap_unlinkat(int at, const char *name, int flags)
{
	return fails() ? -1 : __real_unlinkat(at, name, flags);
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static char file[64 * 1024];

static size_t take_file(const char *name)
{
	int fd = openat(dir, name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, file, sizeof(file));

	close(fd);
	return n < 0 ? 0 : (size_t)n;
}

static void put_file(const char *name, size_t length)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, file, length), (ssize_t)length);
	close(fd);
}

static bool is_there(const char *name)
{
	struct stat s;

	return fstatat(dir, name, &s, 0) == 0;
}

/* With so much content, in that version, and a sum that fits. */
static void forge(const char *name, uint32_t version, uint32_t content)
{
	struct sha256_ctx sum;

	memcpy(file + 8, &version, sizeof(version));
	memcpy(file + 12, &content, sizeof(content));
	sha256_init(&sum);
	sha256_update(&sum, HEAD + content, (const uint8_t *)file);
	sha256_digest(&sum, SUM, (uint8_t *)file + HEAD + content);
	put_file(name, HEAD + content + SUM);
}

static int set_up(void **state)
{
	(void)state;
	memcpy(top + sizeof(top) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(top));
	dir = open(top, O_RDONLY | O_DIRECTORY);
	failing.left = -1;
	memset(&ledger, 0, sizeof(ledger));
	memset(file, 0, sizeof(file));
	return dir < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	close(dir);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static struct instant at(int64_t seconds)
{
	return (struct instant){ .wall = NOW + seconds, .boot = seconds, .boot_id = "boot" };
}

static void add_attempt(int64_t seconds, const char *detail)
{
	struct instant now = at(seconds);
	struct outcome outcome = { .result = RESULT_INVALID, .step = STEP_VALIDATION, .type = "connection" };

	snprintf(outcome.detail, sizeof(outcome.detail), "%s", detail);
	ledger_begin(&ledger, &now, 7, DIRECTORY);
	ledger_end(&ledger, &now, &outcome);
}

static void store(void)
{
	assert_int_equal(ledger_write(dir, "mail", &ledger, &fault), 0);
}

static void load(enum ledger_state expected)
{
	assert_int_equal(ledger_read(dir, "mail", &back, &read_state, &fault), 0);
	assert_int_equal(read_state, expected);
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void what_is_written_is_read(void **state)
{
	struct stat s;

	(void)state;
	load(LEDGER_NONE);
	add_attempt(0, "it failed");
	ledger.live.not_after = NOW;
	store();
	load(LEDGER_READ);
	assert_memory_equal(&back, &ledger, sizeof(ledger));
	assert_string_equal(back.attempt[0].ca, "ca.test:14000");
	assert_string_equal(back.attempt[0].outcome.detail, "it failed");
	assert_int_equal(fstatat(dir, "mail", &s, 0), 0);
	assert_int_equal(s.st_mode & 07777, 0600);
}

static void what_is_damaged_is_put_aside(void **state)
{
	size_t length;

	(void)state;
	add_attempt(0, "it failed");
	store();
	length = take_file("mail");
	assert_int_equal(length, HEAD + sizeof(ledger) + SUM);
	for (size_t cut = 0; cut < length; cut += cut < 100 ? 1 : 997) {
		put_file("mail", cut);
		load(LEDGER_CORRUPT);
		assert_true(is_there("mail.corrupt") && !is_there("mail"));
		assert_int_equal(back.attempts, 0);
	}
	for (size_t i = 0; i < length; i += i < 100 || i > length - 100 ? 1 : 97) {
		file[i] ^= 0x10;
		put_file("mail", length);
		assert_int_equal(ledger_look(dir, "mail", &back, &read_state, &fault), 0);
		assert_int_equal(read_state, LEDGER_CORRUPT);
		assert_true(is_there("mail")); /* who looks changes nothing */
		load(LEDGER_CORRUPT);
		file[i] ^= 0x10;
	}
	load(LEDGER_NONE);
	assert_int_equal(symlinkat("mail.corrupt", dir, "mail"), 0);
	load(LEDGER_CORRUPT);
	store();
	load(LEDGER_READ);
}

static void a_count_that_is_too_high_is_damage(void **state)
{
	(void)state;
	ledger.attempts = LEDGER_ATTEMPTS + 1;
	store();
	load(LEDGER_CORRUPT);
}

static void an_older_one_lacks_the_end(void **state)
{
	const uint32_t content = offsetof(struct ledger, order);

	(void)state;
	ledger.live.not_after = NOW;
	ledger.attempts = 3;
	store();
	(void)take_file("mail");
	forge("mail", LEDGER_VERSION, content);
	load(LEDGER_READ);
	assert_int_equal(back.live.not_after, NOW);
	assert_int_equal(back.attempts, 0);
}

static void a_newer_one_is_left_alone(void **state)
{
	static char before[sizeof(file)];
	const struct {
		uint32_t version, content;
	} newer[] = { { LEDGER_VERSION + 1, 100 }, { LEDGER_VERSION, sizeof(ledger) + 8 } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t length;

		memset(file, 0, sizeof(file));
		memcpy(file, "acmeledg", 8);
		forge("mail", newer[i].version, newer[i].content);
		memcpy(before, file, sizeof(before));
		load(LEDGER_NEWER);
		memset(&ledger, 0, sizeof(ledger));
		add_attempt(0, "ours");
		store();
		load(LEDGER_NEWER);
		assert_string_equal(back.attempt[0].outcome.detail, "ours");
		length = take_file("mail");
		assert_int_equal(length, HEAD + newer[i].content + SUM);
		assert_memory_equal(file, before, length);
		assert_int_equal(unlinkat(dir, "mail~", 0), 0);
	}
}

/* Each call in its turn, as on a full disk; the last one, fsync of the directory, comes after the rename. */
static void a_full_disk_keeps_the_old_one(void **state)
{
	(void)state;
	add_attempt(0, "old");
	store();
	add_attempt(60, "new");
	for (int n = 0;; n++) {
		int rc;

		failing.left = n;
		failing.error = ENOSPC;
		failing.dead = failing.happened = false;
		rc = ledger_write(dir, "mail", &ledger, &fault);
		failing.left = -1;
		if (!failing.happened)
			break;
		assert_int_equal(rc, -1);
		assert_non_null(strstr(fault.text, "No space left on device"));
		load(LEDGER_READ);
		assert_true(!strcmp(back.attempt[0].outcome.detail, "old") || n == 4);
	}
	load(LEDGER_READ);
	assert_string_equal(back.attempt[0].outcome.detail, "new");
}

/* From the n-th call on nothing happens any more, as if the power had been cut. */
static void a_power_cut_leaves_the_old_or_the_new(void **state)
{
	(void)state;
	add_attempt(0, "old");
	store();
	add_attempt(60, "new");
	for (int n = 0;; n++) {
		failing.left = n;
		failing.dead = true;
		failing.happened = false;
		(void)!ledger_write(dir, "mail", &ledger, &fault);
		failing.left = -1;
		load(LEDGER_READ);
		assert_true(!strcmp(back.attempt[0].outcome.detail, n < 4 ? "old" : "new"));
		if (!failing.happened)
			break;
	}
}

static void it_keeps_the_newest_and_grows_no_more(void **state)
{
	size_t length;

	(void)state;
	add_attempt(0, "0");
	store();
	length = take_file("mail");
	for (int i = 1; i < 1000; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%d", i);
		add_attempt(i * 60, text);
	}
	store();
	assert_int_equal(take_file("mail"), length);
	load(LEDGER_READ);
	assert_int_equal(back.attempts, LEDGER_ATTEMPTS);
	assert_int_equal(back.failures, 1000);
	assert_string_equal(back.attempt[0].outcome.detail, "999");
	assert_string_equal(back.attempt[LEDGER_ATTEMPTS - 1].outcome.detail, "968");
	assert_true(length <= 32 * 1024);
}

static void finish(int64_t seconds, enum result result)
{
	const struct outcome outcome = { .result = result };

	ledger_end(&ledger, &(const struct instant){ .wall = NOW + seconds }, &outcome);
}

static void begin_attempt(int64_t seconds)
{
	ledger_begin(&ledger, &(const struct instant){ .wall = NOW + seconds }, 1, "https://ca.example/directory");
}

static void all_attempts_are_counted(void **state)
{
	uint32_t before[LEDGER_RESULTS] = { 0 }, ended[LEDGER_RESULTS];

	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		begin_attempt(i);
		ledger_count(&ledger, ended);
		assert_int_equal(ended[RESULT_UNKNOWN], (i + 2) / 3);
		if (i % 3)
			finish(i, i % 3 == 1 ? RESULT_INVALID : RESULT_STORED);
		ledger_count(&ledger, ended);
		for (uint32_t k = 0; k < LEDGER_RESULTS; k++) {
			assert_true(ended[k] >= before[k]);
			before[k] = ended[k];
		}
	}
	assert_int_equal(ended[RESULT_UNKNOWN], 100);
	assert_int_equal(ended[RESULT_INVALID], 100);
	assert_int_equal(ended[RESULT_STORED], 100);
	/* as an older acmegate has left it: the last one was killed */
	memset(ledger.ended, 0, sizeof(ledger.ended));
	begin_attempt(300);
	begin_attempt(301);
	ledger_count(&ledger, ended);
	assert_int_equal(ended[RESULT_UNKNOWN] + ended[RESULT_INVALID] + ended[RESULT_STORED], LEDGER_ATTEMPTS + 1);
}

static void text_from_outside_is_made_harmless(void **state)
{
	struct suggestion odd = { .answer = SUGGESTION_WINDOW, .start = NOW, .end = NOW + 9, .explanation = "https://ca.test/\x1b[31m" };
	struct secret secret = { { 1 } };
	struct instant now = at(0);

	(void)state;
	add_attempt(0, "a\x1b[31mb\nc\xc3\xa4");
	assert_string_equal(ledger.attempt[0].outcome.detail, "a?[31mb?c??");
	ledger_suggest(&ledger, &odd, &now, &secret);
	assert_string_equal(ledger.ari.explanation, "https://ca.test/?[31m");
}

static void a_moment_is_drawn_once(void **state)
{
	struct suggestion window = { .answer = SUGGESTION_WINDOW, .start = NOW, .end = NOW + 100000, .again = 5 };
	struct suggestion silent = { .answer = SUGGESTION_BUSY, .again = 3600 };
	struct secret secret = { { 1 } }, other = { { 2 } };
	struct instant now = at(0), later = at(50);
	int64_t chosen;

	(void)state;
	snprintf(ledger.live.certid, sizeof(ledger.live.certid), "key.serial");
	ledger_suggest(&ledger, &window, &now, &secret);
	chosen = ledger.ari.chosen;
	assert_between(chosen, NOW, NOW + 100000 - 1);
	assert_int_equal(ledger.ari.retry_after, 60);
	ledger_suggest(&ledger, &window, &now, &other); /* a copy of the machine with the ledger is no other host */
	assert_int_equal(ledger.ari.chosen, chosen);
	ledger_suggest(&ledger, &silent, &later, &secret); /* no answer: the window that is known stays */
	assert_int_equal(ledger.ari.chosen, chosen);
	assert_int_equal(ledger.ari.start, NOW);
	assert_int_equal(ledger.ari.read_at.wall, NOW + 50);
	assert_int_equal(ledger.ari.retry_after, 3600);
	window.end++;
	ledger_suggest(&ledger, &window, &now, &secret);
	assert_true(ledger.ari.chosen != chosen);
	chosen = ledger.ari.chosen;
	snprintf(ledger.live.certid, sizeof(ledger.live.certid), "key.other");
	ledger_suggest(&ledger, &window, &now, &secret);
	assert_true(ledger.ari.chosen != chosen);
	snprintf(ledger.live.certid, sizeof(ledger.live.certid), "key.third");
	ledger_suggest(&ledger, &silent, &now, &secret); /* the window of another certificate is none */
	assert_int_equal(ledger.ari.start, 0);
}

static void the_key_of_an_order_goes_with_it(void **state)
{
	size_t length;
	char *key;

	(void)state;
	snprintf(ledger.order.url, sizeof(ledger.order.url), "https://ca.test/order/1");
	assert_null(ledger_load_key(dir, "mail", LEDGER_ORDER_KEY, &length));
	assert_int_equal(ledger_save_key(dir, "mail", LEDGER_ORDER_KEY, "PEM", 3, &fault), 0);
	key = ledger_load_key(dir, "mail", LEDGER_ORDER_KEY, &length);
	assert_non_null(key);
	assert_string_equal(key, "PEM");
	free(key);
	ledger_forget_order(dir, "mail", &ledger);
	assert_null(ledger_load_key(dir, "mail", LEDGER_ORDER_KEY, &length));
	assert_string_equal(ledger.order.url, "");
}

static void renewals_with_one_key_are_counted(void **state)
{
	const unsigned char first[SPKI_SIZE] = { 1 }, second[SPKI_SIZE] = { 2 };
	struct keys *keys = &ledger.keys;

	(void)state;
	memset(keys, 0, sizeof(*keys));
	ledger_note_key(&ledger, first, true);
	assert_memory_equal(keys->live, first, SPKI_SIZE);
	assert_int_equal(keys->renewals, 0);
	ledger_note_key(&ledger, first, false);
	assert_int_equal(keys->renewals, 0);
	memcpy(keys->next, second, SPKI_SIZE);
	keys->prepared = 7;
	ledger_note_key(&ledger, first, true);
	assert_int_equal(keys->renewals, 1);
	assert_true(ledger_has_spki(keys->next) && keys->prepared == 7);
	ledger_note_key(&ledger, second, true);
	assert_int_equal(keys->renewals, 0);
	assert_memory_equal(keys->live, second, SPKI_SIZE);
	assert_false(ledger_has_spki(keys->next) || keys->prepared);
}

static void the_secret_is_made_once(void **state)
{
	struct secret secret, again, looked;
	struct stat s;

	(void)state;
	assert_int_equal(secret_look(dir, &looked, &fault), 0);
	assert_int_equal(secret_open(dir, &secret, &fault), 0);
	assert_int_equal(secret_open(dir, &again, &fault), 0);
	assert_int_equal(secret_look(dir, &looked, &fault), 1);
	assert_memory_equal(&secret, &again, sizeof(secret));
	assert_memory_equal(&secret, &looked, sizeof(secret));
	assert_int_equal(fstatat(dir, ".secret", &s, 0), 0);
	assert_int_equal(s.st_mode & 07777, 0600);
	put_file(".secret", 31);
	assert_int_equal(secret_open(dir, &again, &fault), 0);
	assert_true(memcmp(&secret, &again, sizeof(secret)) != 0);
}

/* 10,000 clones that differ in nothing but the secret: chi square with 99 degrees of freedom, p > 0.01 below 134.6. */
static void moments_of_clones_are_even(void **state)
{
	enum { HOSTS = 10000, CELLS = 100 };
	struct suggestion window = { .answer = SUGGESTION_WINDOW, .start = NOW, .end = NOW + 155520 };
	struct instant now = at(0);
	int cells[CELLS] = { 0 };
	double chi2 = 0, expected = (double)HOSTS / CELLS;

	(void)state;
	for (int host = 0; host < HOSTS; host++) {
		struct secret secret = { { 0 } };

		memcpy(secret.byte, &host, sizeof(host));
		memset(&ledger, 0, sizeof(ledger));
		snprintf(ledger.live.certid, sizeof(ledger.live.certid), "key.serial");
		ledger_suggest(&ledger, &window, &now, &secret);
		cells[(ledger.ari.chosen - NOW) * CELLS / 155520]++;
	}
	for (int i = 0; i < CELLS; i++)
		chi2 += (cells[i] - expected) * (cells[i] - expected) / expected;
	print_message("chi square of %d moments in %d cells: %.1f\n", HOSTS, CELLS, chi2);
	assert_true(chi2 < 134.6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_is_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_damaged_is_put_aside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_count_that_is_too_high_is_damage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_older_one_lacks_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_newer_one_is_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_disk_keeps_the_old_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_power_cut_leaves_the_old_or_the_new, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_keeps_the_newest_and_grows_no_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_attempts_are_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(text_from_outside_is_made_harmless, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_moment_is_drawn_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_key_of_an_order_goes_with_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(renewals_with_one_key_are_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_secret_is_made_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(moments_of_clones_are_even, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
