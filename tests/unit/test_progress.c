// SPDX-License-Identifier: GPL-3.0-or-later
/* The line of progress: its words for each width, and what a terminal gets of it. Time is the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "say/progress.h"
#include "other_names.h"

static struct timespec now = { .tv_sec = 1000 };
static int own, screen, terminal; /* standard error as it was; the two ends of the terminal */

int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	(void)clock;
	*time = now;
	return 0;
}

static const struct progress some = { .step = PROGRESS_VALIDATING, .done = 3, .of = 12, .since = 998.8, .left = 5, .port = 80 };

static void assert_line(const struct progress *p, size_t columns, const char *wanted)
{
	char line[PROGRESS_SIZE];
	size_t n = progress_draw(p, 1000, columns, line);

	assert_string_equal(line, wanted);
	assert_int_equal(n, strlen(wanted));
	assert_true(n < columns || n == 0);
}

static void the_words_of_each_step(void **state)
{
	static const struct {
		enum progress_step step;
		uint32_t done, of;
		const char *words;
	} cases[] = {
		{ PROGRESS_LOOKING, 7, 1000, "looking at 7 of 1000 certificates" },
		{ PROGRESS_ORDERING, 0, 1, "ordering 0 of 1 certificate" },
		{ PROGRESS_OPENING, 0, 0, "opening the port" },
		{ PROGRESS_VALIDATING, 3, 12, "validating 3 of 12 names" },
		{ PROGRESS_ISSUING, 0, 0, "fetching certificates" },
		{ PROGRESS_DEPLOYING, 1, 2, "deploying 1 of 2 certificates" },
	};
	char text[PROGRESS_SIZE];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++) {
		const struct progress p = { .step = cases[i].step, .done = cases[i].done, .of = cases[i].of };

		progress_say(&p, 1000, text);
		assert_string_equal(text, cases[i].words);
	}
	progress_say(&some, 1000, text);
	assert_string_equal(text, "validating 3 of 12 names, port 80 open for 1.2 s, 3.8 s left");
	progress_say(&some, 2000, text);
	assert_string_equal(text, "validating 3 of 12 names, port 80 open for 1001.2 s, 0.0 s left");
}

static void the_line_fits_each_width(void **state)
{
	const struct progress opening = { .step = PROGRESS_OPENING }, single = { .step = PROGRESS_ISSUING, .done = 0, .of = 1 };
	char line[PROGRESS_SIZE];

	(void)state;
	assert_line(&some, 200,
		    "validating 3 of 12 names, port 80 open for 1.2 s, 3.8 s left [#########..............................]");
	assert_line(&some, 80, "validating 3 of 12 names, port 80 open for 1.2 s, 3.8 s left [####............]");
	assert_line(&some, 72, "validating 3 of 12 names, port 80 open for 1.2 s, 3.8 s left");
	assert_line(&some, 61, "validating 3 of 12 names, port 80 open for 1.2 s, 3.8 s left");
	assert_line(&some, 60, "3/12 open 1.2 s");
	assert_line(&some, 20, "3/12 open 1.2 s");
	assert_line(&some, 10, "3/12 open");
	assert_line(&some, 1, "");
	assert_line(&some, 0, "");
	assert_line(&opening, 200, "opening the port");
	assert_line(&opening, 8, "opening");
	assert_line(&single, 200, "fetching 0 of 1 certificate"); /* one thing has no bar */
	for (size_t columns = 2; columns < 1000; columns++)
		assert_true(progress_draw(&some, 1000, columns, line) < columns);
}

static void the_bar_is_full_in_the_end_only(void **state)
{
	struct progress p = { .step = PROGRESS_LOOKING, .of = 2000 };
	char line[PROGRESS_SIZE];

	(void)state;
	progress_draw(&p, 1000, 80, line);
	assert_non_null(strstr(line, " [..."));
	p.done = 1999;
	progress_draw(&p, 1000, 80, line);
	assert_non_null(strstr(line, "#.]"));
	p.done = 2000;
	progress_draw(&p, 1000, 80, line);
	assert_null(strchr(line, '.'));
}

/* --- the terminal --------------------------------------------------------------------------------------------------- */

static int begin(void **state)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	struct termios raw;

	(void)state;
	own = dup(STDERR_FILENO);
	assert_int_equal(openpty(&screen, &terminal, NULL, NULL, &size), 0);
	tcgetattr(terminal, &raw);
	cfmakeraw(&raw);
	tcsetattr(terminal, TCSANOW, &raw);
	fcntl(screen, F_SETFL, O_NONBLOCK);
	dup2(terminal, STDERR_FILENO);
	log_start(NULL, LOG_PLAIN);
	log_unblock();
	setenv("TERM", "vt100", 1);
	unsetenv("NO_COLOR");
	return 0;
}

static int end(void **state)
{
	(void)state;
	progress_end();
	dup2(own, STDERR_FILENO);
	log_start(NULL, LOG_PLAIN);
	close(own);
	close(screen);
	close(terminal);
	return 0;
}

