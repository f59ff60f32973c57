// SPDX-License-Identifier: GPL-3.0-or-later
/* page_summary.c - the head of the document, and what one sees first: whether somebody has to look, and a few figures. */
#include <nettle/sha2.h>
#include <string.h>

#include "base/base64url.h"
#include "base/moment.h"
#include "view/page_markup.h"
#include "view/page_part.h"
#include "view/page_style.h"

#define MINUTE INT64_C(60)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const char symbols[] =
	"<svg class=\"symbols\" aria-hidden=\"true\"><defs>"
	"<symbol id=\"good\" viewBox=\"0 0 16 16\"><path fill-rule=\"evenodd\" d=\"M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zM7 11.2 3.9 8.1 5 7l2 2 "
	"4-4.1 1.1 1.1z\"/></symbol>"
	"<symbol id=\"wait\" viewBox=\"0 0 16 16\"><path fill-rule=\"evenodd\" d=\"M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zM8 2.6a5.4 5.4 0 1 1 0 "
	"10.8A5.4 5.4 0 0 1 8 2.6zM7.2 4.2v4.3l3.2 1.9.8-1.3-2.4-1.4V4.2z\"/></symbol>"
	"<symbol id=\"bad\" viewBox=\"0 0 16 16\"><path fill-rule=\"evenodd\" d=\"M8 1 15.7 14.6H.3zM7.2 5.8v4.4h1.6V5.8zM7.2 11.4V13h1.6v-1.6z\"/>"
	"</symbol>"
	"<path id=\"next\" d=\"M0-6.5 5.5 0 0 6.5-5.5 0z\"/>"
	"<circle id=\"gate\" r=\"4\"/><path id=\"other\" d=\"M-4.5-4.5h9v9h-9z\"/><path id=\"open\" d=\"M0-6 6 5H-6z\"/>"
	"<path id=\"shut\" d=\"M-4-4 4 4M4-4-4 4\"/><circle id=\"day\" r=\"3\"/>"
	"</defs></svg>\n";

/* The policy allows the style by its hash, and nothing else: no script, no picture, no address. */
static void write_policy(FILE *out)
{
	char text[BASE64URL_LENGTH(SHA256_DIGEST_SIZE) + 1];
	unsigned char hash[SHA256_DIGEST_SIZE];
	struct sha256_ctx context;

	sha256_init(&context);
	for (size_t i = 0; i < LENGTH_OF(page_style); i++)
		sha256_update(&context, strlen(page_style[i]), (const uint8_t *)page_style[i]);
	sha256_digest(&context, sizeof(hash), hash);
	base64url_encode(text, hash, sizeof(hash));
	markup(out,
	       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; style-src &#39;sha256-%s=&#39;; base-uri "
	       "&#39;none&#39;; form-action &#39;none&#39;\"/>\n",
	       text);
}

static void write_style(FILE *out)
{
	fputs("<style>", out);
	for (size_t i = 0; i < LENGTH_OF(page_style); i++)
		fputs(page_style[i], out);
	fputs("</style>\n", out);
}

static unsigned int count(const struct status *status, enum health health)
{
	unsigned int n = 0;

	for (size_t i = 0; i < status->count; i++)
		n += status->entry[i].health == health;
	return n;
}

struct headline {
	char text[128];
};

static struct headline headline_of(const struct status *status)
{
	const unsigned int all = (unsigned int)status->count, bad = count(status, HEALTH_ATTENTION),
			   wait = count(status, HEALTH_WAITING);
	const char *noun = all == 1 ? "certificate" : "certificates";
	struct headline headline = { "No certificate is configured here" };

	if (bad && all == 1)
		snprintf(headline.text, sizeof(headline.text), "The certificate needs attention");
	else if (bad)
		snprintf(headline.text, sizeof(headline.text), "%u of %u %s need%s attention", bad, all, noun, bad == 1 ? "s" : "");
	else if (wait)
		snprintf(headline.text, sizeof(headline.text), "The next runs take care of %u of %u %s", wait, all, noun);
	else if (all)
		snprintf(headline.text, sizeof(headline.text),
			 all == 1 ? "The certificate is valid" : "All %u certificates are valid", all);
	return headline;
}

/* "in 29 days", "5 h ago" */
struct distance {
	char text[32];
};

static struct distance distance_of(int64_t from, int64_t to)
{
	const int64_t seconds = to > from ? to - from : from - to;
	const char *before = to > from ? "in " : "", *after = to > from ? "" : " ago";
	struct distance distance = { "now" };

