// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/schedule.h"

#define DAY INT64_C(86400)
#define START INT64_C(1790812800) /* 2026-10-01 00:00 UTC */

static struct holding holding(int64_t lifetime)
{
	return (struct holding){ .present = true, .not_before = START, .not_after = START + lifetime };
}

static void a_third_is_left(void **state)
{
	struct holding held = holding(90 * DAY);

	(void)state;
	assert_false(schedule_decide(&held, START + 60 * DAY - 1).due);
	assert_true(schedule_decide(&held, START + 60 * DAY).due);
	assert_int_equal(schedule_decide(&held, START).from, START + 60 * DAY);
	assert_string_equal(schedule_decide(&held, START).reason, "valid until 2026-12-30, renewed from 2026-11-30");
}

static void half_is_left_of_a_short_one(void **state)
{
	struct holding held = holding(160 * 3600);

	(void)state;
	assert_false(schedule_decide(&held, START + 80 * 3600 - 1).due);
	assert_true(schedule_decide(&held, START + 80 * 3600).due);
	assert_string_equal(schedule_decide(&held, START).reason,
			    "valid until 2026-10-07 16:00 UTC, renewed from 2026-10-04 08:00 UTC");
	held = holding(10 * DAY);
	assert_false(schedule_decide(&held, START + 5 * DAY).due);
	assert_true(schedule_decide(&held, START + 7 * DAY).due);
}

static void nothing_or_another_is_due(void **state)
{
	struct holding nothing = { 0 }, broken = { .broken = true };
	struct holding names = holding(90 * DAY), key = holding(90 * DAY);

	(void)state;
	names.other_names = true;
	key.other_key = true;
	assert_true(schedule_decide(&nothing, START).due);
	assert_true(schedule_decide(&broken, START).due);
	assert_non_null(strstr(schedule_decide(&broken, START).reason, "broken"));
	assert_true(schedule_decide(&names, START).due);
	assert_non_null(strstr(schedule_decide(&names, START).reason, "names"));
	assert_true(schedule_decide(&key, START).due);
	assert_non_null(strstr(schedule_decide(&key, START).reason, "type of key"));
}

static void clock_and_dates_contradict(void **state)
{
	struct holding held = holding(90 * DAY), odd = holding(-DAY);

	(void)state;
	assert_true(schedule_decide(&held, START - 2 * DAY).due);
	assert_non_null(strstr(schedule_decide(&held, START - 2 * DAY).reason, "clock"));
	assert_false(schedule_decide(&held, START - 60).due);
	assert_true(schedule_decide(&held, START + 90 * DAY).due);
	assert_non_null(strstr(schedule_decide(&held, START + 90 * DAY).reason, "expired on 2026-12-30"));
	assert_true(schedule_decide(&odd, START).due);
}

static void extreme_dates_do_no_harm(void **state)
{
	struct holding held = { .present = true, .not_before = -INT64_C(62167219200), .not_after = INT64_C(253402300799) };

	(void)state;
	assert_false(schedule_decide(&held, START).due);
	assert_non_null(strstr(schedule_decide(&held, START).reason, "9999-12-31"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_third_is_left),	     cmocka_unit_test(half_is_left_of_a_short_one),
		cmocka_unit_test(nothing_or_another_is_due), cmocka_unit_test(clock_and_dates_contradict),
		cmocka_unit_test(extreme_dates_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
