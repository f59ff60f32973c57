/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log.h - what a person or the journal reads, on stderr.
 *
 * Under systemd (JOURNAL_STREAM names our stderr) each line carries its syslog level as "<N>", see sd-daemon(3); elsewhere
 * plain words. Tabs and UTF-8 stay as they are; control characters never reach the terminal. Only the top of a process logs faults.
 *
 * A log never waits: a reader that does not read (Ctrl-S, a hung tee, a journal that is stuck) must not keep a port open. Lines
 * for which there is no room are lost, and counted; the next line that has room is preceded by their number.
 */
#ifndef ACMEGATE_BASE_LOG_H
#define ACMEGATE_BASE_LOG_H

#include <stdbool.h>

#include "base/fault.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_NOTICE = 5, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* Call once at start. role: the word behind "acmegate" in each line of a child ("client"), or NULL. verbose: debug lines too. */
void log_start(const char *role, bool verbose);

/* Is stderr the journal? Children are told by their environment. */
bool log_is_journal(void);

/*
 * For the privileged image, once at its start, and for each child before its rights are dropped: gives this process a standard
 * error that does not wait for its reader, and leaves alone the one that the caller shares with it. Without a right to do so,
 * lines are written only when there is room for one.
 */
void log_unblock(void);

/* At the end, when no window stands: waits a moment for the reader, to say how many lines are lost. */
void log_finish(void);

/* For a process that stays behind when its command returns: lines go to syslog(3) too, from now on. */
void log_detach(void);
/* Gives standard input, output and error up, if log_detach() was called: whoever waits for their end shall see it. */
void log_leave_terminal(void);
bool log_is_verbose(void);

void log_line(enum log_level, const char *format, ...) PRINTF_LIKE(2, 3);
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
/* Nothing happened: the journal of a host whose timer runs each hour has no line of that, unless more is wanted. */
#define log_idle(...) log_line(log_is_journal() ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
