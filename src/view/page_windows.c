// SPDX-License-Identifier: GPL-3.0-or-later
/* page_windows.c - when the port was open, and how long: over the year, on a logarithmic scale, as lengths go from milliseconds to minutes. */
#include "view/moment.h"
#include "view/page_markup.h"
#include "view/page_part.h"

#define YEAR (INT64_C(365) * 86400)
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

static const char *mark_of(const struct window_entry *entry)
{
	if (entry->refused || entry->net == NET_NEVER)
		return "shut";
	if (entry->net == NET_UNKNOWN)
		return "open";
	return entry->net == NET_GATE ? "gate" : "other";
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

static void write_window(const struct window_entry *entry, const struct axis *axis, FILE *out)
{
	const double x = axis_at(axis, entry->begun.wall), y = height_of(entry->open_ms);
	const char *mark = mark_of(entry);

	if (entry->begun.wall < axis->begin)
		return;
	markup(out, "<line class=\"%s\" x1=\"%f%%\" x2=\"%f%%\" y1=\"%f%%\" y2=\"100%%\"/>", mark, x, x, y);
	markup(out, "<use class=\"%s\" href=\"#%s\" x=\"%f%%\" y=\"%f%%\"/>\n", mark, mark, x, y);
}

static void write_chart(const struct status *status, FILE *out)
{
	const struct axis axis = { status->now.wall - YEAR, status->now.wall + YEAR / 50 };

	fputs("<figure><svg class=\"year\" role=\"img\"><title>Windows of the last 365 days, by their length</title>\n", out);
	fputs("<use href=\"#months\"/>", out);
	write_lines(out);
	for (uint32_t i = status->windows < MARKS ? status->windows : MARKS; i-- > 0;)
		write_window(&status->window[i], &axis, out);
	fputs("</svg>\n", out);
	page_axis(out, &axis, status->now.wall, "months");
	fputs("<figcaption class=\"legend\"><span><svg class=\"k s\" viewBox=\"-8 -8 16 16\" aria-hidden=\"true\"><g class=\"gate\">"
	      "<use href=\"#gate\"/></g></svg> closed by the gate</span> <span><svg class=\"k s\" viewBox=\"-8 -8 16 16\" aria-hidden=\"true\">"
	      "<g class=\"other\"><use href=\"#other\"/></g></svg> closed by another net</span> <span><svg class=\"k s\" viewBox=\"-8 -8 16 16\" "
	      "aria-hidden=\"true\"><g class=\"open\"><use href=\"#open\"/></g></svg> no end is noted</span> <span><svg class=\"k s\" "
	      "viewBox=\"-8 -8 16 16\" aria-hidden=\"true\"><g class=\"shut\"><use href=\"#shut\"/></g></svg> not opened</span></figcaption>"
	      "</figure>\n",
	      out);
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
	markup(out, "</td><td class=\"note\">%s</td></tr>\n", entry->detail);
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

static void write_sentence(const struct status *status, FILE *out)
{
	const struct exposure *exposure = &status->exposure;
	const unsigned int windows = (unsigned int)exposure->windows;

	if (!status->windows) {
		fputs("<p class=\"lead\">The port was never opened.</p>\n", out);
		return;
	}
	markup(out, "<p class=\"lead\">Port %u was open <data value=\"%s\">%s</data> in <data value=\"%u\">%u</data> window%s",
	       status->window[0].port, page_seconds(exposure->open_ms).text, page_span(exposure->open_ms).text, windows, windows,
	       windows == 1 ? "" : "s");
	markup(out, "; since %s the longest was <data value=\"%s\">%s</data>.</p>\n", moment_day(exposure->since).text,
	       page_seconds(exposure->longest_ms).text, page_span(exposure->longest_ms).text);
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
