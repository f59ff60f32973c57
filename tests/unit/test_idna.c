// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/idna.h"

#define LABEL "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"

static void there_and_back(void **state)
{
	static const struct {
		const char *foreign, *ascii, *back;
	} names[] = {
		{ "b\xc3\xbc"
		  "cher.example",
		  "xn--bcher-kva.example",
		  "b\xc3\xbc"
		  "cher.example" },
		{ "B\xc3\x9c"
		  "CHER.Example",
		  "xn--bcher-kva.example",
		  "b\xc3\xbc"
		  "cher.example" },
		{ "bu\xcc\x88"
		  "cher.example",
		  "xn--bcher-kva.example",
		  "b\xc3\xbc"
		  "cher.example" }, /* decomposed */
		{ "stra\xc3\x9f"
		  "e.example",
		  "xn--strae-oqa.example",
		  "stra\xc3\x9f"
		  "e.example" },
		{ "\xe4\xbe\x8b\xe3\x81\x88\xe3\x80\x82\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88", "xn--r8jz45g.xn--zckzah",
		  "\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88" },
		{ "plain.example", "plain.example", "" },
	};
	char ascii[NAME_SIZE], why[WHY_SIZE], foreign[FOREIGN_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(names); i++) {
		assert_int_equal(idna_ascii(names[i].foreign, ascii, why), 0);
		assert_string_equal(ascii, names[i].ascii);
		assert_string_equal(idna_unicode(ascii, foreign), names[i].back);
	}
	assert_string_equal(idna_unicode("192.0.2.1", foreign), "");
	assert_string_equal(idna_unicode("xn--.example", foreign), "");
}

static void what_is_no_name(void **state)
{
	static const char *const names[] = {
		"\xff.example",
		"\xe2\x80\xae.example",
		LABEL LABEL LABEL LABEL LABEL LABEL LABEL ".example",
		"\xf0\x9f\x98\x80\xc3\x28",
	};
	char ascii[NAME_SIZE], why[WHY_SIZE];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(names); i++) {
		why[0] = '\0';
		assert_int_equal(idna_ascii(names[i], ascii, why), -1);
		assert_true(strlen(why) > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(there_and_back), cmocka_unit_test(what_is_no_name) };

	return cmocka_run_group_tests_name("idna", tests, NULL, NULL);
}
