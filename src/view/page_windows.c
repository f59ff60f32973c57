// SPDX-License-Identifier: GPL-3.0-or-later
/* page_windows.c - when the port was open, and how long: over the year, on a logarithmic scale, as lengths go from milliseconds to minutes. */
#include "base/moment.h"
#include "store/window_day.h"
#include "view/page_markup.h"
#include "view/page_part.h"

#define DAY INT64_C(86400)
#define SHORTEST 10    /* ms, the bottom of the chart */
#define LONGEST 600000 /* its top: [gate] max_open is no longer */
#define AT_ONCE 10     /* rows of the table that are to be seen without a click, */
#define ROWS 40	       /* and with one */
#define MARKS 256      /* on the chart */

static const struct {
	uint64_t milliseconds;
	const char *text;
} heights[] = { { 100, "100 ms" }, { 1000, "1 s" }, { 10000, "10 s" }, { 60000, "1 min" }, { 600000, "10 min" } };

static double height_of(uint64_t milliseconds)
{
	return 95 - 0.88 * axis_log(milliseconds, SHORTEST, LONGEST);
}

/* Their names are those of symbols, and of classes. */
enum mark_kind { MARK_GATE, MARK_OTHER, MARK_OPEN, MARK_SHUT, MARK_DAY, MARK_KINDS };
static const struct {
	const char *name, *text;
} kinds[] = {
	[MARK_GATE] = { "gate", "closed by the gate" }, [MARK_OTHER] = { "other", "closed by another net" },
	[MARK_OPEN] = { "open", "no end is noted" },	[MARK_SHUT] = { "shut", "not opened" },
	[MARK_DAY] = { "day", "the longest of a day" },
};
_Static_assert(LENGTH_OF(kinds) == MARK_KINDS, "words for each mark");

static enum mark_kind kind_of(const struct window_entry *entry)
{
	if (!window_day_counts(entry))
		return MARK_SHUT;
	if (entry->net == NET_UNKNOWN)
		return MARK_OPEN;
	return entry->net == NET_GATE ? MARK_GATE : MARK_OTHER;
}

static void write_lines(FILE *out)
{
	for (size_t i = 0; i < LENGTH_OF(heights); i++) {
		const double at = height_of(heights[i].milliseconds);

		markup(out,
		       "<line class=\"level\" x2=\"100%%\" y1=\"%f%%\" y2=\"%f%%\"/><text x=\"-8\" y=\"%f%%\" dy=\"4\">%s</text>",
		       at, at, at, heights[i].text);
	}
}

struct chart {
	struct axis axis;
	bool drawn[MARK_KINDS];
};

static void write_mark(struct chart *chart, int64_t moment, uint64_t milliseconds, enum mark_kind kind, FILE *out)
{
	const double x = axis_at(&chart->axis, moment), y = height_of(milliseconds);
	const char *name = kinds[kind].name;

	if (moment < chart->axis.begin)
		return;
	markup(out, "<line class=\"%s\" x1=\"%f%%\" x2=\"%f%%\" y1=\"%f%%\" y2=\"100%%\"/>", name, x, x, y);
	markup(out, "<use class=\"%s\" href=\"#%s\" x=\"%f%%\" y=\"%f%%\"/>\n", name, name, x, y);
	chart->drawn[kind] = true;
}

/* Of the windows that are known one by one. Where they are few, so are all others. */
static bool are_few(const struct chart *chart, const struct status *status)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < status->windows; i++)
		n += status->window[i].begun.wall >= chart->axis.begin;
	return n <= MARKS;
}
_Static_assert(MARKS < WINDOWS_KEPT, "where fewer are of this year, the others are older");

/* Each window, or where they are too many, the longest of each day. */
static void write_marks(struct chart *chart, const struct status *status, FILE *out)
{
	if (are_few(chart, status)) {
		for (uint32_t i = status->windows; i-- > 0;)
			write_mark(chart, status->window[i].begun.wall, status->window[i].open_ms, kind_of(&status->window[i]), out);
		return;
	}
	for (uint32_t i = 0; i < status->days; i++)
		if (status->day[i].windows)
			write_mark(chart, status->day[i].day * DAY + DAY / 2, status->day[i].longest_ms, MARK_DAY, out);
}

static void write_legend(const struct chart *chart, FILE *out)
{
	fputs("<figcaption class=\"legend\">", out);
	for (size_t i = 0; i < MARK_KINDS; i++)
		if (chart->drawn[i])
			markup(out,
			       "<span><svg class=\"k s\" viewBox=\"-8 -8 16 16\" aria-hidden=\"true\"><use class=\"%s\" href=\"#%s\"/></svg> %s"
			       "</span> ",
			       kinds[i].name, kinds[i].name, kinds[i].text);
	fputs("</figcaption>", out);
}

