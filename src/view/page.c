// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * page.c - the state of the certificates as one HTML file, for a browser and for paper. It has no script, loads nothing, and its policy forbids
 * both. It is well-formed XML too, so that any parser can read it.
 */
#include "view/page_part.h"

#include "base/moment.h"
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

struct phrase page_span(uint64_t milliseconds)
{
	const uint64_t seconds = (milliseconds + 500) / 1000;
	struct phrase phrase;

	if (milliseconds < 1000)
		snprintf(phrase.text, sizeof(phrase.text), "%u ms", (unsigned int)milliseconds);
	else if (milliseconds < 9950)
		snprintf(phrase.text, sizeof(phrase.text), "%.1f s", (double)milliseconds / 1e3);
	else if (seconds < 120)
		snprintf(phrase.text, sizeof(phrase.text), "%u s", (unsigned int)seconds);
	else if (seconds < 7200)
		snprintf(phrase.text, sizeof(phrase.text), "%u min %u s", (unsigned int)(seconds / 60), (unsigned int)(seconds % 60));
	else
		snprintf(phrase.text, sizeof(phrase.text), "%llu h %u min", (unsigned long long)(seconds / 3600),
			 (unsigned int)(seconds / 60 % 60));
	return phrase;
}

struct phrase page_seconds(uint64_t milliseconds)
{
	struct phrase phrase;

	snprintf(phrase.text, sizeof(phrase.text), "%llu.%03u", (unsigned long long)(milliseconds / 1000),
		 (unsigned int)(milliseconds % 1000));
	return phrase;
}

struct phrase page_days(const struct status *status, const struct entry *entry)
{
	const int64_t days = status_days(entry, &status->now);
	struct phrase phrase;

	snprintf(phrase.text, sizeof(phrase.text), "%lld day%s %s", (long long)(days < 0 ? -days : days),
		 days == 1 || days == -1 ? "" : "s", days < 0 ? "ago" : "left");
	return phrase;
}

/* Texts are as wide as this part of a narrow chart, and neither leave it nor meet the next one. */
static bool has_room(double at)
{
	return at > 5 && at < 95;
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
		if (has_room(marks[i].at))
			markup(out, "<text x=\"%f%%\" y=\"30\">%s</text>", marks[i].at, marks[i].text);
	markup(out, "<text class=\"now\" x=\"%f%%\" y=\"12\">now</text></svg>", at);
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
