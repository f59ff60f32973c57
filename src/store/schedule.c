// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/schedule.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/moment.h"
#include "base/own.h"
#include "base/revocation.h"

#define MINUTE INT64_C(60)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define SHORT_LIFETIME (10 * DAY)
#define CLOCK_TOLERANCE HOUR
#define URGENT (6 * HOUR)
#define ALWAYS 0	/* it is due, and nobody knows since when */
#define FAILURES_MOST 4 /* an hour, and a day; Let's Encrypt's limit is 5 an hour for a name */

/* With the time of day where a day is a good part of the lifetime. */
static struct moment date(int64_t when, int64_t lifetime)
{
	return lifetime < SHORT_LIFETIME ? moment_utc(when) : moment_day(when);
}

static struct decision decide(enum act act, int64_t from, const char *format, ...) PRINTF_LIKE(3, 4);
static struct decision decide(enum act act, int64_t from, const char *format, ...)
{
	struct decision decision = { .act = act, .from = from };
	va_list args;

	va_start(args, format);
	vsnprintf(decision.reason, sizeof(decision.reason), format, args);
	va_end(args);
	return decision;
}

/* --- is it due? --------------------------------------------------------------------------------------------------- */

/* Does the CA suggest a usable window for this certificate? */
static bool has_window(const struct ledger *ledger)
{
	const struct live *live = &ledger->live;
	const struct ari *ari = &ledger->ari;

	return live->certid[0] && !strcmp(live->certid, ari->certid) && ari->start < ari->end &&
	       ari->start >= (live->stored ? live->stored : live->not_before);
}

/* The latest sensible moment in the window: the next run may come after its end. */
static int64_t moment_in_window(const struct ari *ari)
{
	int64_t last = ari->end - WAKE_MOST > ari->start ? ari->end - WAKE_MOST : ari->start;

	return ari->chosen < last ? ari->chosen : last;
}

/* A certificate that is as the configuration wants it. ACT_ORDER: from when on it is due. */
static struct decision decide_by_dates(const struct holding *holding, const struct ledger *ledger, int64_t now)
{
	int64_t lifetime = holding->not_after - holding->not_before;
	int64_t renew = holding->not_after - (lifetime < SHORT_LIFETIME ? lifetime / 2 : lifetime / 3);
	bool window = has_window(ledger) && !holding->other_directory[0];
	int64_t latest = renew + lifetime / 12;
	struct moment until = date(holding->not_after, lifetime), from;

	if (window)
		renew = moment_in_window(&ledger->ari) < latest ? moment_in_window(&ledger->ari) : latest;
	from = window ? moment_utc(renew) : date(renew, lifetime);
	if (holding->not_after <= now)
		return decide(ACT_ORDER, renew, "expired on %s", until.text);
	return decide(now >= renew ? ACT_ORDER : ACT_NOTHING, renew, "valid until %s, renewed from %s%s%s%s", until.text, from.text,
		      window ? ", in the time that the CA suggests" : "", window && ledger->ari.explanation[0] ? ": " : "",
		      window ? ledger->ari.explanation : "");
}

/* Is it the wish for one of the CAs of this certificate? */
static bool is_wish(const struct holding *holding, uint64_t wish)
{
	return wish == holding->wish || succession_find(&holding->succession, wish) >= 0;
}

/* Was it ordered with what the configuration says now? Then another order would bring the same again. */
static bool is_as_ordered(const struct holding *holding, const struct ledger *ledger)
{
	return ledger->live.stored && (is_wish(holding, ledger->live.wish) || ledger->live.wish == holding->older_wish);
}

static struct decision decide_if_due(const struct holding *holding, const struct ledger *ledger, int64_t now)
{
	int64_t lifetime = holding->not_after - holding->not_before;
	struct moment from = date(holding->not_before, lifetime), until = date(holding->not_after, lifetime);
	bool as_ordered = is_as_ordered(holding, ledger);

