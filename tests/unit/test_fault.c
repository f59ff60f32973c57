// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"

static char text[2 * FAULT_TEXT_SIZE];

static void a_text_says_what_happened(void **state)
{
	struct fault fault = { .code = 7 };

	(void)state;
	assert_int_equal(fault_set(&fault, FAULT_USAGE, "%s:%d: no", "file", 3), -1);
	assert_int_equal(fault.kind, FAULT_USAGE);
	assert_int_equal(fault.code, 0);
	assert_string_equal(fault.text, "file:3: no");
}

static void errno_becomes_text_and_code(void **state)
{
	struct fault fault;

	(void)state;
	errno = ENOENT;
	assert_int_equal(fault_errno(&fault, FAULT_LATER, "opening %s", "x"), -1);
	assert_int_equal(fault.kind, FAULT_LATER);
	assert_int_equal(fault.code, ENOENT);
	assert_string_equal(fault.text, "opening x: No such file or directory");
}

static void the_place_goes_before(void **state)
{
	struct fault fault;

	(void)state;
	errno = EACCES;
	fault_errno(&fault, FAULT_FAILED, "reading");
	assert_int_equal(fault_at(&fault, "certificate %s", "a"), -1);
	assert_int_equal(fault.kind, FAULT_FAILED);
	assert_int_equal(fault.code, EACCES);
	assert_string_equal(fault.text, "certificate a: reading: Permission denied");
	fault_at(&fault, "run");
	assert_string_equal(fault.text, "run: certificate a: reading: Permission denied");
}

static void control_characters_are_replaced(void **state)
{
	struct fault fault;

	(void)state;
	fault_set(&fault, FAULT_FAILED,
		  "a\nb\x1b[2Jc\td\x7f"
		  "e\r\xc3\xbc");
	assert_string_equal(fault.text, "a?b?[2Jc?d?e???");
	fault_at(&fault, "x\ny");
	assert_string_equal(fault.text, "x?y: a?b?[2Jc?d?e???");
	errno = EINVAL;
	fault_errno(&fault, FAULT_FAILED, "a\nb");
	assert_string_equal(fault.text, "a?b: Invalid argument");
}

static void a_long_text_is_cut(void **state)
{
	struct fault fault;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	fault_set(&fault, FAULT_FAILED, "%s", text);
	assert_int_equal(strlen(fault.text), FAULT_TEXT_SIZE - 1);
	fault_at(&fault, "here");
	assert_int_equal(strlen(fault.text), FAULT_TEXT_SIZE - 1);
	assert_memory_equal(fault.text, "here: xxx", 9);
	errno = EINVAL;
	fault_errno(&fault, FAULT_FAILED, "%s", text);
	assert_int_equal(strlen(fault.text), FAULT_TEXT_SIZE - 1);
	assert_int_equal(fault.code, EINVAL);
	fault_set(&fault, FAULT_FAILED, "what");
	fault_at(&fault, "%s", text);
	assert_int_equal(strlen(fault.text), FAULT_TEXT_SIZE - 1);
}

static void each_kind_has_its_status(void **state)
{
	(void)state;
	assert_int_equal(fault_status(&(struct fault){ .kind = FAULT_NONE }), STATUS_DONE);
	assert_int_equal(fault_status(&(struct fault){ .kind = FAULT_FAILED }), STATUS_FAILED);
	assert_int_equal(fault_status(&(struct fault){ .kind = FAULT_USAGE }), STATUS_USAGE);
	assert_int_equal(fault_status(&(struct fault){ .kind = FAULT_LATER }), STATUS_LATER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_says_what_happened), cmocka_unit_test(errno_becomes_text_and_code),
		cmocka_unit_test(the_place_goes_before),     cmocka_unit_test(control_characters_are_replaced),
		cmocka_unit_test(a_long_text_is_cut),	     cmocka_unit_test(each_kind_has_its_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
