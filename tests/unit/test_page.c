// SPDX-License-Identifier: GPL-3.0-or-later
/* The page: no text is markup, and places on its charts are where they belong. tests/ca/page.bats looks at whole pages in a browser. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "between.h"
#include "skip_because.h"
#include "view/page_axis.h"
#include "view/page_markup.h"
#include "view/page_part.h"

#define DAY INT64_C(86400)
#define MIDNIGHT INT64_C(1795737600) /* 2026-11-27 */

static char written[4096];

static const char *escaped(const char *text)
{
	FILE *out = fmemopen(written, sizeof(written), "w");

	markup(out, "%s", text);
	assert_int_equal(fclose(out), 0);
	return written;
}

static void markup_of_a_text(void **state)
{
	static const struct {
		const char *text, *expected;
	} texts[] = {
		{ "", "" },
		{ "one.test +1", "one.test +1" },
		{ "<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;" },
		{ "]]><!-- --></style>", "]]&gt;&lt;!-- --&gt;&lt;/style&gt;" },
		{ "\" onload='x' &amp;", "&#34; onload=&#39;x&#39; &amp;amp;" },
		{ "100 %s %d %n", "100 %s %d %n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(texts); i++)
		assert_string_equal(escaped(texts[i].text), texts[i].expected);
}

static void what_nobody_sees_becomes_visible(void **state)
{
	static const struct {
		const char *text, *expected;
	} texts[] = {
		{ "a\x01"
		  "b\x1b[31m\x7f\r\n\t",
		  "a[U+0001]b[U+001B][31m[U+007F][U+000D][U+000A][U+0009]" },
		{ "\xc2\x80\xc2\x9f\xc2\xa0\xc2\xad", "[U+0080][U+009F]\xc2\xa0[U+00AD]" },
		{ "\xe2\x80\xaegnissim\xe2\x80\xac", "[U+202E]gnissim[U+202C]" },
		{ "\xe2\x81\xa6\xe2\x81\xa9\xe2\x80\x8b\xe2\x80\x8e\xd8\x9c\xef\xbb\xbf",
		  "[U+2066][U+2069][U+200B][U+200E][U+061C][U+FEFF]" },
		{ "\xe2\x80\xa8\xef\xbf\xbf\xf3\xa0\x80\xa1\xf0\x9f\xbf\xbe", "[U+2028][U+FFFF][U+E0021][U+1FFFE]" },
		{ "b\xc3\xbc"
		  "cher \xe4\xb8\xad \xf0\x9f\x94\x92",
		  "b\xc3\xbc"
		  "cher \xe4\xb8\xad \xf0\x9f\x94\x92" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(texts); i++)
		assert_string_equal(escaped(texts[i].text), texts[i].expected);
}

#define LOST "\xef\xbf\xbd"

/* Overlong forms, surrogates, what is beyond Unicode, and what is cut off: never a byte of it is passed on, and never one behind the text read. */
static void bytes_that_are_no_utf8(void **state)
{
	static const struct {
		const char *text, *expected;
	} texts[] = {
		{ "\xff\xfe|", LOST LOST "|" },
		{ "\x80|", LOST "|" },
		{ "\xc0\xbc|", LOST LOST "|" },
		{ "\xe0\x80\xbc|", LOST LOST LOST "|" },
		{ "\xf0\x80\x80\xbc|", LOST LOST LOST LOST "|" },
		{ "\xed\xa0\x80|", LOST LOST LOST "|" },
		{ "\xf4\x90\x80\x80|", LOST LOST LOST LOST "|" },
		{ "\xc3<", LOST "&lt;" },
		{ "\xe2\x80<", LOST LOST "&lt;" },
		{ "\xe2\x80", LOST LOST },
		{ "\xf0\x9f\x94", LOST LOST LOST },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(texts); i++)
		assert_string_equal(escaped(texts[i].text), texts[i].expected);
}

/* Any two bytes, and a third one behind those that begin a longer character: the C library takes what comes out, and no "<" gets through. */
static void any_bytes(void **state)
{
	static const unsigned char thirds[] = { 0x01, '<', 'a', 0x7f, 0x80, 0x8e, 0xa0, 0xbf, 0xc3, 0xe2, 0xff };

	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip_because("there is no locale C.UTF-8");
	for (unsigned int i = 1; i < 0x10000; i++) {
		for (size_t k = 0; k < (i >> 8 >= 0xe0 ? LENGTH_OF(thirds) : 1); k++) {
			const char text[] = { (char)(i >> 8 ? i >> 8 : 'x'), (char)(i & 0xff ? i & 0xff : 'x'), (char)thirds[k],
					      '<', '\0' };
			const char *out = escaped(text);

			if (mbstowcs(NULL, out, 0) == (size_t)-1 || strchr(out, '<') || strcmp(out + strlen(out) - 4, "&lt;"))
				fail_msg("%04x %02x: %s", i, thirds[k], out);
		}
	}
}

static void markup_of_numbers(void **state)
{
	FILE *out = fmemopen(written, sizeof(written), "w");

	(void)state;
	markup(out, "<a x=\"%f%%\" y=\"%f\" z=\"%f\">%d %u %s</a>", 12.5, 100.0, 0.004, -3, 7U, "<>");
	assert_int_equal(fclose(out), 0);
	assert_string_equal(written, "<a x=\"12.5%\" y=\"100\" z=\"0\">-3 7 &lt;&gt;</a>");
}

#define ASSERT_NEAR(a, b) assert_true((a) - (b) < 0.001 && (b) - (a) < 0.001)

static void places_on_a_time_axis(void **state)
{
	struct axis axis = axis_over(MIDNIGHT, MIDNIGHT + 100 * DAY);

	(void)state;
	ASSERT_NEAR(axis_at(&axis, MIDNIGHT), 0);
	ASSERT_NEAR(axis_at(&axis, MIDNIGHT + 25 * DAY), 25);
	ASSERT_NEAR(axis_at(&axis, MIDNIGHT + 100 * DAY), 100);
	ASSERT_NEAR(axis_at(&axis, 0), 0);
	ASSERT_NEAR(axis_at(&axis, INT64_MAX), 100);
	ASSERT_NEAR(axis_at(&axis, INT64_MIN), 0);
	/* a span that is too short, or none, has its middle in the middle */
	axis = axis_over(MIDNIGHT, MIDNIGHT);
	assert_true(axis.end > axis.begin);
	ASSERT_NEAR(axis_at(&axis, MIDNIGHT), 50);
}

static void expect_marks(int64_t days, const char *first, const char *last, size_t n)
{
	struct axis axis = axis_over(MIDNIGHT - 3600, MIDNIGHT - 3600 + days * DAY);
	struct mark marks[AXIS_MARKS];

	assert_int_equal(axis_marks(&axis, marks), n);
	assert_string_equal(marks[0].text, first);
	assert_string_equal(marks[n - 1].text, last);
	for (size_t i = 0; i < n; i++) {
		assert_true(marks[i].at > 0 && marks[i].at < 100);
		assert_true(!i || marks[i].at > marks[i - 1].at + 100.0 / 3 / AXIS_MARKS);
	}
}

/* From days to years there are a few marks, and never too many. */
static void marks_of_a_time_axis(void **state)
{
	(void)state;
	expect_marks(4, "27 Nov", "30 Nov", 4);
	expect_marks(10, "27 Nov", "5 Dec", 5);
	expect_marks(40, "27 Nov", "1 Jan", 6);
	expect_marks(90, "Dec", "Feb", 3);
	expect_marks(180, "Dec", "May", 6);
	expect_marks(365, "2027", "Nov", 6);
	expect_marks(800, "2027", "2029", 5);
	for (int64_t days = 1; days < 2000; days++) {
		struct axis axis = axis_over(MIDNIGHT + days * 7777, MIDNIGHT + days * 7777 + days * DAY);
		struct mark marks[AXIS_MARKS];

		assert_between(axis_marks(&axis, marks), 2, AXIS_MARKS);
	}
}

static void lengths_on_a_logarithmic_scale(void **state)
{
	double last = -1;

	(void)state;
	ASSERT_NEAR(axis_log(0, 10, 1000), 0);
	ASSERT_NEAR(axis_log(10, 10, 1000), 0);
	ASSERT_NEAR(axis_log(1000, 10, 1000), 100);
	ASSERT_NEAR(axis_log(UINT64_MAX, 10, 1000), 100);
	ASSERT_NEAR(axis_log(32, 8, 128), 50);
	assert_true(axis_log(100, 10, 1000) > 49 && axis_log(100, 10, 1000) < 51);
	for (uint64_t i = 10; i <= 1000; i++) {
		assert_true(axis_log(i, 10, 1000) > last);
		last = axis_log(i, 10, 1000);
	}
}

static void lengths_in_words(void **state)
{
	static const struct {
		uint64_t milliseconds;
		const char *text, *seconds;
	} spans[] = {
		{ 0, "0 ms", "0.000" },
		{ 412, "412 ms", "0.412" },
		{ 999, "999 ms", "0.999" },
		{ 1000, "1.0 s", "1.000" },
		{ 3149, "3.1 s", "3.149" },
		{ 9949, "9.9 s", "9.949" },
		{ 9950, "10 s", "9.950" },
		{ 41400, "41 s", "41.400" },
		{ 119499, "119 s", "119.499" },
		{ 119500, "2 min 0 s", "119.500" },
		{ 3725000, "62 min 5 s", "3725.000" },
		{ 86400000, "24 h 0 min", "86400.000" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(spans); i++) {
		assert_string_equal(page_span(spans[i].milliseconds).text, spans[i].text);
		assert_string_equal(page_seconds(spans[i].milliseconds).text, spans[i].seconds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markup_of_a_text),	  cmocka_unit_test(what_nobody_sees_becomes_visible),
		cmocka_unit_test(bytes_that_are_no_utf8), cmocka_unit_test(any_bytes),
		cmocka_unit_test(markup_of_numbers),	  cmocka_unit_test(places_on_a_time_axis),
		cmocka_unit_test(marks_of_a_time_axis),	  cmocka_unit_test(lengths_on_a_logarithmic_scale),
		cmocka_unit_test(lengths_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