	if (!holding->present)
		return decide(ACT_ORDER, ALWAYS,
			      holding->broken ? "the stored certificate was broken and has been put aside" :
						"there is no certificate yet");
	if (ledger->live.revoked)
		return decide(ACT_ORDER, now, "valid until %s, but it was revoked (%s)", until.text,
			      revocation_name(ledger->live.revoked - 1));
	if (holding->other_names && !as_ordered)
		return decide(ACT_ORDER, ALWAYS, "valid until %s, but the configured names are others", until.text);
	if (holding->other_key && !as_ordered)
		return decide(ACT_ORDER, ALWAYS, "valid until %s, but the %s is another", until.text,
			      holding->csr ? "request (csr)" : "configured type of key");
	if (holding->other_directory[0])
		return decide(ACT_ORDER, ALWAYS, "from another CA than the configured one: %.80s", holding->other_directory);
	if (ledger->live.stored && !as_ordered)
		return decide(ACT_ORDER, ALWAYS, "valid until %s, but it was ordered with another profile, chain, %s or names",
			      until.text, holding->csr ? "request (csr)" : "type of key");
	if (lifetime <= 0)
		return decide(ACT_ORDER, ALWAYS, "its dates make no sense");
	if (holding->not_before > now + CLOCK_TOLERANCE) /* another one would begin no earlier */
		return decide(as_ordered ? ACT_NOTHING : ACT_ORDER, as_ordered ? holding->not_before : ALWAYS,
			      "valid only from %s: is the clock of this host right?", from.text);
	return decide_by_dates(holding, ledger, now);
}

/* --- has it failed lately? ---------------------------------------------------------------------------------------- */

static bool is_failure(const struct attempt *attempt)
{
	return attempt->outcome.result != RESULT_STORED && attempt->outcome.result != RESULT_UNREACHABLE;
}

/* The failures in a row since this wish was made: those in which the CA was reached, as far as that is known. Other CAs' do not count. */
static uint32_t count_failures(const struct holding *holding, const struct ledger *ledger)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < ledger->attempts; i++) {
		const struct attempt *attempt = &ledger->attempt[i];

		if (!is_wish(holding, attempt->wish) || attempt->outcome.result == RESULT_STORED)
			break;
		count += attempt->wish == holding->wish && is_failure(attempt);
	}
	return count;
}

/* The newest of them; NULL: there is none. */
static const struct attempt *last_failure(const struct holding *holding, const struct ledger *ledger)
{
	for (uint32_t i = 0; i < ledger->attempts; i++) {
		const struct attempt *attempt = &ledger->attempt[i];

		if (!is_wish(holding, attempt->wish) || attempt->outcome.result == RESULT_STORED)
			break;
		if (attempt->wish == holding->wish)
			return attempt;
	}
	return NULL;
}

/* From 0.75 to 1.25, for this attempt: the same however often it is asked. */
static double draw(const struct attempt *attempt, const struct secret *secret)
{
	const int64_t about[] = { (int64_t)attempt->wish, attempt->started.wall, attempt->started.boot };

	return 0.75 + secret_draw(secret, about, sizeof(about)) / 2;
}

void schedule_draw(struct ledger *ledger, const struct secret *secret)
{
	for (uint32_t i = 0; i < ledger->attempts; i++)
		ledger->drawn[i] = draw(&ledger->attempt[i], secret);
}

/* Without the secret, as the ledger has it; where an older acmegate has not noted it, in the middle. */
static double drawn_for(const struct ledger *ledger, const struct attempt *attempt, const struct secret *secret)
{
	const double noted = ledger->drawn[attempt - ledger->attempt];

	return secret ? draw(attempt, secret) : noted >= 0.75 && noted <= 1.25 ? noted : 1;
}

/* Less than such a part of the lifetime is left. */
static bool has_less(const struct holding *holding, int64_t part, int64_t now)
{
	return holding->present && holding->not_after - now < (holding->not_after - holding->not_before) / part;
}

static bool is_urgent(const struct holding *holding, int64_t now)
{
	return has_less(holding, 10, now);
}

