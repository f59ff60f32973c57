/* SPDX-License-Identifier: GPL-3.0-or-later */
/* logged.h - keeps what the code under test logs, instead of printing it. For a program that is linked with -Wl,--wrap=log_line. */
#ifndef ACMEGATE_TESTS_UNIT_LOGGED_H
#define ACMEGATE_TESTS_UNIT_LOGGED_H

#include <cmocka.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

static char log_text[16384]; /* a line for each message, up to the level of information */

void __wrap_log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);
void __wrap_log_line(enum log_level level, const char *format, ...)
{
	size_t used = strlen(log_text);
	va_list args;

	if (level > LOG_LEVEL_INFO)
		return;
	va_start(args, format);
	vsnprintf(log_text + used, sizeof(log_text) - used, format, args);
	va_end(args);
	used = strlen(log_text);
	snprintf(log_text + used, sizeof(log_text) - used, "\n");
}

/* These words were logged; then the text is empty again. */
static inline void assert_logged(const char *words)
{
	if (!strstr(log_text, words))
		fail_msg("%s is not in: %s", words, log_text);
	log_text[0] = '\0';
}

#endif
