// SPDX-License-Identifier: GPL-3.0-or-later
/* Alarms: once for each change of state, whatever the runs are that look; moments are given, no clock is asked. */
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

#include "view/alarm.h"

#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)
#define NOW INT64_C(1790812800)

static struct config config;
static struct status status;
static struct entry entry[2];
static struct told told;
static char words[1024];

static int set_up(void **state)
{
	(void)state;
	memset(&config, 0, sizeof(config));
	memset(&status, 0, sizeof(status));
	memset(&told, 0, sizeof(told));
	memset(entry, 0, sizeof(entry));
	config.certificates = 2;
	strcpy(config.certificate[0].name, "mail");
	strcpy(config.certificate[1].name, "web");
	status.config = &config;
	status.complete = status.windows_known = true;
	status.count = 2;
	status.entry = entry;
	status.now.wall = NOW;
	for (int i = 0; i < 2; i++) {
		entry[i].certificate = &config.certificate[i];
		entry[i].ledger.live.not_before = NOW - 60 * DAY;
		entry[i].ledger.live.not_after = NOW + 30 * DAY;
	}
	return 0;
}

/* A run: how many alarms it gives, each of which is heard. Their words are added up. */
static int run(void)
{
	struct alarm alarm;
	int n = 0;

	while ((alarm = alarm_next(&told, &status, false)).kind != ALARM_NONE) {
		snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s ", alarm_word(&alarm));
		alarm_heard(&told, &alarm);
		assert_true(++n < 20);
	}
	return n;
}

static void a_month_of_hourly_failures(void **state)
{
	int calls = 0;

	(void)state;
	words[0] = '\0';
	assert_int_equal(run(), 0);
	for (int64_t hour = 0; hour <= 31 * 24; hour++) {
		status.now.wall = NOW + hour * HOUR;
		entry[1].ledger.live.not_after = status.now.wall + 30 * DAY;
		entry[0].failures++;
		calls += run();
	}
	assert_string_equal(words, "failing ending three_days expired ");
	assert_true(calls <= 6);
	entry[0].failures = 0;
	entry[0].ledger.live.not_before = status.now.wall;
	entry[0].ledger.live.not_after = status.now.wall + 90 * DAY;
	words[0] = '\0';
	assert_int_equal(run(), 1);
	assert_string_equal(words, "recovered ");
	assert_int_equal(run(), 0);
	assert_int_equal(told.certificates, 0);
}

/* Half of six days is less than three: that is when it is renewed. */
static void a_short_life_is_no_alarm(void **state)
{
	(void)state;
	words[0] = '\0';
	entry[0].ledger.live.not_before = NOW;
	entry[0].ledger.live.not_after = NOW + 6 * DAY;
	for (int64_t hour = 0; hour < 24 * 5; hour++) {
		status.now.wall = NOW + hour * HOUR;
		assert_int_equal(run(), 0);
	}
	status.now.wall = NOW + 5 * DAY + 1;
	assert_int_equal(run(), 1);
	assert_string_equal(words, "three_days ");
}

static void a_program_that_fails_is_tried_three_times(void **state)
{
	struct alarm alarm;
	int calls = 0;

	(void)state;
	entry[0].failures = 1;
	for (int i = 0; i < 100; i++) {
		alarm = alarm_next(&told, &status, false);
		if (alarm.kind == ALARM_NONE)
			continue;
		assert_int_equal(alarm.kind, ALARM_FAILING);
		calls++;
		alarm_unheard(&told, &alarm);
	}
	assert_int_equal(calls, ALARM_TRIES);
	entry[0].failures = 0;
	assert_int_equal(alarm_next(&told, &status, false).kind, ALARM_RECOVERED);
}

/* Its label may be longer than names are; those with the same beginning are not the same. */
static void a_certificate_of_another_client(void **state)
{
	static struct watched row[2];

	(void)state;
	words[0] = '\0';
	for (int i = 0; i < 2; i++) {
		snprintf(row[i].label, sizeof(row[i].label), "certbot/a-name-that-is-longer-than-others.%d", i);
		entry[i].certificate = NULL;
		entry[i].watched = &row[i];
		entry[i].ledger.live.not_after = NOW - 1;
	}
	entry[1].ledger.live.not_after = NOW + 30 * DAY;
	assert_int_equal(run(), 1);
	assert_int_equal(told_troubles(&told, row[0].label), TROUBLE_EXPIRED);
	assert_int_equal(told_troubles(&told, row[1].label), 0);
	assert_int_equal(run(), 0);
	entry[1].ledger.live.not_after = NOW;
	assert_int_equal(run(), 1);
	assert_int_equal(told.certificates, 2);
	/* the file is gone: nothing is told of it, and nothing is kept */
	entry[0] = entry[1];
	status.count = 1;
	assert_int_equal(run(), 0);
	assert_int_equal(told.certificates, 1);
	entry[0].ledger.live.not_after = NOW + 30 * DAY;
	assert_int_equal(run(), 1);
	assert_string_equal(words, "expired expired recovered ");
	assert_int_equal(told.certificates, 0);
}

