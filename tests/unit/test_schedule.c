// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/reuse.h"
#include "store/schedule.h"
#include "store/wish.h"
#include "between.h"

#define MINUTE INT64_C(60)
#define HOUR INT64_C(3600)
#define DAY INT64_C(86400)
#define START INT64_C(1790812800) /* 2026-10-01 00:00 UTC */
#define DIRECTORY "https://ca.test/directory"
#define ASKED UINT64_C(7) /* the wish of every holding here */
#define SECOND_DIRECTORY "https://second.test/directory"
#define ASKED_SECOND UINT64_C(8)

static struct ledger ledger;
static struct secret secret;

static int set_up(void **state)
{
	(void)state;
	memset(&ledger, 0, sizeof(ledger));
	memset(&secret, 0, sizeof(secret));
	return 0;
}

static struct holding nothing(void)
{
	return (struct holding){ .directory = DIRECTORY, .other_directory = "", .wish = ASKED };
}

static struct holding holding(int64_t lifetime)
{
	struct holding held = nothing();

	held.present = true;
	held.not_before = START;
	held.not_after = START + lifetime;
	return held;
}

/* Seconds of the epoch, in one boot that began at START - 1 day. */
static struct instant at(int64_t when)
{
	return (struct instant){ .wall = when, .boot = when - START + DAY, .boot_id = "first" };
}

static struct decision decide(const struct holding *held, int64_t when)
{
	struct instant now = at(when);

	return schedule_decide(held, &ledger, &now, &secret);
}

static bool is_due(const struct holding *held, int64_t when)
{
	struct decision decision = decide(held, when);

	return decision.act == ACT_ORDER || decision.act == ACT_RESUME;
}

static void attempt_by(uint64_t wish, const char *directory, int64_t when, enum result result, uint32_t wait, const char *detail)
{
	struct instant now = at(when), end = at(when + 5);
	struct outcome outcome = { .result = result, .wait = wait };

	snprintf(outcome.detail, sizeof(outcome.detail), "%s", detail);
	ledger_begin(&ledger, &now, wish, directory);
	if (result != RESULT_UNKNOWN)
		ledger_end(&ledger, &end, &outcome);
}

static void attempt_at(int64_t when, enum result result, uint32_t wait, const char *detail)
{
	attempt_by(ASKED, DIRECTORY, when, result, wait, detail);
}

/* --- when it is due ----------------------------------------------------------------------------------------------- */

static void a_third_is_left(void **state)
{
	struct holding held = holding(90 * DAY);

	(void)state;
	assert_int_equal(decide(&held, START + 60 * DAY - 1).act, ACT_NOTHING);
	assert_int_equal(decide(&held, START + 60 * DAY).act, ACT_ORDER);
	assert_int_equal(decide(&held, START).from, START + 60 * DAY);
	assert_string_equal(decide(&held, START).reason, "valid until 2026-12-30, renewed from 2026-11-30");
}

static void half_is_left_of_a_short_one(void **state)
{
	struct holding held = holding(160 * HOUR);

	(void)state;
	assert_false(is_due(&held, START + 80 * HOUR - 1));
	assert_true(is_due(&held, START + 80 * HOUR));
	assert_string_equal(decide(&held, START).reason, "valid until 2026-10-07 16:00 UTC, renewed from 2026-10-04 08:00 UTC");
	held = holding(10 * DAY);
	assert_false(is_due(&held, START + 5 * DAY));
	assert_true(is_due(&held, START + 7 * DAY));
}

static void nothing_or_another_is_due(void **state)
{
	struct holding none = nothing(), broken = nothing();
	struct holding names = holding(90 * DAY), key = holding(90 * DAY), ca = holding(90 * DAY);

	(void)state;
	broken.broken = true;
	names.other_names = true;
	key.other_key = true;
	ca.other_directory = "https://old.test/directory";
	assert_true(is_due(&none, START));
	assert_true(is_due(&broken, START));
	assert_non_null(strstr(decide(&broken, START).reason, "broken"));
	assert_true(is_due(&names, START));
	assert_non_null(strstr(decide(&names, START).reason, "names"));
	assert_true(is_due(&key, START));
	assert_non_null(strstr(decide(&key, START).reason, "type of key"));
	assert_true(is_due(&ca, START));
	assert_non_null(strstr(decide(&ca, START).reason, "https://old.test/directory"));
}

/* A certificate that came from the same wish is no reason to ask again. */
static void a_change_is_due_once(void **state)
{
	struct holding held = holding(90 * DAY);

	(void)state;
	ledger.live.stored = START + HOUR;
	ledger.live.wish = ASKED + 1;
	assert_true(is_due(&held, START + DAY));
	assert_non_null(strstr(decide(&held, START + DAY).reason, "profile, chain"));
	ledger.live.wish = ASKED;
	assert_false(is_due(&held, START + DAY));
	held.other_names = held.other_key = true;
	assert_false(is_due(&held, START + DAY));
	assert_true(is_due(&held, START + 60 * DAY));
}

