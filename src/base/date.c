// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/date.h"

#include <string.h>
#include <time.h>

int date_read(const char *text, int64_t *seconds)
{
	struct tm parts = { 0 };
	const char *end = strptime(text, "%Y-%m-%d", &parts);
	const int day = parts.tm_mday;

	if (!end || *end || strlen(text) != sizeof("2026-11-01") - 1)
		return -1;
	*seconds = (int64_t)timegm(&parts);
	return *seconds > 0 && parts.tm_mday == day ? 0 : -1; /* there is no 30th of February */
}
