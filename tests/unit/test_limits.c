// SPDX-License-Identifier: GPL-3.0-or-later
/* The limit of failed validations for a name, which several certificates may have. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/limits.h"
#include "store/schedule.h"
#include "store/wish.h"
#include "between.h"

#define MINUTE INT64_C(60)
#define HOUR INT64_C(3600)
#define START INT64_C(1790812800)
#define PUBLIC "https://acme-v02.api.letsencrypt.org/directory"
#define PRIVATE "https://ca.test/directory"
#define LONG_RUN (48 * HOUR)

static char top[] = "/tmp/acmegate-limits-XXXXXX";
static int dir = -1;
static struct config config;
static struct ledger ledger;
static struct secret secret;
static struct fault fault;

static int set_up(void **state)
{
	(void)state;
	memcpy(top + sizeof(top) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(top));
	dir = open(top, O_RDONLY | O_DIRECTORY);
	memset(&config, 0, sizeof(config));
	memset(&secret, 7, sizeof(secret));
	snprintf(config.acme.directory, sizeof(config.acme.directory), "%s", PRIVATE);
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

/* A certificate with these names, of one letter each. */
static void add_certificate(const char *names)
{
	struct certificate *certificate = &config.certificate[config.certificates];

	snprintf(certificate->name, sizeof(certificate->name), "c%u", config.certificates++);
	certificate->first_name = config.names;
	for (; *names; names++, certificate->names++)
		snprintf(config.name[config.names++], NAME_SIZE, "%c.test", *names);
}

static struct instant at(int64_t seconds)
{
	return (struct instant){ .wall = START + seconds, .boot = seconds, .boot_id = "boot" };
}

static void load(uint32_t index)
{
	enum ledger_state state;

	assert_int_equal(ledger_look(dir, config.certificate[index].name, &ledger, &state, &fault), 0);
}

static void lose(uint32_t index, int64_t seconds, enum result result)
{
	struct instant now = at(seconds);
	struct outcome outcome = { .result = result, .step = STEP_VALIDATION };

	load(index);
	ledger_begin(&ledger, &now, wish_of(&config, &config.certificate[index]), config.acme.directory);
	ledger_end(&ledger, &now, &outcome);
	assert_int_equal(ledger_write(dir, config.certificate[index].name, &ledger, &fault), 0);
}

static struct limits find(uint32_t index, int64_t seconds, const bool *ordered)
{
	struct instant now = at(seconds);

	load(index);
	return limits_find(&config, index, config.acme.directory, &ledger, dir, ordered, &now);
}

static void certificates_share_the_failures_of_their_names(void **state)
{
	(void)state;
	add_certificate("ab");
	add_certificate("bc");
	add_certificate("cd");
	lose(0, 0, RESULT_INVALID);
	lose(1, 10 * MINUTE, RESULT_INVALID);
	lose(0, 20 * MINUTE, RESULT_INVALID);
	assert_int_equal(find(0, 30 * MINUTE, NULL).left, 0);
	lose(1, 30 * MINUTE, RESULT_INVALID);
	/* b has failed four times; a, c and d twice, twice, never: they do not add up. */
	assert_int_equal(find(0, 40 * MINUTE, NULL).left, 20 * MINUTE);
	assert_string_equal(find(0, 40 * MINUTE, NULL).name, "b.test");
	assert_int_equal(find(1, 40 * MINUTE, NULL).left, 20 * MINUTE);
	assert_int_equal(find(2, 40 * MINUTE, NULL).left, 0);
	assert_int_equal(find(0, HOUR, NULL).left, 0);
	/* Another CA has its own limit. */
	snprintf(config.acme.directory, sizeof(config.acme.directory), "https://other.test/directory");
	assert_int_equal(find(0, 40 * MINUTE, NULL).left, 0);
}