static void write_chart(const struct status *status, FILE *out)
{
	struct chart chart = { .axis = { status->now.wall - EXPOSURE_DAYS * DAY, status->now.wall + EXPOSURE_DAYS * DAY / 50 } };

	markup(out, "<figure><svg class=\"year\" role=\"img\"><title>Windows of the last %d days, by their length</title>\n",
	       EXPOSURE_DAYS);
	fputs("<use href=\"#months\"/>", out);
	write_lines(out);
	write_marks(&chart, status, out);
	fputs("</svg>\n", out);
	page_axis(out, &chart.axis, status->now.wall, "months");
	write_legend(&chart, out);
	fputs("</figure>\n", out);
}

static const char *end_of(const struct window_entry *entry)
{
	static const char *const ends[NETS] = {
		[NET_UNKNOWN] = "no end is noted",
		[NET_GATE] = "closed by the gate",
		[NET_TIME] = "closed, as time was up",
		[NET_WATCHDOG] = "closed by the watchdog",
		[NET_KERNEL] = "closed by the kernel",
		[NET_RECOVERY] = "closed by the next acmegate",
		[NET_BOOT] = "closed by a start of the host",
		[NET_GONE] = "found closed",
		[NET_NEVER] = "not opened",
	};
	_Static_assert(LENGTH_OF(ends) == NETS, "words for each net");

	return ends[entry->net < NETS ? entry->net : NET_UNKNOWN];
}

static void write_row(const struct window_entry *entry, FILE *out)
{
	markup(out,
	       "<tr><th scope=\"row\">%s</th><td class=\"length\">%s</td><td class=\"asker\">%s%s%s</td><td class=\"net\">%s</td>",
	       moment_minute(entry->opened ? entry->opened : entry->begun.wall).text, page_seconds(entry->open_ms).text,
	       windows_asker(entry), entry->client[0] ? ": " : "", entry->client, end_of(entry));
	fputs("<td class=\"packets\">", out);
	if (entry->counted)
		markup(out, "%u", (unsigned int)entry->packets);
	markup(out, "</td><td class=\"note\">%s%s%s</td></tr>\n", entry->bounded ? "open for so long at most" : "",
	       entry->bounded && entry->detail[0] ? "; " : "", entry->detail);
}

static void write_rows(const struct status *status, const char *label, uint32_t from, uint32_t to, FILE *out)
{
	markup(out, "<table class=\"windows\" aria-label=\"%s\">", label);
	fputs("<thead><tr><th scope=\"col\">Opened</th><th scope=\"col\" class=\"length\">Seconds</th>"
	      "<th scope=\"col\">For</th><th scope=\"col\">End</th><th scope=\"col\" class=\"packets\">Packets</th>"
	      "<th scope=\"col\">Note</th></tr></thead><tbody>\n",
	      out);
	for (uint32_t i = from; i < to && i < status->windows; i++)
		write_row(&status->window[i], out);
	fputs("</tbody></table>\n", out);
}

/* As an auditor wants it, and as acmegate history says it. */
static void write_sentence(const struct status *status, FILE *out)
{
	const struct stretch *year = &status->exposure.year;

	if (!status->windows) {
		fputs("<p class=\"lead\">The port was never opened.</p>\n", out);
		return;
	}
	markup(out, "<p class=\"lead\">P%s open <data value=\"%s\">%s</data> in %d days, ", status_ports(status).text + 1,
	       page_seconds(year->open_ms).text, page_span(year->open_ms).text, EXPOSURE_DAYS);
	markup(out, "in <data value=\"%u\">%u</data> window%s", (unsigned int)year->windows, (unsigned int)year->windows,
	       year->windows == 1 ? "" : "s");
	if (year->windows)
		markup(out, ", longest <data value=\"%s\">%s</data>", page_seconds(year->longest_ms).text,
		       page_span(year->longest_ms).text);
	if (year->known)
		markup(out, "; nothing is known before %s", moment_day(year->known).text);
	fputs(".</p>\n", out);
}

void page_windows(const struct status *status, FILE *out)
{
	fputs("<section><h2>Windows</h2>\n", out);
	if (!status->windows_known) {
		fputs("<p>The ledger of windows cannot be read. <code>acmegate status</code> says why.</p></section>\n", out);
		return;
	}
	write_sentence(status, out);
	if (status->windows) {
		write_chart(status, out);
		write_rows(status, "The last windows", 0, AT_ONCE, out);
	}
	if (status->windows > AT_ONCE) {
		fputs("<details><summary>Earlier windows</summary>\n", out);
		write_rows(status, "Earlier windows", AT_ONCE, ROWS, out);
		if (status->windows > ROWS)
			fputs("<p class=\"more\">And more: <code>acmegate history</code> shows them.</p>\n", out);
		fputs("</details>\n", out);
	}
	fputs("</section>\n", out);
}