static int64_t wait_for_host(uint32_t failures)
{
	static const int64_t waits[] = { MINUTE, 10 * MINUTE, 100 * MINUTE };

	/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.UndefReturn): the last failure is counted, too */
	return failures <= LENGTH_OF(waits) ? waits[failures - 1] : DAY;
}

/*
 * When the CA was not there, all hosts were refused together, and none was validated: nobody tries again soon, and all at different
 * times: evenly from 6 hours on to a day, or to a fifth of the time that the certificate is valid.
 */
static double wait_for_ca(const struct holding *holding, int64_t now, double drawn)
{
	int64_t left = holding->present ? holding->not_after - now : 0;
	int64_t most = left / 5 > DAY ? left / 5 : DAY;

	if (left <= 0)
		return (double)HOUR * drawn;
	if (is_urgent(holding, now))
		return (double)URGENT * drawn;
	return 6 * HOUR + (double)(most - 6 * HOUR) * (2 * drawn - 1.5);
}

/* Seconds from the start of this attempt, which failed, to the next one. */
static int64_t wait_after(const struct attempt *attempt, uint32_t failures, const struct holding *holding, int64_t now, double drawn)
{
	enum result result = (enum result)attempt->outcome.result;
	int64_t wait = DAY;

	if (result == RESULT_UNREACHABLE)
		return (int64_t)wait_for_ca(holding, now, drawn);
	if (result == RESULT_INVALID || result == RESULT_HOST)
		wait = wait_for_host(failures);
	if (result == RESULT_UNKNOWN) /* its window was open, perhaps */
		wait = wait_for_host(failures + 1);
	if (is_urgent(holding, now) && wait > URGENT)
		wait = URGENT;
	return (int64_t)((double)wait * drawn);
}

/* Until so many seconds have passed since the fourth last failure, so that no fifth one falls into them. */
static int64_t left_of_limit(const struct ledger *ledger, int64_t seconds, const uint64_t *wish, const struct instant *now)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < ledger->attempts; i++) {
		const struct attempt *attempt = &ledger->attempt[i];

		if (is_failure(attempt) && (!wish || attempt->wish == *wish) && ++count == FAILURES_MOST)
			return instant_left(seconds, &attempt->started, now);
	}
	return 0;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Seconds that nothing may be tried because of failures; 0: it may. */
static int64_t left_of_failures(const struct holding *holding, const struct ledger *ledger, const struct instant *now,
				const struct secret *secret)
{
	const struct attempt *attempt = last_failure(holding, ledger);
	int64_t left = left_of_limit(ledger, HOUR, NULL, now), wait;

	if (!attempt)
		return left;
	wait = wait_after(attempt, count_failures(holding, ledger), holding, now->wall, drawn_for(ledger, attempt, secret));
	left = larger(left, instant_left(wait, &attempt->started, now));
	return is_urgent(holding, now->wall) ? left : larger(left, left_of_limit(ledger, DAY, &holding->wish, now));
}

/* Of this CA. */
static int64_t left_of_hold(const char *directory, const struct ledger *ledger, const struct instant *now)
{
	const char *ca = ledger->holder[0] ? ledger->holder : ledger->attempt[0].ca, *host = strstr(directory, "://");
	bool held = ledger->attempts && host && !strncmp(host + 3, ca, strlen(ca)) && strchr("/", host[3 + strlen(ca)]);

	return held ? instant_left(ledger->hold, &ledger->held, now) : 0;
}

static const char *explain(const struct attempt *attempt)
{
	static const char *const results[RESULTS] = {
		[RESULT_UNKNOWN] = "the last run was killed, or is at work",
		[RESULT_STORED] = "the CA asked to wait",
		[RESULT_INVALID] = "the CA could not validate a name",
		[RESULT_REFUSED] = "the CA refused",
		[RESULT_LIMITED] = "the CA's limits were reached",
		[RESULT_UNREACHABLE] = "the CA was not reached",
		[RESULT_HOST] = "it failed on this host",
	};
	_Static_assert(LENGTH_OF(results) == RESULTS, "a text for each result");

	return attempt->outcome.result < RESULTS ? results[attempt->outcome.result] : "it failed";
}

