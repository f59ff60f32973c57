// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/renewal_info.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

#define FETCH_MOST 20000 /* ms for all; a renewal that is due waits for them */
#define LEAST 60	 /* s between two questions, whatever Retry-After says */
#define MOST 86400	 /* the same (RFC 9773, 4.3) */
#define USUAL (6 * 3600) /* without Retry-After: as the RFC proposes for lasting errors, and Let's Encrypt for windows */
#define WEAK 3600	 /* after an answer that may be better next time */

/* "ddd" against digits: each 'd' is one, all else is itself, letters in any case. */
static bool has_shape(const char *text, const char *shape)
{
	for (; *shape; text++, shape++)
		if (*shape == 'd' ? *text < '0' || *text > '9' : (*text | 0x20) != (*shape | 0x20))
			return false;
	return true;
}

static int number(const char *text, int digits)
{
	int value = 0;

	for (int i = 0; i < digits; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

/* "Z" or "+dd:dd", and nothing behind it. Seconds that the text is ahead of UTC, or INT32_MAX: it is neither. */
static int64_t offset_of(const char *text)
{
	int64_t seconds;

	if ((*text == 'Z' || *text == 'z') && !text[1])
		return 0;
	if ((*text != '+' && *text != '-') || !has_shape(text + 1, "dd:dd") || text[6])
		return INT32_MAX;
	if (number(text + 1, 2) > 23 || number(text + 4, 2) > 59)
		return INT32_MAX;
	seconds = number(text + 1, 2) * 3600 + number(text + 4, 2) * 60;
	return *text == '-' ? -seconds : seconds;
}

int64_t renewal_info_moment(const char *text)
{
	struct tm tm = { 0 };
	const char *rest = text + 19;
	int64_t moment, offset;
	int day;

	if (!has_shape(text, "dddd-dd-ddTdd:dd:dd"))
		return 0;
	tm.tm_year = number(text, 4) - 1900;
	tm.tm_mon = number(text + 5, 2) - 1;
	tm.tm_mday = day = number(text + 8, 2);
	tm.tm_hour = number(text + 11, 2);
	tm.tm_min = number(text + 14, 2);
	tm.tm_sec = number(text + 17, 2);
	if (*rest == '.' && has_shape(rest + 1, "d"))
		rest += 1 + strspn(rest + 1, "0123456789");
	offset = offset_of(rest);
	if (tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60 || offset == INT32_MAX)
		return 0;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	moment = (int64_t)timegm(&tm) + number(text + 11, 2) * 3600 + number(text + 14, 2) * 60 + number(text + 17, 2) - offset;
	return tm.tm_mday == day && moment > 0 ? moment : 0; /* timegm() makes 3 March of 31 February */
}

static enum suggestion_answer answer_of(unsigned int status)
{
	if (status == 404)
		return SUGGESTION_UNKNOWN;
	if (status == 429 || status == 503)
		return SUGGESTION_BUSY;
	return status >= 400 && status <= 499 ? SUGGESTION_REFUSED : SUGGESTION_BROKEN;
}

static void take_window(struct suggestion *suggestion, const struct exchange *exchange)
{
	struct renewal_info_object object;
	struct fault ignored;

	suggestion->answer = SUGGESTION_BROKEN;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): no fault, so there is an exchange */
	if (codec_renewal_info(exchange->data, exchange->used, &object, &ignored) < 0)
		return;
	suggestion->start = renewal_info_moment(object.start);
	suggestion->end = renewal_info_moment(object.end);
	if (suggestion->start && suggestion->start < suggestion->end) {
		suggestion->answer = SUGGESTION_WINDOW;
		memcpy(suggestion->explanation, object.explanation, sizeof(suggestion->explanation));
		return;
	}
	suggestion->start = suggestion->end = 0;
}

static int64_t fetched(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
		       const struct fault *fault)
{
	struct renewal_info *info = call->context;
	struct suggestion *suggestion = &info->suggestion;
	int64_t wish = exchange ? exchange_retry_after(exchange, LEAST * 1000, MOST * 1000) : -1;

	(void)problem;
	if (!fault)
		take_window(suggestion, exchange);
	else
		suggestion->answer = exchange ? answer_of(exchange->status) : SUGGESTION_BROKEN;
	if (fault)
		log_debug("%s", fault->text);
	suggestion->again = suggestion->answer == SUGGESTION_BUSY || suggestion->answer == SUGGESTION_BROKEN ? WEAK : USUAL;
	if (wish >= 0)
		suggestion->again = (uint32_t)(wish / 1000);
	return CALL_FINISHED;
}

/* RFC 9773, 4.1: the identifier follows the URL behind a slash. Returns false if that gets too long. */
static bool write_url(char url[URL_SIZE], const char *base, const char *id)
{
	size_t length = strlen(base);

	while (length > 0 && base[length - 1] == '/')
		length--;
	return snprintf(url, URL_SIZE, "%.*s/%s", (int)length, base, id) < URL_SIZE;
}

int renewal_info_fetch(struct renewal_info *infos, size_t n, struct acme *acme, struct fault *fault)
{
	const char *base = acme_directory(acme)->renewal_info;
	OWN_FREE struct acme_call *calls = calloc(n + 1, sizeof(*calls));
	OWN_FREE char(*urls)[URL_SIZE] = calloc(n + 1, sizeof(*urls));
	size_t count = 0;

	if (!calls || !urls)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): OWN_FREE releases, which clang 14 does not know */
		return fault_errno(fault, FAULT_LATER, "asking when to renew");
	for (size_t i = 0; i < n; i++) {
		infos[i].suggestion = (struct suggestion){ .answer = SUGGESTION_NONE, .again = USUAL };
		if (!base[0] || !infos[i].certid[0] || !write_url(urls[count], base, infos[i].certid))
			continue;
		calls[count] = (struct acme_call){
			.kind = CALL_PLAIN, .step = "renewal information", .url = urls[count], .context = &infos[i], .done = fetched
		};
		count++;
	}
	return acme_run(acme, calls, count, FETCH_MOST, fault);
}