static void clock_and_dates_contradict(void **state)
{
	struct holding held = holding(90 * DAY), odd = holding(-DAY);

	(void)state;
	assert_true(is_due(&held, START - 2 * DAY));
	assert_non_null(strstr(decide(&held, START - 2 * DAY).reason, "clock"));
	assert_false(is_due(&held, START - 60));
	assert_true(is_due(&held, START + 90 * DAY));
	assert_non_null(strstr(decide(&held, START + 90 * DAY).reason, "expired on 2026-12-30"));
	assert_true(is_due(&odd, START));
	ledger.live.stored = START + HOUR; /* by us: the clock was right then, and another one would begin later still */
	ledger.live.wish = ASKED;
	assert_int_equal(decide(&held, START - 2 * HOUR).act, ACT_NOTHING);
	assert_non_null(strstr(decide(&held, START - 2 * HOUR).reason, "clock"));
}

static void extreme_dates_do_no_harm(void **state)
{
	struct holding held = holding(0);

	(void)state;
	held.not_before = -INT64_C(62167219200);
	held.not_after = INT64_C(253402300799);
	assert_false(is_due(&held, START));
	assert_non_null(strstr(decide(&held, START).reason, "9999-12-31"));
}

/* --- the CA's window ---------------------------------------------------------------------------------------------- */

static void suggest(int64_t start, int64_t end)
{
	struct suggestion suggestion = { .answer = SUGGESTION_WINDOW, .again = 6 * 3600, .start = start, .end = end };
	struct instant now = at(START + HOUR);

	snprintf(ledger.live.certid, sizeof(ledger.live.certid), "key.serial");
	ledger.live.not_before = START;
	ledger_suggest(&ledger, &suggestion, &now, &secret);
}

static void the_window_of_the_ca_decides(void **state)
{
	struct holding held = holding(90 * DAY);
	int64_t start = START + 55 * DAY, end = START + 57 * DAY;

	(void)state;
	secret.byte[0] = 1; /* a moment that is not in the last two hours */
	suggest(start, end);
	assert_between(ledger.ari.chosen, start, end - WAKE_MOST - 1);
	assert_false(is_due(&held, ledger.ari.chosen - 1));
	assert_true(is_due(&held, ledger.ari.chosen));
	assert_int_equal(decide(&held, START).from, ledger.ari.chosen);
	assert_non_null(strstr(decide(&held, START).reason, "the CA suggests"));
}

static void the_last_run_before_the_end_orders(void **state)
{
	struct holding held = holding(90 * DAY);
	int64_t start = START + 55 * DAY, end = START + 57 * DAY;

	(void)state;
	suggest(start, end);
	ledger.ari.chosen = end - 60;
	assert_false(is_due(&held, end - WAKE_MOST - 1));
	assert_true(is_due(&held, end - WAKE_MOST));
	suggest(start, start + HOUR); /* shorter than the time between two runs */
	ledger.ari.chosen = start + 1000;
	assert_false(is_due(&held, start - 1));
	assert_true(is_due(&held, start));
}

static void a_window_in_the_past_is_due_at_once(void **state)
{
	struct holding held = holding(90 * DAY);

	(void)state;
	suggest(START + 10 * DAY - HOUR, START + 10 * DAY - HOUR / 2);
	snprintf(ledger.ari.explanation, sizeof(ledger.ari.explanation), "https://ca.test/incident");
	assert_true(is_due(&held, START + 10 * DAY));
	assert_non_null(strstr(decide(&held, START + 10 * DAY).reason, "https://ca.test/incident"));
}

static void a_window_of_another_certificate_is_none(void **state)
{
	struct holding held = holding(90 * DAY);

	(void)state;
	suggest(START + 10 * DAY, START + 11 * DAY);
	ledger.live.stored = START + 10 * DAY + 1; /* it began before this one was stored */
	ledger.live.wish = ASKED;
	assert_int_equal(decide(&held, START + 20 * DAY).from, START + 60 * DAY);
	ledger.live.stored = START;
	assert_true(is_due(&held, START + 20 * DAY));
	snprintf(ledger.live.certid, sizeof(ledger.live.certid), "key.other");
	assert_false(is_due(&held, START + 20 * DAY));
}

/* A CA that goes on to suggest the window of the certificate before: it is heard whenever it may be asked, and orders nothing. */
static void a_stale_window_orders_nothing_in_30_days(void **state)
{
	struct holding held = holding(90 * DAY);
	int asked = 0;

	(void)state;
	ledger.live.stored = START;
	ledger.live.wish = ASKED;
	for (int64_t when = START + HOUR; when < START + 30 * DAY; when += HOUR) {
		const struct suggestion stale = {
			.answer = SUGGESTION_WINDOW, .again = 6 * 3600, .start = START - 2 * HOUR, .end = START - HOUR
		};
		struct instant now = at(when);

		snprintf(ledger.live.certid, sizeof(ledger.live.certid), "key.serial");
		if (decide(&held, when).ask) {
			ledger_suggest(&ledger, &stale, &now, &secret);
			asked++;
		}
		assert_false(is_due(&held, when));
	}
	assert_int_equal(asked, 30 * DAY / (6 * HOUR));
}

