/* SPDX-License-Identifier: GPL-3.0-or-later */
/* page_part.h - the parts of the page, in this order: each writes its sections. */
#ifndef ACMEGATE_VIEW_PAGE_PART_H
#define ACMEGATE_VIEW_PAGE_PART_H

#include <stdio.h>

#include "view/page_axis.h"
#include "view/status.h"

/* The head of the document, with its style; the summary. */
void page_head(const struct status *status, FILE *out);

/* The attempts that have failed, with their evidence. */
void page_failures(const struct status *status, FILE *out);

/* The certificates: a table with a chart in it. */
void page_certificates(const struct status *status, FILE *out);

/* The time that the port was open: a sentence, a chart, a table. */
void page_windows(const struct status *status, FILE *out);

/* --- for all of them ---------------------------------------------------------------------------------------------- */

/* "good", "wait" or "bad": the class of an element, and the name of a symbol. */
const char *page_class(enum health health);

/* The symbol of this name, in the colour of its text. */
void page_symbol(FILE *out, const char *name);

/* "412 ms", "3.1 s", "2 min 5 s" ... */
struct phrase {
	char text[32];
};
struct phrase page_span(uint64_t milliseconds);

/* "0.412" */
struct phrase page_seconds(uint64_t milliseconds);

/* "60 days left", "1 day ago", of a certificate that there is. */
struct phrase page_days(const struct status *status, const struct entry *entry);

/* A time axis: its marks, and the moment "now". The lines of a grid that goes with it get this id, for rows to use. */
void page_axis(FILE *out, const struct axis *axis, int64_t now, const char *id);

#endif