static void assert_screen(const char *wanted)
{
	char text[4096];
	ssize_t n = read(screen, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	assert_string_equal(text, wanted);
}

static void a_line_that_lives_and_goes(void **state)
{
	const struct winsize narrow = { .ws_row = 24, .ws_col = 20 };

	(void)state;
	progress_start();
	assert_true(progress_interval() > 0);
	progress_step(PROGRESS_OPENING, 0, 0);
	assert_screen("\r\033[Kopening the port");
	progress_open(80, 60);
	progress_step(PROGRESS_VALIDATING, 0, 2);
	assert_screen("\r\033[Kvalidating 0 of 2 names, port 80 open for 0.0 s, 60.0 s left [................]");
	progress_step(PROGRESS_VALIDATING, 1, 2); /* too soon: it comes with the clock */
	assert_screen("");
	now.tv_sec++;
	progress_tick();
	assert_screen("\r\033[Kvalidating 1 of 2 names, port 80 open for 1.0 s, 59.0 s left [########........]");
	log_notice("a line of the log");
	assert_screen("\r\033[Kacmegate: a line of the log\n");
	assert_int_equal(ioctl(screen, TIOCSWINSZ, &narrow), 0);
	progress_tick();
	assert_screen("\r\033[K1/2 open 1.0 s");
	progress_shut();
	progress_step(PROGRESS_ISSUING, 0, 1);
	assert_screen("\r\033[K0/1");
	progress_open(80, 60); /* the second window has what the first one has left */
	progress_step(PROGRESS_VALIDATING, 0, 2);
	assert_screen("\r\033[K0/2 open 0.0 s");
	progress_end();
	assert_screen("\r\033[K");
	progress_tick();
	assert_screen("");
}

/* Each one keeps the line away: no process is told of it, and nothing is drawn. */
static void no_line_where_it_is_not_wanted(void **state)
{
	static const char *const variables[] = { "TERM=dumb", "TERM=", "NO_COLOR=" };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(variables); i++) {
		setenv("TERM", "vt100", 1);
		unsetenv("NO_COLOR");
		putenv((char *)(uintptr_t)variables[i]);
		progress_start();
		assert_int_equal(progress_interval(), -1);
		assert_null(log_option());
		progress_step(PROGRESS_OPENING, 0, 0);
		progress_tick();
		log_notice("a line of the log");
		assert_screen("acmegate: a line of the log\n");
		progress_end();
		assert_screen("");
	}
	unsetenv("NO_COLOR");
	setenv("TERM", "vt100", 1);
	log_start(NULL, LOG_QUIET);
	progress_start();
	assert_int_equal(progress_interval(), -1);
	log_warning("a warning");
	assert_screen("");
	log_error("an error");
	assert_screen("acmegate: error: an error\n");
}

/* The caller's own description would wait. */
static void no_line_on_a_terminal_that_could_not_be_opened_anew(void **state)
{
	(void)state;
	dup2(terminal, STDERR_FILENO);
	progress_start();
	assert_int_equal(progress_interval(), -1);
}

static void a_terminal_that_was_stopped_is_not_waited_for(void **state)
{
	char text[4096];

	(void)state;
	progress_start();
	tcflow(terminal, TCOOFF);
	for (int i = 0; i < 10000; i++) {
		now.tv_sec++;
		progress_tick();
	}
	progress_end();
	assert_true(read(screen, text, sizeof(text)) < 0);
	tcflow(terminal, TCOON);
}

static void the_detail_goes_to_other_processes(void **state)
{
	static const enum log_detail details[] = { LOG_PLAIN, LOG_VERBOSE, LOG_EVERYTHING, LOG_QUIET };

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(details); i++) {
		log_start(NULL, details[i]);
		assert_int_equal(log_detail_of(log_option()), details[i]);
		if (details[i] == LOG_QUIET)
			continue;
		log_live();
		assert_int_equal(log_detail_of(log_option()), details[i] | LOG_LIVE);
		assert_int_equal(log_is_verbose(), details[i] != LOG_PLAIN);
		assert_int_equal(log_is_everything(), details[i] == LOG_EVERYTHING);
	}
	assert_int_equal(log_detail_of("--nonsense"), LOG_PLAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_words_of_each_step),
		cmocka_unit_test(the_line_fits_each_width),
		cmocka_unit_test(the_bar_is_full_in_the_end_only),
		cmocka_unit_test_setup_teardown(a_line_that_lives_and_goes, begin, end),
		cmocka_unit_test_setup_teardown(no_line_where_it_is_not_wanted, begin, end),
		cmocka_unit_test_setup_teardown(no_line_on_a_terminal_that_could_not_be_opened_anew, begin, end),
		cmocka_unit_test_setup_teardown(a_terminal_that_was_stopped_is_not_waited_for, begin, end),
		cmocka_unit_test_setup_teardown(the_detail_goes_to_other_processes, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
