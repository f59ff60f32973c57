// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * 10,000 hosts renew their certificates: the timer fires each hour, up to an hour late, and hosts reboot now and then. The CA suggests
 * windows as Let's Encrypt does: a hundredth of the lifetime around the moment at which a third (under 10 days: a half) is left. An order
 * in the window counts against no limit, so nearly all must be; the decision is that of acmegate.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/schedule.h"
#include "between.h"

#define HOSTS 10000
#define HOUR INT64_C(3600)
#define DAY INT64_C(86400)
#define START INT64_C(1790812800)
#define REBOOTS 200    /* hours between two of them, on average */
#define DOWN (20 * 60) /* seconds that one takes at the most */
#define CELLS 20

static uint64_t seed = 88172645463325252; /* the same run always */

/* From 0 to n - 1; xorshift64. */
static int64_t dice(int64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int64_t)(seed % (uint64_t)n);
}

struct fleet {
	int64_t lifetime;
	int before, inside, after;
	int cells[CELLS]; /* of the windows: when in them */
};

struct host {
	struct ledger ledger;
	struct secret secret;
	struct holding held;
	struct instant now;
	int64_t due; /* the hour at which the timer fires next, before it is late */
};

static struct host host;

static void meet(const struct fleet *fleet, int number)
{
	memset(&host, 0, sizeof(host));
	memcpy(host.secret.byte, &number, sizeof(number));
	host.ledger.live.stored = START + dice(DAY);
	host.ledger.live.wish = 7;
	host.ledger.live.not_before = host.ledger.live.stored - HOUR;
	host.ledger.live.not_after = host.ledger.live.not_before + fleet->lifetime;
	snprintf(host.ledger.live.certid, sizeof(host.ledger.live.certid), "key.%d", number);
	host.held = (struct holding){
		.present = true,
		.directory = "https://ca.test/directory",
		.other_directory = "",
		.not_before = host.ledger.live.not_before,
		.not_after = host.ledger.live.not_after,
		.wish = 7,
	};
	host.now = (struct instant){ .wall = host.ledger.live.stored + HOUR, .boot = DAY, .boot_id = "first" };
}

/* As boulder's RenewalInfoSimple(). */
static struct suggestion suggest(int64_t lifetime)
{
	int64_t ideal = host.held.not_after - (lifetime < 10 * DAY ? lifetime / 2 : lifetime / 3), margin = lifetime / 100;

	return (struct suggestion){ .answer = SUGGESTION_WINDOW, .again = 6 * 3600, .start = ideal - margin, .end = ideal + margin };
}

static void pass(int64_t seconds)
{
	host.now.wall += seconds;
	host.now.boot += seconds;
}

/* To the next run: late by up to an hour, or after a reboot. */
static void sleep_on(void)
{
	if (dice(REBOOTS) == 0) {
		pass(dice(DOWN));
		host.now.boot = 60;
		host.now.boot_id[0]++;
	}
	host.due += HOUR;
	if (host.due + HOUR < host.now.wall) /* one that was missed */
		host.due = host.now.wall;
	pass(host.due + dice(HOUR) > host.now.wall ? host.due + dice(HOUR) - host.now.wall : 0);
}

static int64_t renew(const struct suggestion *window)
{
	pass(window->start - 8 * HOUR - host.now.wall);
	host.due = host.now.wall - host.now.wall % HOUR;
	for (;;) {
		struct decision decision = schedule_decide(&host.held, &host.ledger, &host.now, &host.secret);

		if (decision.act == ACT_ORDER)
			return host.now.wall;
		assert_int_equal(decision.act, ACT_NOTHING);
		sleep_on();
	}
}

static void tally(struct fleet *fleet, const struct suggestion *window, int64_t ordered)
{
	if (ordered < window->start) {
		fleet->before++;
	} else if (ordered >= window->end) {
		fleet->after++;
	} else {
		fleet->inside++;
		fleet->cells[(ordered - window->start) * CELLS / (window->end - window->start)]++;
	}
}

static void sail(struct fleet *fleet)
{
	for (int number = 0; number < HOSTS; number++) {
		struct suggestion window;

		meet(fleet, number);
		window = suggest(fleet->lifetime);
		ledger_suggest(&host.ledger, &window, &host.now, &host.secret);
		assert_int_equal(schedule_decide(&host.held, &host.ledger, &host.now, &host.secret).act, ACT_NOTHING);
		tally(fleet, &window, renew(&window));
	}
	print_message("%lld h: %d orders before their window, %d in it, %d after it; in its twentieths:",
		      (long long)(fleet->lifetime / HOUR), fleet->before, fleet->inside, fleet->after);
	for (int i = 0; i < CELLS; i++)
		print_message(" %d", fleet->cells[i]);
	print_message("\n");
	assert_int_equal(fleet->before, 0);
	assert_true(fleet->inside >= HOSTS * 999 / 1000);
}

