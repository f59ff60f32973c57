// SPDX-License-Identifier: GPL-3.0-or-later
/* history.c - windows and attempts, the newest first, and what the windows come to: for people, and as CSV (RFC 4180). */
#include "base/moment.h"
#include "view/history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One of the two. */
struct item {
	int64_t at;
	const struct window_entry *window;
	const struct entry *entry; /* with the attempt */
	const struct attempt *attempt;
};

struct items {
	size_t count;
	struct item *item;
};

/* --- what happened since ------------------------------------------------------------------------------------------ */

static int64_t begin_of(const struct window_entry *window)
{
	return window->opened ? window->opened : window->begun.wall;
}

static int newest_first(const void *a, const void *b)
{
	const struct item *one = a, *other = b;

	if (one->at != other->at)
		return one->at < other->at ? 1 : -1;
	if (!one->window != !other->window)
		return one->window ? -1 : 1;
	return one->window > other->window; /* as they are in status */
}

static void collect_attempts(struct items *items, const struct entry *entry, int64_t since)
{
	for (uint32_t i = 0; i < entry->ledger.attempts; i++) {
		const struct attempt *attempt = &entry->ledger.attempt[i];

		if (attempt->started.wall >= since)
			items->item[items->count++] = (struct item){ attempt->started.wall, NULL, entry, attempt };
	}
}

static int collect(struct items *items, const struct status *status, int64_t since)
{
	items->count = 0;
	items->item = calloc(WINDOWS_KEPT + status->count * LEDGER_ATTEMPTS, sizeof(*items->item));
	if (!items->item)
		return -1;
	for (uint32_t i = 0; i < status->windows; i++)
		if (status->window[i].begun.wall >= since)
			items->item[items->count++] = (struct item){ begin_of(&status->window[i]), &status->window[i], NULL, NULL };
	for (size_t i = 0; i < status->count; i++)
		collect_attempts(items, &status->entry[i], since);
	qsort(items->item, items->count, sizeof(*items->item), newest_first);
	return 0;
}

/* --- for people --------------------------------------------------------------------------------------------------- */

static const char *end_of(const struct window_entry *window)
{
	static const char *const ends[NETS] = {
		[NET_UNKNOWN] = "its end is not noted: it is open, or acmegate was killed, and acmegate recover finds out",
		[NET_GATE] = "closed by the gate",
		[NET_TIME] = "closed by the gate, since the time was up",
		[NET_WATCHDOG] = "closed by the watchdog",
		[NET_KERNEL] = "closed by the kernel",
		[NET_RECOVERY] = "closed by the next acmegate",
		[NET_BOOT] = "closed by the start of the machine",
		[NET_GONE] = "acmegate was killed, and the next one found no rule",
		[NET_NEVER] = "not opened",
	};
	_Static_assert(LENGTH_OF(ends) == NETS, "words for each net");

	return ends[window->net < NETS ? window->net : NET_UNKNOWN];
}

static void write_window(FILE *out, const struct window_entry *window)
{
	fprintf(out, " port %u for %s%s%s", window->port, windows_asker(window), window->client[0] ? ": " : "", window->client);
	if (window->pid)
		fprintf(out, " (process %u)", window->pid);
	if (window->open_ms)
		fprintf(out, ", open for %s%u.%03u s", window->bounded ? "at most " : "", window->open_ms / 1000,
			window->open_ms % 1000);
	if (window->times > 1)
		fprintf(out, " in %u times", window->times);
	fprintf(out, ", %s", end_of(window));
	if (window->counted)
		fprintf(out, ", %" PRIu64 " packet%s", window->packets, window->packets == 1 ? "" : "s");
	fprintf(out, "%s%s\n", window->detail[0] ? ": " : "", window->detail);
}

static void write_attempt(FILE *out, const struct entry *entry, const struct attempt *attempt)
{
	const struct outcome *outcome = &attempt->outcome;

	fprintf(out, " certificate %s at %s: %s", entry->certificate->name, attempt->ca, status_result(attempt));
	if (outcome->type[0] || outcome->detail[0])
		fprintf(out, ", %s%s%s", outcome->type, outcome->type[0] && outcome->detail[0] ? ": " : "", outcome->detail);
	fputc('\n', out);
}