static void no_window_delays_for_long(void **state)
{
	struct holding held = holding(90 * DAY);

	(void)state;
	suggest(START + 80 * DAY, START + 82 * DAY);
	assert_int_equal(decide(&held, START).from, START + 60 * DAY + 90 * DAY / 12);
	suggest(START + 400 * DAY, START + 402 * DAY);
	assert_true(is_due(&held, START + 70 * DAY));
}

static void the_ca_is_asked_when_its_answer_is_old(void **state)
{
	struct holding held = holding(90 * DAY);

	(void)state;
	assert_false(decide(&held, START).ask); /* no certID */
	suggest(START + 55 * DAY, START + 57 * DAY);
	assert_false(decide(&held, START + HOUR + 6 * HOUR - 1).ask);
	assert_true(decide(&held, START + HOUR + 6 * HOUR).ask);
	assert_int_equal(decide(&held, START + HOUR).ask_from, START + 7 * HOUR);
	snprintf(ledger.live.certid, sizeof(ledger.live.certid), "key.other");
	assert_true(decide(&held, START + HOUR).ask);
	attempt_at(START + HOUR, RESULT_LIMITED, 7200, "");
	assert_false(decide(&held, START + 2 * HOUR).ask);
	held.other_directory = "https://old.test/directory";
	assert_int_equal(decide(&held, START + 30 * DAY).ask_from, INT64_MAX);
}

/* --- after failures ----------------------------------------------------------------------------------------------- */

/* The moments of attempts that all fail, each as soon as it may be; how many there were until `until`. */
static size_t try_until(const struct holding *held, int64_t from, int64_t until, enum result result, int64_t *moments, size_t most)
{
	size_t n = 0;

	for (int64_t now = from; now < until && n < most;) {
		struct decision decision = decide(held, now);

		if (decision.act == ACT_BACK_OFF) {
			assert_true(decision.from > now);
			now = decision.from;
			continue;
		}
		assert_true(decision.act == ACT_ORDER);
		moments[n++] = now;
		attempt_at(now, result, 0, "no");
	}
	return n;
}

static void assert_about(int64_t seconds, int64_t expected)
{
	assert_between(seconds, expected * 3 / 4 - 1, expected * 5 / 4 + 1);
}

static void ten_days_of_failures_follow_the_schedule(void **state)
{
	static const enum result results[] = { RESULT_INVALID, RESULT_HOST };
	const int64_t steps[] = { MINUTE, 10 * MINUTE, 100 * MINUTE };
	struct holding held = holding(90 * DAY);
	int64_t moments[64];

	(void)state;
	for (size_t host = 0; host < 500; host++) {
		size_t n;

		set_up(NULL);
		memcpy(secret.byte, &host, sizeof(host));
		n = try_until(&held, START + 61 * DAY, START + 71 * DAY, results[host % 2], moments, 64);
		assert_between(n, 11, 17);
		for (size_t i = 1; i < n; i++)
			assert_about(moments[i] - moments[i - 1], i <= 3 ? steps[i - 1] : DAY);
		for (size_t i = 4; i < n; i++)
			assert_true(moments[i] - moments[i - 4] >= DAY);
	}
}

/* A killed run leaves no result: no minute, but the schedule goes on. */
static void kills_in_between_change_nothing(void **state)
{
	struct holding held = holding(90 * DAY);
	int64_t moments[64];
	size_t n;

	(void)state;
	n = try_until(&held, START + 61 * DAY, START + 71 * DAY, RESULT_UNKNOWN, moments, 64);
	assert_between(n, 10, 16);
	assert_about(moments[1] - moments[0], 10 * MINUTE);
	assert_about(moments[2] - moments[1], 100 * MINUTE);
	for (size_t i = 3; i < n; i++)
		assert_about(moments[i] - moments[i - 1], DAY);
}

static void hourly_runs_of_a_day_try_four_times(void **state)
{
	struct holding held = nothing();

	(void)state;
	for (size_t host = 0; host < 500; host++) {
		int tried = 0;

		set_up(NULL);
		memcpy(secret.byte, &host, sizeof(host));
		for (int64_t hour = 0; hour < 24; hour++)
			if (is_due(&held, START + hour * HOUR)) {
				attempt_at(START + hour * HOUR, RESULT_INVALID, 0, "no");
				tried++;
			}
		assert_int_equal(tried, 4);
	}
}

static void near_the_end_it_is_four_a_day(void **state)
{
	struct holding held = holding(90 * DAY);
	int64_t moments[64];
	size_t n;

	(void)state;
	n = try_until(&held, START + 82 * DAY, START + 92 * DAY, RESULT_INVALID, moments, 64);
	assert_between(n, 33, 57);
	for (size_t i = 4; i < n; i++)
		assert_about(moments[i] - moments[i - 1], 6 * HOUR);
}

