/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sheet.h - what acmegate check prints: rows of ok, warning and wrong, for people or as JSON. A row is printed as soon as it is known. */
#ifndef ACMEGATE_CHECK_SHEET_H
#define ACMEGATE_CHECK_SHEET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/own.h"

enum mark { MARK_OK, MARK_WARNING, MARK_WRONG, MARKS };

struct sheet {
	const char *check; /* the name of the check at hand, for its rows */
	size_t rows;
	enum mark worst;
	bool json, colours;
};

void sheet_begin(struct sheet *sheet, bool json);

/* Adds a row. remedy: what to do, in one line; NULL: nothing. Characters that are not printable ASCII are replaced. */
void sheet_add(struct sheet *sheet, enum mark mark, const char *subject, const char *remedy, const char *format, ...)
	PRINTF_LIKE(5, 6);

/* The exit status: 0 all is ok, 1 there are warnings, 2 something is wrong. */
int sheet_end(const struct sheet *sheet);

#endif
