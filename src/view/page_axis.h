/* SPDX-License-Identifier: GPL-3.0-or-later */
/* page_axis.h - places on the charts of the page, in percent of their width or height, and the marks of an axis. */
#ifndef ACMEGATE_VIEW_PAGE_AXIS_H
#define ACMEGATE_VIEW_PAGE_AXIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AXIS_MARKS 6

struct axis {
	int64_t begin, end; /* seconds since the epoch, begin < end */
};

struct mark {
	double at; /* percent */
	char text[16];
};

/* From begin to end; where that is less than four days they are as far apart, with the same middle. */
struct axis axis_over(int64_t begin, int64_t end);

/* 0 to 100: what is outside is at the edge. */
double axis_at(const struct axis *axis, int64_t moment);

/* "24 Nov", or "Dec" and "2027" for a January: at midnight of a day, or of the first of a month, UTC. Their number. */
size_t axis_marks(const struct axis *axis, struct mark marks[AXIS_MARKS]);

/* A length of time on a logarithmic scale from one to the other, in milliseconds: 0 to 100. */
double axis_log(uint64_t milliseconds, uint64_t least, uint64_t most);

#endif