/* Also with renew-now, and with changes of the configuration meanwhile. */
static void four_an_hour_are_the_most(void **state)
{
	struct holding held = nothing();

	(void)state;
	for (int64_t i = 0; i < 4; i++)
		attempt_at(START + i * MINUTE, RESULT_INVALID, 0, "no");
	held.wish = ASKED + 1;
	assert_int_equal(decide(&held, START + HOUR - 1).act, ACT_BACK_OFF);
	assert_int_equal(decide(&held, START + HOUR).act, ACT_ORDER);
}

static void a_change_of_what_is_asked_tries_at_once(void **state)
{
	struct holding held = nothing();

	(void)state;
	attempt_at(START, RESULT_REFUSED, 0, "no");
	assert_int_equal(decide(&held, START + MINUTE).act, ACT_BACK_OFF);
	held.wish = ASKED + 1;
	assert_int_equal(decide(&held, START + MINUTE).act, ACT_ORDER);
}

static void a_refusal_waits_a_day(void **state)
{
	struct holding held = nothing();

	(void)state;
	attempt_at(START, RESULT_REFUSED, 0, "rejectedIdentifier: no such thing");
	assert_about(decide(&held, START + 10).from - START, DAY);
	assert_non_null(strstr(decide(&held, START + 10).reason, "because the CA refused: rejectedIdentifier: no such thing; "
								 "acmegate renew-now does"));
}

static void the_ca_says_how_long(void **state)
{
	struct holding held = nothing();

	(void)state;
	attempt_at(START, RESULT_LIMITED, 48 * 3600, "slow down");
	assert_int_equal(ledger.hold, DAY);
	assert_true(decide(&held, START + 5 + DAY - 1).act == ACT_BACK_OFF);
	set_up(NULL);
	attempt_at(START, RESULT_INVALID, 1, "");
	assert_int_equal(ledger.hold, 60);
	set_up(NULL);
	attempt_at(START, RESULT_LIMITED, 3600, "");
	held.wish = ASKED + 1; /* other names do not help */
	assert_int_equal(decide(&held, START + 5 + 3599).act, ACT_BACK_OFF);
	assert_int_equal(decide(&held, START + 5 + 3600).act, ACT_ORDER);
	held.directory = "https://other.test/directory"; /* another CA does */
	assert_int_equal(decide(&held, START + 10).act, ACT_ORDER);
	held.directory = "https://ca.test.other/directory";
	assert_int_equal(decide(&held, START + 10).act, ACT_ORDER);
}

static void a_clock_that_jumps_changes_no_wait(void **state)
{
	struct holding held = nothing();
	struct instant now = at(START + 10 * MINUTE);

	(void)state;
	held.wish = ASKED + 1;
	attempt_at(START, RESULT_LIMITED, 3600, "");
	now.wall += 365 * DAY;
	assert_int_equal(schedule_decide(&held, &ledger, &now, &secret).act, ACT_BACK_OFF);
	now = at(START + 2 * HOUR);
	now.wall -= 365 * DAY;
	assert_int_equal(schedule_decide(&held, &ledger, &now, &secret).act, ACT_ORDER);
	snprintf(now.boot_id, sizeof(now.boot_id), "second"); /* after a boot only the wall's clock is left */
	now.boot = 10;
	now.wall = START + HOUR / 2;
	assert_int_equal(schedule_decide(&held, &ledger, &now, &secret).act, ACT_BACK_OFF);
	now.wall = START - HOUR / 2;
	assert_int_equal(schedule_decide(&held, &ledger, &now, &secret).act, ACT_BACK_OFF);
	now.wall = START - 30 * DAY; /* it was wrong when it was written down */
	assert_int_equal(schedule_decide(&held, &ledger, &now, &secret).act, ACT_ORDER);
}

static void a_ca_out_of_reach_is_tried_late_and_evenly(void **state)
{
	struct holding held = holding(90 * DAY), none = nothing(), late = holding(90 * DAY);
	int64_t now = START + 60 * DAY;
	int quarters[4] = { 0 };

	(void)state;
	for (size_t host = 0; host < 4000; host++) {
		int64_t wait;

		set_up(NULL);
		memcpy(secret.byte, &host, sizeof(host));
		attempt_at(now, RESULT_UNREACHABLE, 0, "");
		wait = decide(&held, now + 5).from - now;
		assert_between(wait, 6 * HOUR, 6 * DAY);
		quarters[(wait - 6 * HOUR) * 4 / (6 * DAY - 6 * HOUR + 1)]++;
		assert_about(decide(&none, now + 5).from - now, HOUR);
	}
	for (size_t i = 0; i < 4; i++)
		assert_between(quarters[i], 900, 1100);
	set_up(NULL);
	attempt_at(START + 82 * DAY, RESULT_UNREACHABLE, 0, "");
	assert_about(decide(&late, START + 82 * DAY + 5).from - (START + 82 * DAY), 6 * HOUR);
}

