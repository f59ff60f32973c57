// SPDX-License-Identifier: GPL-3.0-or-later
#include "view/page_axis.h"

#include <stdio.h>
#include <time.h>

#include "base/own.h"

#define DAY INT64_C(86400)
#define LEAST_SPAN (4 * DAY)

static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* Distances of marks: the first one that leaves few enough is taken. */
static const struct step {
	int days, months; /* one of them */
} steps[] = { { 1, 0 }, { 2, 0 }, { 7, 0 }, { 14, 0 }, { 0, 1 }, { 0, 2 }, { 0, 3 }, { 0, 6 }, { 0, 12 } };

struct axis axis_over(int64_t begin, int64_t end)
{
	const int64_t missing = LEAST_SPAN - (end - begin);

	return missing > 0 ? (struct axis){ begin - missing / 2, begin - missing / 2 + LEAST_SPAN } : (struct axis){ begin, end };
}

double axis_at(const struct axis *axis, int64_t moment)
{
	if (moment <= axis->begin)
		return 0;
	if (moment >= axis->end)
		return 100;
	return 100 * (double)(moment - axis->begin) / (double)(axis->end - axis->begin);
}

/* The first moment of this step after the beginning. */
static int64_t first_of(const struct axis *axis, const struct step *step, struct tm *parts)
{
	const time_t begin = (time_t)axis->begin;

	if (!gmtime_r(&begin, parts))
		return INT64_MAX;
	parts->tm_hour = parts->tm_min = parts->tm_sec = 0;
	if (step->days) {
		parts->tm_mday++;
	} else {
		parts->tm_mday = 1;
		parts->tm_mon += step->months - parts->tm_mon % step->months;
	}
	return timegm(parts);
}

static void name_mark(char *text, size_t size, const struct step *step, const struct tm *parts)
{
	const char *month = months[(unsigned int)parts->tm_mon % LENGTH_OF(months)];

	if (step->days)
		snprintf(text, size, "%d %s", parts->tm_mday, month);
	else if (!parts->tm_mon)
		snprintf(text, size, "%d", parts->tm_year + 1900);
	else
		snprintf(text, size, "%s", month);
}

/* 0: they are too many. */
static size_t mark_by(const struct axis *axis, const struct step *step, struct mark marks[AXIS_MARKS])
{
	struct tm parts;
	size_t n = 0;

	for (int64_t moment = first_of(axis, step, &parts); moment < axis->end; moment = timegm(&parts)) {
		if (n == AXIS_MARKS)
			return 0;
		marks[n].at = axis_at(axis, moment);
		name_mark(marks[n].text, sizeof(marks[n].text), step, &parts);
		n++;
		parts.tm_mday += step->days;
		parts.tm_mon += step->months;
	}
	return n;
}

size_t axis_marks(const struct axis *axis, struct mark marks[AXIS_MARKS])
{
	for (size_t i = 0; i < LENGTH_OF(steps); i++) {
		size_t n = mark_by(axis, &steps[i], marks);

		if (n)
			return n;
	}
	return 0;
}

/* log2 with a straight line between the powers of two: nobody sees the difference, and it needs no library. */
static double log_of(uint64_t number)
{
	double whole = 0;
	double rest = (double)number;

	while (rest >= 2) {
		rest /= 2;
		whole++;
	}
	return whole + rest - 1;
}

double axis_log(uint64_t milliseconds, uint64_t least, uint64_t most)
{
	if (milliseconds <= least)
		return 0;
	if (milliseconds >= most)
		return 100;
	return 100 * (log_of(milliseconds) - log_of(least)) / (log_of(most) - log_of(least));
}
