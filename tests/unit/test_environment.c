// SPDX-License-Identifier: GPL-3.0-or-later
/* Files of variables, and what a program prints: base/environment.c, host/talk.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/environment.h"
#include "host/talk.h"

static struct environment environment;
static struct fault fault;
static char file[64];

static int parse(const char *text)
{
	assert_true(strlen(text) < sizeof(environment.text));
	memcpy(environment.text, text, strlen(text) + 1);
	return environment_parse(&environment, &fault);
}

/* --- lines -------------------------------------------------------------------------------------------------------- */

static void values_are_those_of_systemd(void **state)
{
	static const struct {
		const char *text, *variable;
	} good[] = {
		{ "A=b", "A=b" },
		{ "A=b\n", "A=b" },
		{ "A=\n", "A=" },
		{ "A=", "A=" },
		{ "  A= b c \t\r\n", "A=b c" },
		{ "A=b#c;d", "A=b#c;d" },
		{ "A=b'c\"d", "A=b'c\"d" },
		{ "A=$HOME `x` *", "A=$HOME `x` *" },
		{ "A=b\\\\c\\ \n", "A=b\\c " },
		{ "A=b\\\nc", "A=bc" },
		{ "A=b\\", "A=b\\" },
		{ "A=\"b c \"\n", "A=b c " },
		{ "A=\"\"", "A=" },
		{ "A=\"b\\\"c\\\\d\\$e\\`f\\ng\"  \n", "A=b\"c\\d$e`f\\ng" },
		{ "A=\"b\\\nc\"", "A=bc" },
		{ "A='b\\'\n", "A=b\\" },
		{ "A='b\nc'\n", "A=b\nc" },
		{ "A='=#'\n", "A==#" },
		{ "_a1=b=c", "_a1=b=c" },
		{ "# A=c\n;A=d\n\n \t\nA=b", "A=b" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (parse(good[i].text) < 0)
			fail_msg("%s: %s", good[i].text, fault.text);
		assert_int_equal(environment.variables, 1);
		assert_string_equal(environment.variable[0], good[i].variable);
		assert_null(environment.variable[1]);
	}
}

static void each_variable_has_its_own(void **state)
{
	(void)state;
	assert_int_equal(parse("\n#\nA=1\nB='2'\n\nAB=\"3\"\nA_=4\\\n5\nC=6"), 0);
	assert_int_equal(environment.variables, 5);
	assert_string_equal(environment.variable[0], "A=1");
	assert_string_equal(environment.variable[1], "B=2");
	assert_string_equal(environment.variable[2], "AB=3");
	assert_string_equal(environment.variable[3], "A_=45");
	assert_string_equal(environment.variable[4], "C=6");
	assert_int_equal(parse("# nothing\n"), 0);
	assert_int_equal(environment.variables, 0);
}

static void mistakes_name_their_line(void **state)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "A", "line 1: expected NAME=VALUE" },
		{ "A=1\n\nexport B=2\n", "line 3: expected NAME=VALUE" },
		{ "A =1", "line 1: expected NAME=VALUE" },
		{ "=1", "line 1: expected NAME=VALUE" },
		{ "1A=1", "line 1: expected NAME=VALUE" },
		{ "A-B=1", "line 1: expected NAME=VALUE" },
		{ "A='1\n\n", "line 3: a quotation mark is missing" },
		{ "A=\"1\\\"", "line 1: a quotation mark is missing" },
		{ "A=\"1\\\n2\" 3\n", "line 2: expected nothing behind the value" },
		{ "A=\"1\"'2'", "line 1: expected nothing behind the value" },
		{ "A=1\\\n2\nB=3\n#\nA=4", "line 5: this variable is given twice" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(bad[i].text) == 0)
			fail_msg("%s is no mistake", bad[i].text);
		if (!strstr(fault.text, bad[i].words))
			fail_msg("%s: %s, not: %s", bad[i].text, fault.text, bad[i].words);
		assert_int_equal(fault.kind, FAULT_USAGE);
	}
}