static void an_outage_costs_no_quick_try_later(void **state)
{
	struct holding held = nothing();

	(void)state;
	for (int64_t i = 0; i < 10; i++)
		attempt_at(START + i * HOUR, RESULT_UNREACHABLE, 0, "");
	attempt_at(START + DAY, RESULT_INVALID, 0, "");
	assert_about(decide(&held, START + DAY + 5).from - START - DAY, MINUTE);
}

static void success_forgets_failures(void **state)
{
	struct holding held = nothing();

	(void)state;
	attempt_at(START, RESULT_INVALID, 0, "");
	attempt_at(START + HOUR, RESULT_INVALID, 0, "");
	assert_int_equal(ledger.failures, 2);
	attempt_at(START + 3 * HOUR, RESULT_STORED, 0, "");
	assert_int_equal(ledger.failures, 0);
	assert_int_equal(decide(&held, START + 3 * HOUR + 10).act, ACT_ORDER);
}

static void an_open_order_is_resumed(void **state)
{
	struct holding held = nothing();

	(void)state;
	attempt_at(START, RESULT_UNKNOWN, 0, "");
	snprintf(ledger.order.url, sizeof(ledger.order.url), "https://ca.test/order/1");
	ledger.order.wish = ASKED;
	assert_int_equal(decide(&held, START + 10).act, ACT_BACK_OFF);
	assert_int_equal(decide(&held, START + HOUR).act, ACT_RESUME);
	held.wish = ASKED + 1;
	assert_int_equal(decide(&held, START + HOUR).act, ACT_ORDER);
}

static void a_wish_is_what_is_asked_for(void **state)
{
	static struct config config;
	struct certificate certificate = { .names = 2 };
	uint64_t wish;

	(void)state;
	memset(&config, 0, sizeof(config));
	snprintf(config.acme.directory, sizeof(config.acme.directory), DIRECTORY);
	snprintf(config.name[0], NAME_SIZE, "a.test");
	snprintf(config.name[1], NAME_SIZE, "b.test");
	wish = wish_of(&config, &certificate);
	assert_true(wish && wish == wish_of(&config, &certificate));
	certificate.mode = 0640;
	assert_true(wish == wish_of(&config, &certificate));
	certificate.key = KEY_P384;
	assert_true(wish != wish_of(&config, &certificate));
	certificate.key = KEY_P256;
	certificate.names = 1;
	assert_true(wish != wish_of(&config, &certificate));
	certificate.names = 2;
	snprintf(certificate.profile, sizeof(certificate.profile), "shortlived");
	assert_true(wish != wish_of(&config, &certificate));
	certificate.profile[0] = '\0';
	snprintf(certificate.chain, sizeof(certificate.chain), "Root");
	assert_true(wish != wish_of(&config, &certificate));
	certificate.chain[0] = '\0';
	certificate.csr_at = 3;
	certificate.csr_length = 2;
	memcpy(config.csr, "abcde", 5);
	assert_true(wish != wish_of(&config, &certificate));
	wish = wish_of(&config, &certificate);
	config.csr[2] = 'x';
	assert_true(wish == wish_of(&config, &certificate));
	config.csr[3] = 'x';
	assert_true(wish != wish_of(&config, &certificate));
	certificate.csr_length = 0;
	wish = wish_of(&config, &certificate);
	config.acme.directory[8] = 'd';
	assert_true(wish != wish_of(&config, &certificate));
}

/* With reuse_key `key` is about the next key: neither it nor reuse_key itself makes the certificate due. */
static void a_key_that_stays_is_no_reason(void **state)
{
	static struct config config;
	struct certificate certificate = { .names = 1 };
	struct holding hold;

	(void)state;
	memset(&config, 0, sizeof(config));
	snprintf(config.acme.directory, sizeof(config.acme.directory), DIRECTORY);
	ledger.live = (struct live){ .not_before = START - DAY, .not_after = START + 89 * DAY, .stored = START - DAY };
	snprintf(ledger.live.directory, sizeof(ledger.live.directory), DIRECTORY);
	ledger.live.wish = wish_of(&config, &certificate);
	certificate.reuse = 4;
	certificate.key = KEY_RSA4096;
	hold = holding_of(&config, &certificate, &ledger);
	assert_int_equal(decide(&hold, START).act, ACT_NOTHING);
	certificate.names = 2;
	hold = holding_of(&config, &certificate, &ledger);
	assert_int_equal(decide(&hold, START).act, ACT_ORDER);
	certificate.names = 1;
	certificate.reuse = 0;
	hold = holding_of(&config, &certificate, &ledger);
	assert_int_equal(decide(&hold, START).act, ACT_ORDER);
}

