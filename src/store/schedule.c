// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/schedule.h"

#include <nettle/sha2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/own.h"

#define MINUTE INT64_C(60)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define SHORT_LIFETIME (10 * DAY)
#define CLOCK_TOLERANCE HOUR
#define URGENT (6 * HOUR)
#define FAILURES_MOST 4 /* an hour, and a day; Let's Encrypt's limit is 5 an hour for a name */

struct date {
	char text[32];
};

static struct date spell(int64_t when, bool with_time)
{
	struct date date = { "an unknown date" };
	time_t seconds = (time_t)when;
	struct tm parts;

	if (gmtime_r(&seconds, &parts) && with_time)
		strftime(date.text, sizeof(date.text), "%Y-%m-%d %H:%M UTC", &parts);
	else if (gmtime_r(&seconds, &parts))
		strftime(date.text, sizeof(date.text), "%Y-%m-%d", &parts);
	return date;
}

/* With the time of day where a day is a good part of the lifetime. */
static struct date date(int64_t when, int64_t lifetime)
{
	return spell(when, lifetime < SHORT_LIFETIME);
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

/* Seconds that are left of a wait. A clock that has been set back by more than a day was wrong before, and so is what it measured. */
static int64_t left_of(int64_t wait, const struct instant *since, const struct instant *now)
{
	int64_t elapsed = instant_since(since, now);

	if (elapsed < -DAY || elapsed >= wait)
		return 0;
	return elapsed < 0 ? wait : wait - elapsed;
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

/* A certificate that is as the configuration wants it. */
static struct decision decide_by_dates(const struct holding *holding, const struct ledger *ledger, int64_t now)
{
	int64_t lifetime = holding->not_after - holding->not_before;
	int64_t renew = holding->not_after - (lifetime < SHORT_LIFETIME ? lifetime / 2 : lifetime / 3);
	bool window = has_window(ledger) && !holding->other_directory[0];
	int64_t latest = renew + lifetime / 12;
	struct date until = date(holding->not_after, lifetime), from;

	if (window)
		renew = moment_in_window(&ledger->ari) < latest ? moment_in_window(&ledger->ari) : latest;
	from = window ? spell(renew, true) : date(renew, lifetime);
	if (holding->not_after <= now)
		return decide(ACT_ORDER, now, "expired on %s", until.text);
	return decide(now >= renew ? ACT_ORDER : ACT_NOTHING, now >= renew ? now : renew, "valid until %s, renewed from %s%s%s%s",
		      until.text, from.text, window ? ", in the time that the CA suggests" : "",
		      window && ledger->ari.explanation[0] ? ": " : "", window ? ledger->ari.explanation : "");
}

/* Was it ordered with what the configuration says now? Then another order would bring the same again. */
static bool is_as_ordered(const struct holding *holding, const struct ledger *ledger)
{
	return ledger->live.stored && (ledger->live.wish == holding->wish || ledger->live.wish == holding->older_wish);
}

static struct decision decide_if_due(const struct holding *holding, const struct ledger *ledger, int64_t now)
{
	int64_t lifetime = holding->not_after - holding->not_before;
	struct date from = date(holding->not_before, lifetime), until = date(holding->not_after, lifetime);
	bool as_ordered = is_as_ordered(holding, ledger);

	if (!holding->present)
		return decide(ACT_ORDER, now,
			      holding->broken ? "the stored certificate was broken and has been put aside" :
						"there is no certificate yet");
	if (holding->other_names && !as_ordered)
		return decide(ACT_ORDER, now, "valid until %s, but the configured names are others", until.text);
	if (holding->other_key && !as_ordered)
		return decide(ACT_ORDER, now, "valid until %s, but the configured type of key is another", until.text);
	if (holding->other_directory[0])
		return decide(ACT_ORDER, now, "from another CA than the configured one: %.80s", holding->other_directory);
	if (ledger->live.stored && !as_ordered)
		return decide(ACT_ORDER, now,
			      "valid until %s, but it was ordered with another profile, chain, type of key or names", until.text);
	if (lifetime <= 0)
		return decide(ACT_ORDER, now, "its dates make no sense");
	if (holding->not_before > now + CLOCK_TOLERANCE) /* another one would begin no earlier */
		return decide(as_ordered ? ACT_NOTHING : ACT_ORDER, as_ordered ? holding->not_before : now,
			      "valid only from %s: is the clock of this host right?", from.text);
	return decide_by_dates(holding, ledger, now);
}

/* --- has it failed lately? ---------------------------------------------------------------------------------------- */

static bool is_failure(const struct attempt *attempt)
{
	return attempt->outcome.result != RESULT_STORED && attempt->outcome.result != RESULT_UNREACHABLE;
}

/* The failures in a row since this wish was made: those in which the CA was reached, as far as that is known. */
static uint32_t count_failures(const struct ledger *ledger, uint64_t wish)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < ledger->attempts; i++) {
		const struct attempt *attempt = &ledger->attempt[i];

		if (attempt->wish != wish || attempt->outcome.result == RESULT_STORED)
			break;
		count += is_failure(attempt);
	}
	return count;
}

/* From 0.75 to 1.25, for the newest attempt: the same however often it is asked. */
static double draw(const struct ledger *ledger, const struct secret *secret)
{
	const struct attempt *attempt = &ledger->attempt[0];
	const int64_t about[] = { (int64_t)attempt->wish, attempt->started.wall, attempt->started.boot };

	return 0.75 + secret_draw(secret, about, sizeof(about)) / 2;
}

