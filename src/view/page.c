// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * page.c - the state of the certificates as one HTML file, for a browser and for paper. It has no script, loads nothing, and its policy forbids
 * both. It is well-formed XML too, so that any parser can read it.
 */
#include "view/page_part.h"

#include "view/moment.h"
#include "view/page_markup.h"

const char *page_class(enum health health)
{
	static const char *const classes[HEALTHS] = { [HEALTH_GOOD] = "good", [HEALTH_WAITING] = "wait", [HEALTH_ATTENTION] = "bad" };

	return classes[health];
}

void page_symbol(FILE *out, const char *name)
{
	markup(out, "<svg class=\"i %s\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><use href=\"#%s\"/></svg>", name, name);
}

struct span page_span(uint64_t milliseconds)
{
	const uint64_t seconds = (milliseconds + 500) / 1000;
	struct span span;

	if (milliseconds < 1000)
		snprintf(span.text, sizeof(span.text), "%u ms", (unsigned int)milliseconds);
	else if (milliseconds < 9950)
		snprintf(span.text, sizeof(span.text), "%.1f s", (double)milliseconds / 1e3);
	else if (seconds < 120)
		snprintf(span.text, sizeof(span.text), "%u s", (unsigned int)seconds);
	else if (seconds < 7200)
		snprintf(span.text, sizeof(span.text), "%u min %u s", (unsigned int)(seconds / 60), (unsigned int)(seconds % 60));
	else
		snprintf(span.text, sizeof(span.text), "%llu h %u min", (unsigned long long)(seconds / 3600),
			 (unsigned int)(seconds / 60 % 60));
	return span;
}

static const char *anchor_of(double at)
{
	return at < 7 ? "start" : at > 93 ? "end" : "middle";
}

void page_axis(FILE *out, const struct axis *axis, int64_t now, const char *id)
{
	struct mark marks[AXIS_MARKS];
	const size_t n = axis_marks(axis, marks);
	const double at = axis_at(axis, now);

	markup(out, "<svg class=\"axis\" aria-hidden=\"true\"><g class=\"grid\" id=\"%s\">", id);
	for (size_t i = 0; i < n; i++)
		markup(out, "<line x1=\"%f%%\" x2=\"%f%%\" y2=\"100%%\"/>", marks[i].at, marks[i].at);
	markup(out, "<line class=\"now\" x1=\"%f%%\" x2=\"%f%%\" y2=\"100%%\"/></g>", at, at);
	for (size_t i = 0; i < n; i++)
		markup(out, "<text x=\"%f%%\" y=\"30\" text-anchor=\"%s\">%s</text>", marks[i].at, anchor_of(marks[i].at),
		       marks[i].text);
	markup(out, "<text class=\"now\" x=\"%f%%\" y=\"12\" text-anchor=\"%s\">now</text></svg>", at, anchor_of(at));
}

void page_write(const struct status *status, FILE *out)
{
	page_head(status, out);
	page_failures(status, out);
	page_certificates(status, out);
	page_windows(status, out);
	markup(out,
	       "</main><footer><p>Written by acmegate %s on %s UTC. All times are UTC. This page is a file, which does not change while you look "
	       "at it: load it again.</p></footer></body></html>\n",
	       PACKAGE_VERSION, moment_minute(status->now.wall).text);
}
