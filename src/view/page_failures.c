// SPDX-License-Identifier: GPL-3.0-or-later
/* page_failures.c - what somebody has to look at, and what was tried in vain: with all that the ledger knows of the last attempt. */
#include <string.h>

#include "base/moment.h"
#include "view/page_markup.h"
#include "view/page_part.h"

#define AT_ONCE 6	/* to be seen without a click, */
#define MOST_IN_FULL 24 /* and with one; of the others the table says enough, and the page stays small */

static bool is_failure(const struct entry *entry)
{
	return entry->health == HEALTH_ATTENTION || entry->failures;
}

static const char *step_of(const struct attempt *attempt)
{
	static const char *const steps[STEPS] = {
		[STEP_NONE] = "before the CA was asked", [STEP_DIRECTORY] = "at the CA's directory",
		[STEP_ACCOUNT] = "at the account",	 [STEP_ORDER] = "at the order",
		[STEP_VALIDATION] = "at the validation", [STEP_FINALIZE] = "at the finalization",
		[STEP_DOWNLOAD] = "at the download",	 [STEP_STORE] = "when it was stored",
	};
	_Static_assert(LENGTH_OF(steps) == STEPS, "words for each step");

	return attempt->outcome.step < STEPS ? steps[attempt->outcome.step] : "";
}

/* The reason without the CA's words in it, which come below it. */
static void write_reason(const char *reason, const char *detail, FILE *out)
{
	const char *words = detail[0] ? strstr(reason, detail) : NULL;
	char before[REASON_SIZE];

	if (!words || words - reason < 2 || strncmp(words - 2, ": ", 2) != 0) {
		markup(out, "<p>%s</p>", reason);
		return;
	}
	snprintf(before, sizeof(before), "%.*s", (int)(words - 2 - reason), reason);
	markup(out, "<p>%s%s</p>", before, words + strlen(detail));
}

static void write_evidence(const struct entry *entry, FILE *out)
{
	const struct attempt *last = entry->last;
	const struct outcome *outcome = &last->outcome;

	markup(out, "<dl><div><dt>Last attempt</dt><dd>%s UTC</dd></div><div><dt>At</dt><dd>%s</dd></div>",
	       moment_minute(last->started.wall).text, last->ca);
	markup(out, "<div><dt>Ended</dt><dd>%s %s</dd></div>", status_result(last), last->ended ? step_of(last) : "");
	if (outcome->type[0])
		markup(out, "<div><dt>Problem</dt><dd><code>%s</code></dd></div>", outcome->type);
	fputs("</dl>", out);
	if (outcome->detail[0])
		markup(out, "<blockquote>%s</blockquote>", outcome->detail);
}

static void write_failure(const struct entry *entry, FILE *out)
{
	const char *class = page_class(entry->health);

	markup(out, "<article id=\"f-%s\" class=\"%s\"><h3>", status_name(entry), class);
	page_symbol(out, class);
	markup(out, "<span>%s <i>%s", status_name(entry), status_word(entry->condition));
	if (entry->failures)
		markup(out, ", failed %u time%s", entry->failures, entry->failures == 1 ? "" : "s in a row");
	fputs("</i></span></h3>", out);
	write_reason(entry->condition == CONDITION_UNKNOWN ? entry->why.text : entry->decision.reason,
		     entry->last ? entry->last->outcome.detail : "", out);
	if (entry->last && entry->failures)
		write_evidence(entry, out);
	fputs("</article>\n", out);
}

static void write_nth(unsigned int n, const struct entry *entry, FILE *out)
{
	if (n == 0)
		fputs("<section><h2>Failures</h2>\n", out);
	if (n == AT_ONCE)
		fputs("<details><summary>More failures</summary>\n", out);
	if (n < MOST_IN_FULL)
		write_failure(entry, out);
}

/* Those first that somebody has to look at. */
void page_failures(const struct status *status, FILE *out)
{
	unsigned int n = 0;

	for (int health = HEALTH_ATTENTION; health >= HEALTH_GOOD; health--)
		for (size_t i = 0; i < status->count; i++)
			if ((int)status->entry[i].health == health && is_failure(&status->entry[i]))
				write_nth(n++, &status->entry[i], out);
	if (n > MOST_IN_FULL)
		markup(out, "<p class=\"more\">And %u more: see the table of certificates.</p>\n", n - MOST_IN_FULL);
	if (n > AT_ONCE)
		fputs("</details>\n", out);
	if (n)
		fputs("</section>\n", out);
}