static void the_key_of_an_order_is_chosen(void **state)
{
	struct certificate certificate = { .reuse = 4 };

	(void)state;
	assert_int_equal(reuse_choose(&certificate, &ledger, false, START), REUSE_NOTHING);
	assert_int_equal(reuse_choose(&certificate, &ledger, true, START), REUSE_LIVE);
	ledger.keys.next[31] = 1;
	ledger.keys.prepared = START - NEXT_KEY_AGE;
	assert_int_equal(reuse_choose(&certificate, &ledger, false, START - 10 * DAY), REUSE_NEXT);
	for (ledger.keys.renewals = 0; ledger.keys.renewals < 3; ledger.keys.renewals++) {
		assert_int_equal(reuse_left(&certificate, &ledger), 3 - ledger.keys.renewals);
		assert_int_equal(reuse_choose(&certificate, &ledger, true, START), REUSE_LIVE);
	}
	assert_int_equal(reuse_left(&certificate, &ledger), 0);
	assert_int_equal(reuse_choose(&certificate, &ledger, true, START - 1), REUSE_LIVE);
	assert_int_equal(reuse_choose(&certificate, &ledger, true, START), REUSE_NEXT);
	certificate.reuse = REUSE_ALWAYS;
	ledger.keys.renewals = UINT32_MAX;
	assert_int_equal(reuse_choose(&certificate, &ledger, true, START), REUSE_LIVE);
	certificate.reuse = 1;
	ledger.keys.renewals = 0;
	assert_int_equal(reuse_choose(&certificate, &ledger, true, START), REUSE_NEXT);
}

/* --- several CAs -------------------------------------------------------------------------------------------------- */

/* It came from the first of two, which are the fourth and the second of the configuration. */
static struct holding of_two(int64_t lifetime)
{
	struct holding held = holding(lifetime);

	held.succession =
		(struct succession){ 2, { { "first", DIRECTORY, ASKED, 3 }, { "second", SECOND_DIRECTORY, ASKED_SECOND, 1 } } };
	snprintf(ledger.live.certid, sizeof(ledger.live.certid), "key.1");
	ledger.live.stored = START;
	ledger.live.wish = ASKED;
	return held;
}

static void attempt_of_two(const struct decision *decision, int64_t when, enum result result)
{
	const bool second = decision->ca == 1;

	attempt_by(second ? ASKED_SECOND : ASKED, second ? SECOND_DIRECTORY : DIRECTORY, when, result, 0, "no");
}

/* Hourly runs from then on, whose attempts fail so, until one is to order from this CA. */
static int64_t run_until(const struct holding *held, int64_t when, enum result result, uint32_t ca)
{
	for (int64_t last = when + 40 * DAY; when < last; when += HOUR) {
		struct decision decision = decide(held, when);

		if (decision.act != ACT_ORDER)
			continue;
		if (decision.ca == ca)
			return when;
		attempt_of_two(&decision, when, result);
	}
	fail_msg("the turn of CA %u never comes", ca);
	return 0;
}

static void three_days_of_failures_are_followed_by_the_next_ca(void **state)
{
	const enum result results[] = { RESULT_INVALID, RESULT_REFUSED, RESULT_LIMITED, RESULT_UNREACHABLE, RESULT_UNKNOWN };
	struct holding held = of_two(90 * DAY);
	struct decision decision;

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(results); i++) {
		ledger.attempts = 0;
		assert_int_equal(decide(&held, START + 60 * DAY).ca, 3);
		assert_true(decide(&held, START + 60 * DAY).replaces);
		assert_int_equal(run_until(&held, START + 60 * DAY, results[i], 1), START + 63 * DAY);
		decision = decide(&held, START + 63 * DAY);
		assert_false(decision.replaces);
		assert_int_equal(decision.asked_ca, 3);
		assert_non_null(strstr(decision.reason, "; from second, as first has failed"));
		assert_non_null(strstr(decide(&held, START + 63 * DAY - HOUR).reason, "not tried again before"));
		/* The second one has as much time, and then it is the first one's turn again. */
		assert_int_equal(run_until(&held, START + 63 * DAY, results[i], 3), START + 66 * DAY);
	}
}

static void the_next_renewal_begins_with_the_first_ca(void **state)
{
	struct holding held = of_two(90 * DAY);
	struct decision decision;

	(void)state;
	attempt_by(ASKED_SECOND, SECOND_DIRECTORY, START - 5, RESULT_STORED, 0, "");
	ledger.live.wish = ASKED_SECOND;
	held.origin = 1;
	decision = decide(&held, START + 30 * DAY);
	assert_int_equal(decision.act, ACT_NOTHING);
	assert_int_equal(decision.asked_ca, 1);
	assert_true(decision.ask);
	assert_int_equal(decision.ca, 3);
	decision = decide(&held, START + 60 * DAY);
	assert_int_equal(decision.act, ACT_ORDER);
	assert_int_equal(decision.ca, 3);
	assert_false(decision.replaces);
	/* What the second one suggests counts: the certificate is its own. */
	ledger.ari = (struct ari){ .certid = "key.1", .start = START + 50 * DAY, .end = START + 52 * DAY, .chosen = START + 51 * DAY };
	assert_int_equal(decide(&held, START + 51 * DAY - 1).act, ACT_NOTHING);
	assert_int_equal(decide(&held, START + 51 * DAY).act, ACT_ORDER);
	/* Where its turn comes, it may be told what it replaces. */
	attempt_at(START + 60 * DAY, RESULT_REFUSED, 0, "");
	decision = decide(&held, START + 64 * DAY);
	assert_int_equal(decision.ca, 1);
	assert_true(decision.replaces);
}