static void a_ledger_that_cannot_be_read_says_nothing_else(void **state)
{
	(void)state;
	words[0] = '\0';
	entry[0].failures = 1;
	assert_int_equal(run(), 1);
	entry[0].failures = 0;
	entry[0].condition = CONDITION_UNKNOWN;
	assert_int_equal(run(), 1);
	assert_int_equal(run(), 0);
	entry[0].condition = CONDITION_VALID;
	assert_int_equal(run(), 1);
	assert_string_equal(words, "failing unreadable recovered ");
}

/* The newest so many: each closed by this net, and one more that has not ended. */
static void windows(uint32_t n, enum net net, bool open)
{
	for (uint32_t i = 0; i < n; i++)
		status.window[i] = (struct window_entry){
			.begun = { .wall = NOW - 10 }, .closed = NOW - 5, .net = i || !open ? net : 0, .limit = 60
		};
	status.windows = n;
	status.exposure.windows += n;
	status.exposure.open = open;
}

static void a_window_that_was_left_open_is_told_with_its_net(void **state)
{
	struct alarm alarm;

	(void)state;
	words[0] = '\0';
	windows(3, NET_GATE, false);
	assert_int_equal(run(), 0);
	windows(2, NET_KERNEL, false);
	alarm = alarm_next(&told, &status, false);
	assert_int_equal(alarm.kind, ALARM_LEFT_OPEN);
	assert_int_equal(alarm.number, 4);
	assert_int_equal(alarm.window->net, NET_KERNEL);
	assert_int_equal(run(), 2);
	assert_int_equal(run(), 0);
	/* what was long ago is not told by the first run that has alarms */
	status.now.wall += 2 * DAY;
	told.window = 0;
	assert_int_equal(run(), 0);
	assert_int_equal(told.window, 5);
}

static void a_window_that_may_be_open_is_told_once(void **state)
{
	struct alarm alarm;

	(void)state;
	windows(1, NET_UNKNOWN, true);
	assert_int_equal(alarm_next(&told, &status, false).kind, ALARM_NONE);
	alarm = alarm_next(&told, &status, true);
	assert_int_equal(alarm.kind, ALARM_NOT_CLOSED);
	alarm_heard(&told, &alarm);
	assert_int_equal(alarm_next(&told, &status, true).kind, ALARM_NONE);
	told.open = 0;
	status.now.wall += 111;
	assert_int_equal(alarm_next(&told, &status, false).kind, ALARM_NOT_CLOSED);
	told.open = 1;
	/* the next acmegate has found out */
	status.exposure.open = false;
	status.window[0].net = NET_WATCHDOG;
	assert_int_equal(alarm_next(&told, &status, false).kind, ALARM_LEFT_OPEN);
}

static void what_was_told_is_kept_and_what_is_damaged_is_forgotten(void **state)
{
	char name[] = "/tmp/acmegate-told-XXXXXX";
	const int fd = mkstemp(name);
	struct fault fault;
	static struct told back;
	char byte;

	(void)state;
	unlink(name);
	told.window = 7;
	told_note(&told, "mail", TROUBLE_FAILING);
	told_note(&told, "web", TROUBLE_DAYS);
	told_note(&told, "gone", TROUBLE_DAYS);
	assert_int_equal(told_write(fd, &told, &fault), 0);
	const off_t length = lseek(fd, 0, SEEK_CUR);
	lseek(fd, 0, SEEK_SET);
	told_read(fd, &back);
	assert_int_equal(back.window, 7);
	assert_int_equal(told_troubles(&back, "web"), TROUBLE_DAYS);
	assert_int_equal(alarm_next(&back, &status, false).kind, ALARM_RECOVERED);
	for (off_t at = 0; at < length; at++) {
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		lseek(fd, 0, SEEK_SET);
		told_read(fd, &back);
		if (back.window)
			fail_msg("the byte at %d", (int)at);
		assert_int_equal(back.certificates, 0);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(a_month_of_hourly_failures),
		TEST(a_short_life_is_no_alarm),
		TEST(a_program_that_fails_is_tried_three_times),
		TEST(a_certificate_of_another_client),
		TEST(a_ledger_that_cannot_be_read_says_nothing_else),
		TEST(a_window_that_was_left_open_is_told_with_its_net),
		TEST(a_window_that_may_be_open_is_told_once),
		TEST(what_was_told_is_kept_and_what_is_damaged_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
