/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * page_markup.h - writes HTML: the format is markup, and what goes into it is text, whoever wrote it. There is no other way to get a text into
 * the page, and so none that is not escaped.
 */
#ifndef ACMEGATE_VIEW_PAGE_MARKUP_H
#define ACMEGATE_VIEW_PAGE_MARKUP_H

#include <stdio.h>

#include "base/own.h"

/*
 * Knows %s (a text), %d, %u, %f (a number with at most two decimals) and %%, without width or precision.
 *
 * Of a text, & < > " ' become references, also for the value of an attribute between quotes. Characters that nobody sees or that turn the order
 * of others round (controls, bidi overrides, U+200B ...) become visible, "[U+202E]", and bytes that are no UTF-8 become U+FFFD.
 */
void markup(FILE *out, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