static void write_span(FILE *out, const struct status *status, const struct stretch *span, const char *period)
{
	fprintf(out, "%s open %" PRIu64 ".%03u s %s, in %" PRIu64 " window%s", status_ports(status).text, span->open_ms / 1000,
		(unsigned int)(span->open_ms % 1000), period, span->windows, span->windows == 1 ? "" : "s");
	if (span->windows)
		fprintf(out, ", longest %" PRIu64 ".%03u s", span->longest_ms / 1000, (unsigned int)(span->longest_ms % 1000));
	if (span->known)
		fprintf(out, "; nothing is known before %s UTC", moment_minute(span->known).text);
	fputc('\n', out);
}

static void write_summary(FILE *out, const struct status *status, int64_t since)
{
	char period[64];
	struct stretch span;

	if (!since) {
		snprintf(period, sizeof(period), "in %d days", EXPOSURE_DAYS);
		write_span(out, status, &status->exposure.year, period);
		return;
	}
	span = exposure_since(status, since);
	snprintf(period, sizeof(period), "since %s UTC", moment_minute(span.from).text);
	write_span(out, status, &span, period);
}

int history_write(const struct status *status, FILE *out, int64_t since)
{
	struct items items;

	if (collect(&items, status, since) < 0)
		return -1;
	for (size_t i = 0; i < items.count; i++) {
		fprintf(out, "%s UTC", moment_second(items.item[i].at).text);
		if (items.item[i].window)
			write_window(out, items.item[i].window);
		else
			write_attempt(out, items.item[i].entry, items.item[i].attempt);
	}
	if (status->windows_known && status->windows)
		write_summary(out, status, since);
	free(items.item);
	return 0;
}

/* --- CSV ---------------------------------------------------------------------------------------------------------- */

static const char columns[] = "kind,begun,opened,closed,seconds,at_most,times,port,for,client,process,closed_by,packets,refused,"
			      "certificate,ca,result,problem,detail\r\n";

/* A field with a character that RFC 4180 quotes; a spreadsheet takes one that begins so for a formula, which a CA could say. */
static void write_field(FILE *out, const char *text)
{
	const bool formula = text[0] && strchr("=+-@\t", text[0]);

	if (!formula && !text[strcspn(text, "\",\r\n")]) {
		fputs(text, out);
		return;
	}
	fputs(formula ? "\"'" : "\"", out);
	for (; *text; text++)
		fprintf(out, *text == '"' ? "\"\"" : "%c", *text);
	fputc('"', out);
}

static void write_moment(FILE *out, int64_t at)
{
	fprintf(out, ",%s", at ? moment_exact(at).text : "");
}

static void write_number(FILE *out, bool known, uint64_t number)
{
	fputc(',', out);
	if (known)
		fprintf(out, "%" PRIu64, number);
}

static void write_text(FILE *out, const char *text)
{
	fputc(',', out);
	write_field(out, text);
}

static void write_window_record(FILE *out, const struct window_entry *window)
{
	fputs("window", out);
	write_moment(out, window->begun.wall);
	write_moment(out, window->opened);
	write_moment(out, window->closed);
	fprintf(out, ",%u.%03u,%u,%u,%u", window->open_ms / 1000, window->open_ms % 1000, window->bounded, window->times,
		window->port);
	write_text(out, windows_asker(window));
	write_text(out, window->client);
	write_number(out, window->pid, window->pid);
	write_text(out, status_net(window));
	write_number(out, window->counted, window->packets);
	fprintf(out, ",%u,,,,", window->refused);
	write_text(out, window->detail);
}

static void write_attempt_record(FILE *out, const struct entry *entry, const struct attempt *attempt)
{
	fputs("attempt", out);
	write_moment(out, attempt->started.wall);
	fputc(',', out);
	write_moment(out, attempt->ended);
	fputs(",,,,,,,,,,", out);
	write_text(out, entry->certificate->name);
	write_text(out, attempt->ca);
	write_text(out, status_result(attempt));
	write_text(out, attempt->outcome.type);
	write_text(out, attempt->outcome.detail);
}

int history_write_csv(const struct status *status, FILE *out, int64_t since)
{
	struct items items;

	if (collect(&items, status, since) < 0)
		return -1;
	fputs(columns, out);
	for (size_t i = 0; i < items.count; i++) {
		if (items.item[i].window)
			write_window_record(out, items.item[i].window);
		else
			write_attempt_record(out, items.item[i].entry, items.item[i].attempt);
		fputs("\r\n", out);
	}
	free(items.item);
	return 0;
}