static void only_validations_that_failed_count(void **state)
{
	static const enum result others[] = { RESULT_UNKNOWN, RESULT_REFUSED, RESULT_LIMITED, RESULT_UNREACHABLE, RESULT_HOST };

	(void)state;
	add_certificate("a");
	add_certificate("a");
	for (size_t i = 0; i < LENGTH_OF(others); i++)
		lose(0, (int64_t)i, others[i]);
	for (int i = 10; i < 13; i++)
		lose(0, i, RESULT_INVALID);
	assert_int_equal(find(1, 20, NULL).left, 0);
	lose(1, 30, RESULT_INVALID);
	assert_int_equal(find(1, 40, NULL).left, HOUR - 30);
	/* A ledger that is damaged counts for nothing. */
	close(openat(dir, "c0", O_WRONLY | O_TRUNC));
	assert_int_equal(find(1, 40, NULL).left, 0);
}

static void a_public_ca_refuses_the_sixth(void **state)
{
	(void)state;
	add_certificate("a");
	for (int i = 0; i < 5; i++) {
		lose(0, i * MINUTE, RESULT_INVALID);
		assert_int_equal(find(0, 5 * MINUTE, NULL).ca, 0);
	}
	snprintf(config.acme.directory, sizeof(config.acme.directory), "%s", PUBLIC);
	assert_int_equal(find(0, 5 * MINUTE, NULL).ca, 0); /* that was another one */
	for (int i = 5; i < 9; i++) {
		lose(0, i * MINUTE, RESULT_INVALID);
		assert_int_equal(find(0, 9 * MINUTE, NULL).ca, 0);
	}
	lose(0, 9 * MINUTE, RESULT_INVALID);
	assert_int_equal(find(0, 10 * MINUTE, NULL).ca, 55 * MINUTE);
	assert_int_equal(find(0, 10 * MINUTE, NULL).left, 56 * MINUTE);
	assert_int_equal(find(0, 65 * MINUTE, NULL).ca, 0);
}

static struct decision decide(uint32_t index, int64_t seconds, const bool *ordered)
{
	struct instant now = at(seconds);
	struct holding holding;
	struct limits limits;

	load(index);
	holding = holding_of(&config, &config.certificate[index], &ledger);
	return limits_decide(&config, index, &holding, &ledger, dir, ordered, &now, &secret, &limits);
}

static void the_reason_names_the_name(void **state)
{
	struct decision decision;

	(void)state;
	add_certificate("ab");
	add_certificate("b");
	for (int i = 0; i < 4; i++)
		lose(0, i, RESULT_INVALID);
	decision = decide(1, MINUTE, NULL);
	assert_int_equal(decision.act, ACT_BACK_OFF);
	assert_int_equal(decision.from, START + HOUR);
	assert_string_equal(decision.reason,
			    "not tried again before 2026-10-01 01:00 UTC, because validations of b.test have failed four "
			    "times in an hour, for this or another certificate; acmegate renew-now does");
	/* A wait of its own that is longer has its own reason. */
	decision = decide(0, MINUTE, NULL);
	assert_int_equal(decision.act, ACT_BACK_OFF);
	assert_null(strstr(decision.reason, "another certificate"));
}

/* A run each minute for two days, of certificates that have a name in common which the CA can never validate. */
static void no_name_fails_more_than_four_times_in_an_hour(void **state)
{
	static int64_t moment[1000];
	size_t count = 0;
	bool ordered[MAX_CERTIFICATES];

	(void)state;
	add_certificate("xa");
	add_certificate("xb");
	add_certificate("xc");
	for (int64_t now = 0; now < LONG_RUN; now += MINUTE) {
		memset(ordered, 0, sizeof(ordered));
		for (uint32_t i = 0; i < config.certificates; i++) /* all are looked at, then all are ordered */
			ordered[i] = decide(i, now, ordered).act == ACT_ORDER;
		for (uint32_t i = 0; i < config.certificates; i++) {
			if (!ordered[i])
				continue;
			lose(i, now, RESULT_INVALID);
			assert_true(count < LENGTH_OF(moment));
			moment[count++] = now;
			assert_true(count <= 4 || now - moment[count - 5] >= HOUR);
		}
	}
	assert_between(count, 9, 30); /* each one goes on trying */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(certificates_share_the_failures_of_their_names),
		TEST(only_validations_that_failed_count),
		TEST(a_public_ca_refuses_the_sixth),
		TEST(the_reason_names_the_name),
		TEST(no_name_fails_more_than_four_times_in_an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