static struct decision back_off(const struct holding *holding, const struct ledger *ledger, int64_t now, int64_t left)
{
	const struct attempt *last = last_failure(holding, ledger), *attempt = last ? last : &ledger->attempt[0];
	struct moment until = moment_utc(now + left);

	return decide(ACT_BACK_OFF, now + left, "not tried again before %s, because %s%s%.300s; acmegate renew-now does",
		      until.text, explain(attempt), attempt->outcome.detail[0] ? ": " : "", attempt->outcome.detail);
}

static struct decision back_off_for_name(const struct holding *holding, int64_t now)
{
	struct moment until = moment_utc(now + holding->limited);

	return decide(ACT_BACK_OFF, now + holding->limited,
		      "not tried again before %s, because validations of %.256s have failed four times in an hour, for this or another "
		      "certificate; acmegate renew-now does",
		      until.text, holding->limited_name);
}

/* --- the CA's renewal information --------------------------------------------------------------------------------- */

/* directory: of the CA that the certificate came from */
static int64_t ask_from(const struct holding *holding, const char *directory, const struct ledger *ledger, const struct instant *now)
{
	const struct ari *ari = &ledger->ari;
	int64_t left = left_of_hold(directory, ledger, now);

	if (!holding->present || holding->other_directory[0] || !ledger->live.certid[0] || holding->not_after <= now->wall)
		return INT64_MAX;
	if (!strcmp(ari->certid, ledger->live.certid))
		left = larger(left, instant_left(ari->retry_after, &ari->read_at, now));
	return now->wall + left;
}

/* --- the decision ------------------------------------------------------------------------------------------------- */

/* For people, where it is not the preferred one. */
static void tell_choice(const struct succession *succession, uint32_t place, char reason[REASON_SIZE])
{
	size_t used = strlen(reason);

	if (place > 0)
		snprintf(reason + used, REASON_SIZE - used, "; from %s, as %s has failed", succession->choice[place].name,
			 succession->choice[place - 1].name);
}

static struct decision decide_at(const struct holding *holding, struct decision decision, const struct ledger *ledger,
				 const struct instant *now, const struct secret *secret)
{
	int64_t left = larger(left_of_failures(holding, ledger, now, secret), left_of_hold(holding->directory, ledger, now));

	if (decision.act == ACT_ORDER && holding->limited > left)
		return back_off_for_name(holding, now->wall);
	if (decision.act == ACT_ORDER && left > 0)
		return back_off(holding, ledger, now->wall, left);
	if (decision.act == ACT_ORDER && ledger->order.url[0] && ledger->order.wish == holding->wish)
		decision.act = ACT_RESUME;
	if (decision.act != ACT_NOTHING)
		decision.from = now->wall;
	return decision;
}

struct decision schedule_decide(const struct holding *configured, const struct ledger *ledger, const struct instant *now,
				const struct secret *secret)
{
	struct holding holding = *configured;
	struct decision decision = decide_if_due(&holding, ledger, now->wall);
	const struct succession *succession = &holding.succession;
	uint32_t place = succession_place(succession, ledger, now, decision.from, has_less(&holding, 6, now->wall));
	const char *origin = succession->choices ? succession->choice[holding.origin].directory : holding.directory;

	if (succession->choices) {
		holding.directory = succession->choice[place].directory;
		holding.wish = succession->choice[place].wish;
	}
	decision = decide_at(&holding, decision, ledger, now, secret);
	if (decision.act != ACT_NOTHING)
		tell_choice(succession, place, decision.reason);
	decision.replaces = decision.act == ACT_ORDER && holding.present && !holding.other_directory[0] && ledger->live.certid[0] &&
			    !strcmp(holding.directory, origin);
	decision.ca = succession->choice[place].ca;
	decision.asked_ca = succession->choice[holding.origin].ca;
	decision.ask_from = ask_from(&holding, origin, ledger, now);
	decision.ask = decision.ask_from <= now->wall;
	return decision;
}
