/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log.h - messages for the administrator or the journal, on standard error.
 *
 * If JOURNAL_STREAM names our standard error, each line begins with its syslog level as "<N>", see sd-daemon(3); elsewhere with plain
 * words. Tabs and UTF-8 stay as they are; control characters never reach the terminal. Only the top of a process logs faults.
 *
 * The log never waits: a reader that does not read (Ctrl-S, a hung tee, a stuck journal) must not keep a port open. Lines for which
 * there is no room are lost and counted; the next line that has room comes after a line with their number.
 */
#ifndef ACMEGATE_BASE_LOG_H
#define ACMEGATE_BASE_LOG_H

#include <stdbool.h>

#include "base/fault.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7, /* with --verbose */
	LOG_LEVEL_TRACE = 8, /* with --debug: records, states, connections and the programs that are run; to the journal it is debug too */
};

/* As the command line says; and a bit: acmegate keeps a line at the bottom of this terminal, which each line of the log erases first. */
enum log_detail { LOG_PLAIN, LOG_VERBOSE, LOG_EVERYTHING, LOG_QUIET, LOG_LIVE };

/* Back to the first column, and nothing in the line. */
#define LOG_ERASE "\r\033[K"

/* Call once at start. role: the word behind "acmegate" in each line of a child ("client"), or NULL. */
void log_start(const char *role, enum log_detail detail);

/* The option that makes a child log in the same detail, or NULL; and the detail of that option, or of NULL. */
const char *log_option(void);
enum log_detail log_detail_of(const char *option);

/* From now on, in this process and those that it starts: LOG_LIVE. */
void log_live(void);

/*
 * From now on every line goes to this function first, its text in UTF-8 and without control characters. It must not wait. false: it could
 * not take the line, which then goes to standard error as before.
 */
void log_through(bool (*send)(enum log_level level, const char *text));

/* Is standard error the journal? Children find out by their environment. */
bool log_is_journal(void);

/*
 * Gives this process a standard error that does not wait for its reader, and leaves the caller's as it is. For the privileged image at
 * its start, and for each child before it drops its rights. If that is not allowed, lines are written only when there is room.
 */
void log_unblock(void);

/* At the end, with the port closed: waits a moment for the reader to say how many lines are lost. */
void log_finish(void);

/* For a process that goes on when its command returns: lines go to syslog(3) too, from now on. */
void log_detach(void);
/* Closes standard input, output and error, if log_detach() was called: their readers must see the end. */
void log_leave_terminal(void);
bool log_is_verbose(void);
bool log_is_everything(void);
bool log_is_quiet(void);

void log_line(enum log_level, const char *format, ...) PRINTF_LIKE(2, 3);
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
/* Nothing happened. The timer runs every hour: the journal gets no line about that without --verbose. */
#define log_idle(...) log_line(log_is_journal() ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_trace(...) log_line(LOG_LEVEL_TRACE, __VA_ARGS__)

#endif