static void there_is_a_most(void **state)
{
	char text[ENVIRONMENT_MOST * 16], *end = text;

	(void)state;
	for (int i = 0; i < ENVIRONMENT_MOST; i++)
		end += sprintf(end, "A%d=%d\n", i, i);
	assert_int_equal(parse(text), 0);
	assert_int_equal(environment.variables, ENVIRONMENT_MOST);
	assert_null(environment.variable[ENVIRONMENT_MOST]);
	sprintf(end, "B=1\n");
	assert_int_equal(parse(text), -1);
	assert_non_null(strstr(fault.text, "too many variables"));
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

static void store(const void *text, size_t length, mode_t mode)
{
	OWN_FD int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void assert_refused(const char *words)
{
	assert_int_equal(environment_read(file, &environment, &fault), -1);
	if (!strstr(fault.text, words) || !strstr(fault.text, file))
		fail_msg("%s", fault.text);
	assert_int_equal(environment.variables, 0);
}

static void only_root_can_read_the_file(void **state)
{
	static const mode_t others[] = { 0604, 0640, 0644, 0601, 0610 };
	static char large[ENVIRONMENT_SIZE];

	(void)state;
	snprintf(file, sizeof(file), "/tmp/test-environment-XXXXXX");
	close(mkstemp(file));
	store("A=1\n", 4, 0600);
	assert_int_equal(environment_read(file, &environment, &fault), 0);
	assert_string_equal(environment.variable[0], "A=1");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		store("A=1\n", 4, others[i]);
		assert_refused("chmod 0600");
	}
	store("A=1\n", 4, 0620);
	assert_refused("written by others");
	store("A=1\0B=2\n", 8, 0600);
	assert_refused("a NUL character");
	memset(large, '\n', sizeof(large));
	store(large, sizeof(large), 0600);
	assert_refused("less than");
	store("A\n", 2, 0400);
	assert_refused("line 1");
	if (geteuid() == 0) {
		store("A=1\n", 4, 0600);
		assert_int_equal(chown(file, 1, 1), 0);
		assert_refused("make it root's");
	}
	unlink(file);
	assert_refused("No such file");
}

/* --- what a program prints ------------------------------------------------------------------------------------------ */

static void print(struct talk *talk, enum talk_stream stream, const char *text, size_t length)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	assert_int_equal(write(ends[1], text, length), length);
	assert_true(talk_take(talk, stream, ends[0]));
	assert_false(talk_take(talk, stream, ends[0]));
	close(ends[0]);
	close(ends[1]);
}

static void lines_are_kept_whole(void **state)
{
	static struct talk talk;
	static char large[3 * TALK_LINE];

	(void)state;
	memset(&talk, 0, sizeof(talk));
	assert_string_equal(talk_reason(&talk), "it says nothing");
	print(&talk, TALK_OUTPUT, "zero\none\n", 9);
	assert_string_equal(talk_reason(&talk), "one");
	memset(&talk, 0, sizeof(talk));
	print(&talk, TALK_OUTPUT, "on", 2);
	print(&talk, TALK_ERRORS, "wrong\n \n", 8);
	print(&talk, TALK_OUTPUT, "e\ntw\0o", 6);
	talk_end(&talk);
	assert_int_equal(talk.lines, 4);
	assert_string_equal(talk.line[0], "wrong");
	assert_string_equal(talk.line[1], " ");
	assert_string_equal(talk.line[2], "one");
	assert_string_equal(talk.line[3], "tw o");
	assert_string_equal(talk_reason(&talk), "wrong");
	memset(large, 'x', sizeof(large));
	print(&talk, TALK_ERRORS, large, sizeof(large));
	talk_end(&talk);
	assert_int_equal(talk.lines, 4 + 4); /* 511 bytes each */
	assert_int_equal(strlen(talk.line[4]), TALK_LINE - 1);
	assert_string_equal(talk.error, "xxx");
}

static void only_the_last_lines_are_kept(void **state)
{
	static struct talk talk;
	char line[16];

	(void)state;
	memset(&talk, 0, sizeof(talk));
	for (int i = 0; i < 3 * TALK_LINES + 7; i++) {
		snprintf(line, sizeof(line), "%d\n", i);
		print(&talk, i % 2 ? TALK_ERRORS : TALK_OUTPUT, line, strlen(line));
	}
	assert_int_equal(talk.lines, 3 * TALK_LINES + 7);
	assert_string_equal(talk.line[6], "156");
	assert_string_equal(talk.line[7], "107");
	assert_string_equal(talk.error, "155");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_those_of_systemd),	cmocka_unit_test(each_variable_has_its_own),
		cmocka_unit_test(mistakes_name_their_line),	cmocka_unit_test(there_is_a_most),
		cmocka_unit_test(only_root_can_read_the_file),	cmocka_unit_test(lines_are_kept_whole),
		cmocka_unit_test(only_the_last_lines_are_kept),
	};

	return cmocka_run_group_tests_name("environment", tests, NULL, NULL);
}