static void under_a_sixth_one_failure_is_enough(void **state)
{
	struct holding held = of_two(90 * DAY);

	(void)state;
	assert_int_equal(decide(&held, START + 80 * DAY).ca, 3);
	attempt_at(START + 75 * DAY - HOUR, RESULT_REFUSED, 0, "no");
	assert_int_equal(decide(&held, START + 75 * DAY).act, ACT_BACK_OFF);
	assert_int_equal(decide(&held, START + 75 * DAY).ca, 3);
	assert_int_equal(decide(&held, START + 75 * DAY + 1).act, ACT_ORDER);
	assert_int_equal(decide(&held, START + 75 * DAY + 1).ca, 1);
	/* Each CA has its own waits: the first one's goes on. */
	attempt_by(ASKED_SECOND, SECOND_DIRECTORY, START + 75 * DAY + 1, RESULT_INVALID, 0, "no");
	assert_int_equal(decide(&held, START + 75 * DAY + 12 * HOUR).act, ACT_BACK_OFF);
	assert_int_equal(decide(&held, START + 75 * DAY + 12 * HOUR).ca, 3);
	assert_int_equal(decide(&held, START + 77 * DAY).act, ACT_ORDER);
}

static void each_ca_has_its_own_waits(void **state)
{
	struct holding held = of_two(90 * DAY);
	const int64_t late = START + 80 * DAY;

	(void)state;
	attempt_by(ASKED_SECOND, SECOND_DIRECTORY, late, RESULT_INVALID, 0, "no");
	attempt_by(ASKED_SECOND, SECOND_DIRECTORY, late + 10, RESULT_INVALID, 0, "no");
	attempt_at(late + 20, RESULT_INVALID, 0, "no");
	attempt_by(ASKED_SECOND, SECOND_DIRECTORY, late + 30, RESULT_UNREACHABLE, 0, "no");
	/* One failure of the first CA waits for a minute, three for 100. */
	assert_int_equal(decide(&held, late + 30).act, ACT_BACK_OFF);
	assert_int_equal(decide(&held, late + 20 + 75).act, ACT_ORDER);
	assert_int_equal(decide(&held, late + 20 + 75).ca, 3);
}

static void failures_before_it_was_due_are_none_of_the_ca(void **state)
{
	struct holding held = of_two(90 * DAY);

	(void)state;
	for (int i = 0; i < 10; i++)
		attempt_at(START + 30 * DAY + i * DAY, RESULT_REFUSED, 0, "no");
	assert_int_equal(decide(&held, START + 41 * DAY).ca, 3);
	assert_int_equal(decide(&held, START + 60 * DAY).ca, 3);
	assert_int_equal(run_until(&held, START + 60 * DAY, RESULT_REFUSED, 1), START + 63 * DAY);
}

static void a_ca_that_asks_to_wait_delays_no_other(void **state)
{
	struct holding held = of_two(90 * DAY);
	const int64_t late = START + 80 * DAY;

	(void)state;
	attempt_by(ASKED, DIRECTORY, late, RESULT_UNREACHABLE, DAY, "later");
	assert_int_equal(decide(&held, late + 10).act, ACT_ORDER);
	assert_int_equal(decide(&held, late + 10).ca, 1);
	attempt_by(ASKED_SECOND, SECOND_DIRECTORY, late + 10, RESULT_INVALID, 0, "no");
	assert_int_equal(decide(&held, late + 20 * HOUR).ca, 3);
	assert_int_equal(decide(&held, late + DAY - HOUR).act, ACT_BACK_OFF);
	assert_int_equal(decide(&held, late + DAY + HOUR).act, ACT_ORDER);
}

static void an_order_is_resumed_at_its_own_ca(void **state)
{
	struct holding held = of_two(90 * DAY);

	(void)state;
	snprintf(ledger.order.url, sizeof(ledger.order.url), "https://ca.test/order/1");
	ledger.order.wish = ASKED;
	assert_int_equal(decide(&held, START + 60 * DAY).act, ACT_RESUME);
	attempt_at(START + 60 * DAY, RESULT_UNKNOWN, 0, "");
	assert_int_equal(decide(&held, START + 63 * DAY).act, ACT_ORDER);
	ledger.order.wish = ASKED_SECOND;
	assert_int_equal(decide(&held, START + 63 * DAY).act, ACT_RESUME);
}

