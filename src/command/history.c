// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/date.h"
#include "base/log.h"
#include "publish/view.h"

#define AGE_MOST 36500 /* days */

/* An age, as in 7d or 24h. false: it is none. */
static bool read_age(const char *text, int64_t *since)
{
	static const struct {
		char unit;
		time_t seconds;
	} units[] = { { 'd', 24 * 60 * 60 }, { 'h', 60 * 60 }, { 'm', 60 } };
	const size_t length = strlen(text);
	char number[16];
	unsigned long n;

	if (length < 2 || length >= sizeof(number))
		return false;
	snprintf(number, sizeof(number), "%.*s", (int)length - 1, text);
	for (size_t i = 0; i < LENGTH_OF(units); i++) {
		if (text[length - 1] != units[i].unit || config_number(number, 1, AGE_MOST * 24 * 60, 10, &n) < 0)
			continue;
		*since = (int64_t)time(NULL) - (int64_t)n * units[i].seconds;
		return n * (unsigned long)units[i].seconds <= AGE_MOST * 24UL * 60 * 60;
	}
	return false;
}

int history_run(struct host *host, const struct call *call)
{
	const char *text = call->value[HISTORY_SINCE];
	char number[24], *words[] = { number, NULL };
	const struct show show = { .file = call->file,
				   .form = call->value[HISTORY_CSV] ? "history-csv" : "history",
				   .names = words,
				   .count = 1,
				   .ledgers_alone = true,
				   .say = command_say_mistakes };
	struct fault fault;
	int64_t since = 0;

	(void)host;
	if (text && !read_age(text, &since) && date_read(text, &since) < 0) {
		log_error("--since %s: expected a date as in 2026-11-01, or an age as in 7d, 24h or 30m", text);
		return STATUS_USAGE;
	}
	snprintf(number, sizeof(number), "%lld", (long long)(since > 0 ? since : 0));
	view_become(&show, &fault);
	return fault_status(&fault);
}