/* Less than a tenth of the lifetime is left. */
static bool is_urgent(const struct holding *holding, int64_t now)
{
	return holding->present && holding->not_after - now < (holding->not_after - holding->not_before) / 10;
}

static int64_t wait_for_host(uint32_t failures)
{
	static const int64_t waits[] = { MINUTE, 10 * MINUTE, 100 * MINUTE };

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

/* Seconds from the start of the newest attempt, which failed, to the next one. */
static int64_t wait_after(const struct holding *holding, const struct ledger *ledger, int64_t now, const struct secret *secret)
{
	enum result result = (enum result)ledger->attempt[0].outcome.result;
	uint32_t failures = count_failures(ledger, holding->wish);
	double drawn = draw(ledger, secret);
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
			return left_of(seconds, &attempt->started, now);
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
	const struct attempt *attempt = &ledger->attempt[0];
	int64_t left = left_of_limit(ledger, HOUR, NULL, now);

	if (!ledger->attempts || attempt->wish != holding->wish || attempt->outcome.result == RESULT_STORED)
		return left;
	left = larger(left, left_of(wait_after(holding, ledger, now->wall, secret), &attempt->started, now));
	return is_urgent(holding, now->wall) ? left : larger(left, left_of_limit(ledger, DAY, &holding->wish, now));
}

/* The CA that was asked last is the configured one. */
static bool is_same_ca(const struct ledger *ledger, const char *directory)
{
	const char *ca = ledger->attempt[0].ca, *host = strstr(directory, "://");

	return ledger->attempts && host && !strncmp(host + 3, ca, strlen(ca)) && strchr("/", host[3 + strlen(ca)]);
}

static int64_t left_of_hold(const struct holding *holding, const struct ledger *ledger, const struct instant *now)
{
	return is_same_ca(ledger, holding->directory) ? left_of(ledger->hold, &ledger->held, now) : 0;
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

static struct decision back_off(const struct ledger *ledger, int64_t now, int64_t left)
{
	const struct attempt *attempt = &ledger->attempt[0];
	struct date until = spell(now + left, true);

	return decide(ACT_BACK_OFF, now + left, "not tried again before %s, because %s%s%.300s; acmegate renew-now does",
		      until.text, explain(attempt), attempt->outcome.detail[0] ? ": " : "", attempt->outcome.detail);
}

/* --- the CA's renewal information --------------------------------------------------------------------------------- */

static int64_t ask_from(const struct holding *holding, const struct ledger *ledger, const struct instant *now)
{
	const struct ari *ari = &ledger->ari;
	int64_t left = left_of_hold(holding, ledger, now);

	if (!holding->present || holding->other_directory[0] || !ledger->live.certid[0] || holding->not_after <= now->wall)
		return INT64_MAX;
	if (!strcmp(ari->certid, ledger->live.certid))
		left = larger(left, left_of(ari->retry_after, &ari->read_at, now));
	return now->wall + left;
}

struct decision schedule_decide(const struct holding *holding, const struct ledger *ledger, const struct instant *now,
				const struct secret *secret)
{
	struct decision decision = decide_if_due(holding, ledger, now->wall);
	int64_t left = larger(left_of_failures(holding, ledger, now, secret), left_of_hold(holding, ledger, now));

	if (decision.act == ACT_ORDER && left > 0)
		decision = back_off(ledger, now->wall, left);
	if (decision.act == ACT_ORDER && ledger->order.url[0] && ledger->order.wish == holding->wish)
		decision.act = ACT_RESUME;
	decision.replaces = decision.act == ACT_ORDER && holding->present && !holding->other_directory[0] && ledger->live.certid[0];
	decision.ask_from = ask_from(holding, ledger, now);
	decision.ask = decision.ask_from <= now->wall;
	return decision;
}

/* --- what is asked of the CA -------------------------------------------------------------------------------------- */

static void add_text(struct sha256_ctx *sum, const char *text)
{
	sha256_update(sum, strlen(text) + 1, (const uint8_t *)text);
}

static uint64_t wish_for(const struct config *config, const struct certificate *certificate, enum key_type type)
{
	struct sha256_ctx sum;
	uint8_t key = (uint8_t)type;
	uint64_t wish;

	sha256_init(&sum);
	add_text(&sum, config->acme.directory);
	add_text(&sum, certificate->profile);
	add_text(&sum, certificate->chain);
	sha256_update(&sum, sizeof(key), &key);
	for (uint32_t i = 0; i < certificate->names; i++)
		add_text(&sum, config->name[certificate->first_name + i]);
	sha256_digest(&sum, sizeof(wish), (uint8_t *)&wish);
	return wish ? wish : 1;
}

uint64_t schedule_wish(const struct config *config, const struct certificate *certificate)
{
	return wish_for(config, certificate, certificate->key);
}

/* With reuse_key another type of key is that of the next key: no reason to part with the one in use. */
static uint64_t older_wish(const struct config *config, const struct certificate *certificate, uint64_t live)
{
	for (unsigned int type = 0; certificate->reuse && type < KEY_TYPES; type++)
		if (live == wish_for(config, certificate, (enum key_type)type))
			return live;
	return 0;
}

struct holding schedule_hold(const struct config *config, const struct certificate *certificate, const struct ledger *ledger)
{
	const struct live *live = &ledger->live;

	return (struct holding){
		.present = live->not_after != 0,
		.directory = config->acme.directory,
		.other_directory = strcmp(live->directory, config->acme.directory) != 0 ? live->directory : "",
		.not_before = live->not_before,
		.not_after = live->not_after,
		.wish = schedule_wish(config, certificate),
		.older_wish = older_wish(config, certificate, live->wish),
	};
}
