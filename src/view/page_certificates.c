// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * page_certificates.c - a row for each certificate; its validity is a bar over a time axis that all rows share. Charts measure in percent, so
 * that they fit into any width, and their marks keep their shape.
 */
#include <string.h>

#include "base/moment.h"
#include "view/page_markup.h"
#include "view/page_part.h"

#define DAY INT64_C(86400)
#define FARTHEST (400 * DAY) /* from now; what is beyond ends at the edge of the chart */
#define NAMES_ROOM 120	     /* letters of names in a row */

static int64_t within(int64_t moment, int64_t now)
{
	if (moment < now - FARTHEST)
		return now - FARTHEST;
	return moment > now + FARTHEST ? now + FARTHEST : moment;
}

static struct axis axis_of(const struct status *status)
{
	const int64_t now = status->now.wall;
	int64_t begin = now, end = now;

	for (size_t i = 0; i < status->count; i++) {
		const struct live *live = &status->entry[i].ledger.live;

		if (!live->not_after)
			continue;
		begin = live->not_before < begin ? live->not_before : begin;
		end = live->not_after > end ? live->not_after : end;
	}
	begin = within(begin, now);
	end = within(end, now);
	return axis_over(begin - (end - begin) / 50, end + (end - begin) / 50);
}

/* As many as there is room for; one that is the certificate's own says nothing new. */
static void write_names(const struct status *status, const struct entry *entry, FILE *out)
{
	const uint32_t names = status_names(entry);
	const char *name = NULL;
	size_t letters = 0;
	uint32_t n = 0;

	fputs("<span class=\"names\">", out);
	for (; (name = status_next_name(status, entry, name)) && (!letters || letters + strlen(name) < NAMES_ROOM); n++) {
		if (!strcmp(name, status_name(entry)))
			continue;
		markup(out, "%s%s", letters ? ", " : "", name);
		letters += strlen(name);
	}
	if (n < names)
		markup(out, " and %u more", names - n);
	fputs("</span>", out);
}

static void write_bar(const char *class, double from, double to, FILE *out)
{
	markup(out, "<rect class=\"%s\" x=\"%f%%\" y=\"50%%\" width=\"%f%%\" height=\"10\"/>", class, from, to - from);
}

/* The chart in words. */
static void write_title(const struct entry *entry, FILE *out)
{
	const struct live *live = &entry->ledger.live;

	if (!live->not_after) {
		fputs("<title>No certificate</title>", out);
		return;
	}
	markup(out, "<title>Valid %s to %s", moment_day(live->not_before).text, moment_day(live->not_after).text);
	if (!entry->watched)
		markup(out, ", next attempt %s", moment_day(entry->decision.from).text);
	fputs("</title>", out);
}

static bool has_suggestion(const struct ledger *ledger)
{
	return ledger->ari.start && !strcmp(ledger->ari.certid, ledger->live.certid);
}

static void write_chart(const struct status *status, const struct entry *entry, const struct axis *axis, FILE *out)
{
	const struct live *live = &entry->ledger.live;
	const struct ari *ari = &entry->ledger.ari;
	const double now = axis_at(axis, status->now.wall), begin = axis_at(axis, live->not_before),
		     end = axis_at(axis, live->not_after);

	fputs("<td class=\"chart\"><svg role=\"img\">", out);
	write_title(entry, out);
	fputs("<use href=\"#grid\"/>", out);
	if (live->not_after) {
		write_bar("life", begin, end, out);
		if (end > now)
			write_bar(page_class(entry->health), begin > now ? begin : now, end, out);
		if (has_suggestion(&entry->ledger))
			markup(out, "<rect class=\"ari\" x=\"%f%%\" y=\"50%%\" width=\"%f%%\" height=\"3\"/>",
			       axis_at(axis, ari->start), axis_at(axis, ari->end) - axis_at(axis, ari->start));
	}
	if (entry->condition != CONDITION_UNKNOWN && !entry->watched && entry->decision.from < axis->end)
		markup(out, "<use class=\"next\" href=\"#next\" x=\"%f%%\" y=\"50%%\"/>", axis_at(axis, entry->decision.from));
	fputs("</svg></td>", out);
}

static void write_until(const struct status *status, const struct entry *entry, FILE *out)
{
	if (!entry->ledger.live.not_after)
		fputs("<td class=\"until\">-</td>", out);
	else
		markup(out, "<td class=\"until\">%s <span>%s</span></td>", moment_day(entry->ledger.live.not_after).text,
		       page_days(status, entry).text);
}

/* Of one that failed, which has a place of its own, only when. */
static void write_next(const struct status *status, const struct entry *entry, FILE *out)
{
	const bool soon = entry->decision.from <= status->now.wall;

	fputs("<td class=\"next\">", out);
	if (entry->failures)
		markup(out, "%s%s, failed %u time%s", soon ? "by the next run" : "not before ",
		       soon ? "" : moment_minute(entry->decision.from).text, entry->failures, entry->failures == 1 ? "" : "s");
	else
		markup(out, "%s", entry->condition == CONDITION_UNKNOWN ? entry->why.text : entry->decision.reason);
	fputs("</td>", out);
}

static void write_row(const struct status *status, const struct entry *entry, const struct axis *axis, FILE *out)
{
	const char *class = page_class(entry->health);

	markup(out, "<tr><th scope=\"row\">%s", status_name(entry));
	write_names(status, entry, out);
	markup(out, "</th><td class=\"state %s\">", class);
	page_symbol(out, class);
	markup(out, "<span>%s</span></td>", status_word(entry->condition));
	write_chart(status, entry, axis, out);
	write_until(status, entry, out);
	write_next(status, entry, out);
	fputs("</tr>\n", out);
}

static void write_legend(FILE *out)
{
	fputs("<p class=\"legend\"><span><svg class=\"k\" viewBox=\"0 0 24 12\" aria-hidden=\"true\"><rect class=\"life\" y=\"1\" width=\"12\" "
	      "height=\"10\"/><rect class=\"good\" x=\"12\" y=\"1\" width=\"12\" height=\"10\"/></svg> valid: over, and left</span> "
	      "<span><svg class=\"k s\" viewBox=\"-8 -8 16 16\" aria-hidden=\"true\"><use class=\"next\" href=\"#next\"/></svg> next attempt"
	      "</span> <span><svg class=\"k\" viewBox=\"0 0 24 12\" aria-hidden=\"true\"><rect class=\"ari\" y=\"5\" width=\"24\" height=\"3\"/>"
	      "</svg> the CA suggests to renew</span></p>\n",
	      out);
}

void page_certificates(const struct status *status, FILE *out)
{
	const struct axis axis = axis_of(status);

	if (!status->count)
		return;
	fputs("<section><h2 id=\"certificates\">Certificates</h2>\n<table class=\"certificates\" aria-labelledby=\"certificates\"><thead><tr>"
	      "<th scope=\"col\">Name</th><th scope=\"col\">State</th><th scope=\"col\" class=\"chart\"><span>Validity</span>",
	      out);
	page_axis(out, &axis, status->now.wall, "grid");
	fputs("</th><th scope=\"col\">Until</th><th scope=\"col\">Next</th></tr></thead><tbody>\n", out);
	for (size_t i = 0; i < status->count; i++)
		write_row(status, &status->entry[i], &axis, out);
	fputs("</tbody></table>\n", out);
	write_legend(out);
	fputs("</section>\n", out);
}