	if (seconds >= 2 * DAY)
		snprintf(distance.text, sizeof(distance.text), "%s%lld days%s", before, (long long)(seconds / DAY), after);
	else if (seconds >= HOUR)
		snprintf(distance.text, sizeof(distance.text), "%s%lld h%s", before, (long long)(seconds / HOUR), after);
	else if (seconds >= MINUTE)
		snprintf(distance.text, sizeof(distance.text), "%s%lld min%s", before, (long long)(seconds / MINUTE), after);
	return distance;
}

static void write_numbers(const struct status *status, FILE *out)
{
	unsigned int n[CONDITIONS] = { 0 };
	const char *separator = "";

	for (size_t i = 0; i < status->count; i++)
		n[status->entry[i].condition]++;
	markup(out, "<div><dt>Certificates</dt><dd><b>%u</b> <span>", (unsigned int)status->count);
	for (unsigned int i = 0; i < CONDITIONS; i++) {
		if (!n[i])
			continue;
		markup(out, "%s%u %s", separator, n[i], status_word((enum condition)i));
		separator = ", ";
	}
	fputs("</span></dd></div>\n", out);
}

static void write_end(const struct status *status, FILE *out)
{
	const struct entry *first = NULL;

	for (size_t i = 0; i < status->count; i++) {
		const int64_t end = status->entry[i].ledger.live.not_after;

		if (end && (!first || end < first->ledger.live.not_after))
			first = &status->entry[i];
	}
	if (first)
		markup(out, "<div><dt>Ends first</dt><dd><b>%s</b> <span>%s, %s</span></dd></div>\n",
		       moment_day(first->ledger.live.not_after).text, page_days(status, first).text, status_name(first));
}

static void write_next(const struct status *status, FILE *out)
{
	const struct entry *first = NULL;

	for (size_t i = 0; i < status->count; i++) {
		const struct entry *entry = &status->entry[i];

		if (entry->condition != CONDITION_UNKNOWN && !entry->watched &&
		    (!first || entry->decision.from < first->decision.from))
			first = entry;
	}
	if (first)
		markup(out, "<div><dt>Next attempt</dt><dd><b>%s</b> <span>%s, %s</span></dd></div>\n",
		       moment_day(first->decision.from).text, distance_of(status->now.wall, first->decision.from).text,
		       status_name(first));
}

static void write_exposure(const struct status *status, FILE *out)
{
	const struct stretch *year = &status->exposure.year;

	if (!status->windows_known)
		return;
	markup(out, "<div><dt>Port open in %d days</dt><dd><b>%s</b> <span>%u window%s", EXPOSURE_DAYS,
	       page_span(year->open_ms).text, (unsigned int)year->windows, year->windows == 1 ? "" : "s");
	if (status->windows)
		markup(out, ", the last one %s", distance_of(status->now.wall, status->window[0].begun.wall).text);
	fputs("</span></dd></div>\n", out);
}

static void write_notices(const struct status *status, FILE *out)
{
	if (status->mistaken) {
		fputs("<p class=\"notice bad\">", out);
		page_symbol(out, "bad");
		fputs("<span>The configuration has mistakes, and what they are in is missing here. <code>acmegate status</code> says where they "
		      "are.</span></p>\n",
		      out);
	}
	if (status->exposure.open) {
		fputs("<p class=\"notice bad\">", out);
		page_symbol(out, "bad");
		fputs("<span>The end of the last window is not noted: the port is open, or acmegate was killed. <code>acmegate recover</code> "
		      "finds out, and closes it.</span></p>\n",
		      out);
	}
}

static void write_remarks(const struct status *status, FILE *out)
{
	for (const struct watched *row = NULL; (row = status_next_remark(status, row));) {
		fputs("<p class=\"notice wait\">", out);
		page_symbol(out, "wait");
		markup(out, "<span>[watch %s] %s</span></p>\n", row->section, row->sighting.why);
	}
}

void page_head(const struct status *status, FILE *out)
{
	const struct headline headline = headline_of(status);

	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n", out);
	write_policy(out);
	markup(out,
	       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/><meta name=\"referrer\" content=\"no-referrer\"/>\n"
	       "<title>%s - %s - acmegate</title>\n",
	       headline.text, status->host);
	write_style(out);
	fputs("</head><body>\n", out);
	fputs(symbols, out);
	markup(out, "<header><p>acmegate on <b>%s</b></p><h1 class=\"%s\">", status->host, page_class(status->health));
	page_symbol(out, page_class(status->health));
	markup(out, "<span>%s</span></h1><p><time datetime=\"%s\">%s UTC</time></p></header>\n<main>\n", headline.text,
	       moment_exact(status->now.wall).text, moment_minute(status->now.wall).text);
	write_notices(status, out);
	write_remarks(status, out);
	fputs("<dl class=\"facts\">\n", out);
	if (status->count)
		write_numbers(status, out);
	write_end(status, out);
	write_next(status, out);
	write_exposure(status, out);
	fputs("</dl>\n", out);
}
