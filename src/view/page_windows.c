// SPDX-License-Identifier: GPL-3.0-or-later
/* page_windows.c - when the port was open, and how long: over the year, on a logarithmic scale, as lengths go from milliseconds to minutes. */
#include "view/moment.h"
#include "view/page_markup.h"
#include "view/page_part.h"

#define YEAR (INT64_C(365) * 86400)
#define SHORTEST 10    /* ms, the bottom of the chart */
#define LONGEST 600000 /* its top: [gate] max_open is no longer */
#define ROWS 10	       /* of the table that are to be seen at once */

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

		markup(out, "<line class=\"level\" x2=\"100%%\" y1=\"%f%%\" y2=\"%f%%\"/><text y=\"%f%%\" dy=\"-3\">%s</text>", at,
		       at, at, heights[i].text);
	}
}

static void write_window(const struct window_entry *entry, const struct axis *axis, FILE *out)
{
	const double x = axis_at(axis, entry->begun.wall), y = height_of(entry->open_ms);
	const char *mark = mark_of(entry);

	if (entry->begun.wall < axis->begin)
		return;
	markup(out, "<g class=\"%s\"><title>%s, %s</title><line x1=\"%f%%\" x2=\"%f%%\" y1=\"%f%%\" y2=\"100%%\"/>", mark,
	       moment_minute(entry->begun.wall).text, page_span(entry->open_ms).text, x, x, y);
	markup(out, "<use href=\"#%s\" x=\"%f%%\" y=\"%f%%\"/></g>\n", mark, x, y);
}

static void write_chart(const struct status *status, FILE *out)
{
	const struct axis axis = { status->now.wall - YEAR, status->now.wall + YEAR / 50 };

	fputs("<figure><svg class=\"year\" role=\"img\"><title>Windows of the last 365 days, by their length</title>\n", out);
	fputs("<use href=\"#months\"/>", out);
	write_lines(out);
	for (uint32_t i = status->windows; i-- > 0;)
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

static void write_row(const struct window_entry *entry, FILE *out)
{
	markup(out, "<tr><th scope=\"row\">%s</th><td class=\"length\">%f s</td><td class=\"asker\">%s%s",
	       moment_minute(entry->opened ? entry->opened : entry->begun.wall).text, entry->open_ms / 1e3, windows_asker(entry),
	       entry->client[0] ? ": " : "");
	markup(out, "%s</td><td class=\"net\">%s</td><td class=\"packets\">", entry->client, status_net(entry));
	if (entry->counted)
		markup(out, "%u", (unsigned int)entry->packets);
	else
		fputs("-", out);
	markup(out, "</td><td class=\"note\">%s</td></tr>\n", entry->detail);
}

static void write_rows(const struct status *status, uint32_t from, uint32_t to, FILE *out)
{
	fputs("<table class=\"windows\"><thead><tr><th scope=\"col\">Opened</th><th scope=\"col\" class=\"length\">Length</th>"
	      "<th scope=\"col\">For</th><th scope=\"col\">Closed by</th><th scope=\"col\" class=\"packets\">Packets</th>"
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
	markup(out, "<p class=\"lead\">Port %u was open <data value=\"%f\">%s</data> in <data value=\"%u\">%u</data> window%s",
	       status->window[0].port, (double)exposure->open_ms / 1e3, page_span(exposure->open_ms).text, windows, windows,
	       windows == 1 ? "" : "s");
	markup(out, "; since %s the longest was <data value=\"%f\">%s</data>.</p>\n", moment_day(exposure->since).text,
	       (double)exposure->longest_ms / 1e3, page_span(exposure->longest_ms).text);
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
		write_rows(status, 0, ROWS, out);
	}
	if (status->windows > ROWS) {
		markup(out, "<details><summary>%u earlier windows</summary>\n", status->windows - ROWS);
		write_rows(status, ROWS, status->windows, out);
		fputs("</details>\n", out);
	}
	fputs("</section>\n", out);
}