/* Orders are spread as the moments are: no twentieth of the window has half as many again as its share. */
static void assert_spread(const struct fleet *fleet)
{
	for (int i = 1; i < CELLS; i++)
		assert_between(fleet->cells[i], HOSTS / CELLS / 2, HOSTS / CELLS * 3 / 2);
}

static void orders_of_90_days_are_in_their_windows(void **state)
{
	struct fleet fleet = { .lifetime = 90 * DAY };

	(void)state;
	sail(&fleet);
	assert_spread(&fleet);
}

static void orders_of_45_days_are_in_their_windows(void **state)
{
	struct fleet fleet = { .lifetime = 45 * DAY };

	(void)state;
	sail(&fleet);
}

static void orders_of_160_hours_are_in_their_windows(void **state)
{
	struct fleet fleet = { .lifetime = 160 * HOUR };

	(void)state;
	sail(&fleet);
}

/* --- a first CA that fails ---------------------------------------------------------------------------------------- */

#define FAILING_HOSTS 1000

struct outage {
	int64_t lifetime;
	int early, late, again; /* orders from the second CA before and after its turn; renewals that did not begin with the first */
	int64_t most;		/* seconds from the first failure to that order */
};

static void have_two_cas(void)
{
	host.held.succession = (struct succession){
		2, { { "first", "https://ca.test/directory", 7, 0 }, { "second", "https://second.test/directory", 8, 1 } }
	};
}

/* Its first order from the second CA; *first: when the first CA had failed for the first time. */
static int64_t fail_until_the_second(int64_t *first)
{
	static const struct outcome refused = { .result = RESULT_REFUSED };

	for (*first = 0;; sleep_on()) {
		struct decision decision = schedule_decide(&host.held, &host.ledger, &host.now, &host.secret);

		assert_true(host.now.wall < host.held.not_after);
		if (decision.act != ACT_ORDER)
			continue;
		if (decision.ca == 1)
			return host.now.wall;
		*first = *first ? *first : host.now.wall;
		ledger_begin(&host.ledger, &host.now, 7, "https://ca.test/directory");
		ledger_end(&host.ledger, &host.now, &refused);
	}
}

/* The second one's certificate is stored: its renewal begins with the first again. */
static void renew_later(struct outage *outage)
{
	static const struct outcome stored = { .result = RESULT_STORED };
	struct decision decision;

	ledger_begin(&host.ledger, &host.now, 8, "https://second.test/directory");
	ledger_end(&host.ledger, &host.now, &stored);
	host.ledger.live.stored = host.now.wall;
	host.ledger.live.wish = 8;
	host.held.origin = 1;
	host.held.not_before = host.now.wall - HOUR;
	host.held.not_after = host.held.not_before + outage->lifetime;
	decision = schedule_decide(&host.held, &host.ledger, &host.now, &host.secret);
	outage->again += decision.act != ACT_NOTHING || decision.asked_ca != 1;
	pass(outage->lifetime * 2 / 3);
	decision = schedule_decide(&host.held, &host.ledger, &host.now, &host.secret);
	outage->again += decision.act != ACT_ORDER || decision.ca != 0;
}

static void outlast(struct outage *outage)
{
	const struct fleet fleet = { .lifetime = outage->lifetime };

	for (int number = 0; number < FAILING_HOSTS; number++) {
		int64_t due, first, turn, ordered;

		meet(&fleet, number);
		have_two_cas();
		due = host.held.not_after - (outage->lifetime < 10 * DAY ? outage->lifetime / 2 : outage->lifetime / 3);
		pass(due - host.now.wall);
		host.due = host.now.wall - host.now.wall % HOUR;
		ordered = fail_until_the_second(&first);
		turn = host.held.not_after - outage->lifetime / 6;
		turn = first + 3 * DAY < turn ? first + 3 * DAY : turn;
		outage->early += ordered < turn;
		outage->late += ordered > turn + 2 * HOUR + DOWN;
		outage->most = ordered - first > outage->most ? ordered - first : outage->most;
		renew_later(outage);
	}
	print_message("%lld h: the second CA's turn came at most %lld h after the first failure\n",
		      (long long)(outage->lifetime / HOUR), (long long)(outage->most / HOUR));
	assert_int_equal(outage->early, 0);
	assert_int_equal(outage->late, 0);
	assert_int_equal(outage->again, 0);
}

static void a_second_ca_comes_in_time(void **state)
{
	static const int64_t lifetimes[] = { 90 * DAY, 45 * DAY, 160 * HOUR };

	(void)state;
	for (int i = 0; i < 3; i++)
		outlast(&(struct outage){ .lifetime = lifetimes[i] });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_of_90_days_are_in_their_windows),
		cmocka_unit_test(orders_of_45_days_are_in_their_windows),
		cmocka_unit_test(orders_of_160_hours_are_in_their_windows),
		cmocka_unit_test(a_second_ca_comes_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