static void the_configuration_says_whose_turn_it_is(void **state)
{
	static struct config config;
	struct certificate certificate = { .names = 1, .cas = 2, .ca = { 2, 0 }, .own_profile = "mine" };
	struct holding held;

	(void)state;
	memset(&config, 0, sizeof(config));
	config.cas = 3;
	for (uint32_t i = 0; i < 3; i++)
		snprintf(config.ca[i].directory, URL_SIZE, "https://ca%u.test/", i);
	snprintf(config.ca[2].name, LABEL_SIZE, "third");
	snprintf(config.ca[0].profile, LABEL_SIZE, "classic");
	snprintf(config.name[0], NAME_SIZE, "a.test");
	snprintf(ledger.live.directory, URL_SIZE, "https://ca0.test/");
	ledger.live.not_after = START;
	held = holding_of(&config, &certificate, &ledger);
	assert_int_equal(held.succession.choices, 2);
	assert_string_equal(held.succession.choice[0].name, "third");
	assert_string_equal(held.succession.choice[1].name, "acme");
	assert_int_equal(held.origin, 1);
	assert_string_equal(held.other_directory, "");
	snprintf(ledger.live.directory, URL_SIZE, "https://ca1.test/");
	held = holding_of(&config, &certificate, &ledger);
	assert_string_equal(held.other_directory, "https://ca1.test/");
	for (int place = 0; place < 2; place++) {
		snprintf(config.acme.directory, URL_SIZE, "https://ca%d.test/", place ? 0 : 2);
		snprintf(certificate.profile, LABEL_SIZE, "%s", place ? "classic" : "mine");
		assert_true(held.succession.choice[place].wish == wish_of(&config, &certificate));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(three_days_of_failures_are_followed_by_the_next_ca, set_up),
		cmocka_unit_test_setup(the_next_renewal_begins_with_the_first_ca, set_up),
		cmocka_unit_test_setup(under_a_sixth_one_failure_is_enough, set_up),
		cmocka_unit_test_setup(each_ca_has_its_own_waits, set_up),
		cmocka_unit_test_setup(failures_before_it_was_due_are_none_of_the_ca, set_up),
		cmocka_unit_test_setup(a_ca_that_asks_to_wait_delays_no_other, set_up),
		cmocka_unit_test_setup(an_order_is_resumed_at_its_own_ca, set_up),
		cmocka_unit_test_setup(the_configuration_says_whose_turn_it_is, set_up),
		cmocka_unit_test_setup(a_third_is_left, set_up),
		cmocka_unit_test_setup(half_is_left_of_a_short_one, set_up),
		cmocka_unit_test_setup(nothing_or_another_is_due, set_up),
		cmocka_unit_test_setup(a_change_is_due_once, set_up),
		cmocka_unit_test_setup(clock_and_dates_contradict, set_up),
		cmocka_unit_test_setup(extreme_dates_do_no_harm, set_up),
		cmocka_unit_test_setup(the_window_of_the_ca_decides, set_up),
		cmocka_unit_test_setup(the_last_run_before_the_end_orders, set_up),
		cmocka_unit_test_setup(a_window_in_the_past_is_due_at_once, set_up),
		cmocka_unit_test_setup(a_window_of_another_certificate_is_none, set_up),
		cmocka_unit_test_setup(a_stale_window_orders_nothing_in_30_days, set_up),
		cmocka_unit_test_setup(no_window_delays_for_long, set_up),
		cmocka_unit_test_setup(the_ca_is_asked_when_its_answer_is_old, set_up),
		cmocka_unit_test_setup(ten_days_of_failures_follow_the_schedule, set_up),
		cmocka_unit_test_setup(kills_in_between_change_nothing, set_up),
		cmocka_unit_test_setup(hourly_runs_of_a_day_try_four_times, set_up),
		cmocka_unit_test_setup(near_the_end_it_is_four_a_day, set_up),
		cmocka_unit_test_setup(four_an_hour_are_the_most, set_up),
		cmocka_unit_test_setup(a_change_of_what_is_asked_tries_at_once, set_up),
		cmocka_unit_test_setup(a_refusal_waits_a_day, set_up),
		cmocka_unit_test_setup(the_ca_says_how_long, set_up),
		cmocka_unit_test_setup(a_clock_that_jumps_changes_no_wait, set_up),
		cmocka_unit_test_setup(a_ca_out_of_reach_is_tried_late_and_evenly, set_up),
		cmocka_unit_test_setup(an_outage_costs_no_quick_try_later, set_up),
		cmocka_unit_test_setup(success_forgets_failures, set_up),
		cmocka_unit_test_setup(an_open_order_is_resumed, set_up),
		cmocka_unit_test_setup(a_wish_is_what_is_asked_for, set_up),
		cmocka_unit_test_setup(a_key_that_stays_is_no_reason, set_up),
		cmocka_unit_test_setup(the_key_of_an_order_is_chosen, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
