// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/caa.h"

#define MINE "ca.example, other-name.example"

static uint32_t judge(const struct caa_record *record, int n, const char *identities)
{
	const struct caa_asker asker = { .identities = identities, .http = true };
	struct finding finding = { .kind = FINDING_CAA };

	caa_judge(record, n, &asker, &finding);
	return finding.of_caa.permit;
}

static void a_wildcard_and_the_dns(void **state)
{
	const struct caa_record record[] = { { 0, "issue", "other.example" },
					     { 0, "issuewild", "ca.example; validationmethods=dns-01" } };
	const struct caa_asker wild = { .identities = MINE, .dns = true, .wild = true };
	const struct caa_asker plain = { .identities = MINE, .dns = true };
	struct finding finding = { .kind = FINDING_CAA };

	(void)state;
	caa_judge(record, 2, &wild, &finding);
	assert_int_equal(finding.of_caa.permit, PERMIT_GIVEN);
	caa_judge(record, 1, &wild, &finding);
	assert_int_equal(finding.of_caa.permit, PERMIT_REFUSED);
	caa_judge(record, 2, &plain, &finding);
	assert_int_equal(finding.of_caa.permit, PERMIT_REFUSED);
	assert_string_equal(finding.of_caa.text, "0 issue \"other.example\"");
}

static void one_record(void **state)
{
	static const struct {
		struct caa_record record;
		enum permit permit;
	} cases[] = {
		{ { 0, "issue", "ca.example" }, PERMIT_GIVEN },
		{ { 0, "issue", "other-name.example" }, PERMIT_GIVEN },
		{ { 128, "ISSUE", "CA.Example" }, PERMIT_GIVEN },
		{ { 0, "issue", " ca.example ; policy=ev" }, PERMIT_GIVEN },
		{ { 0, "issue", "ca.exampl" }, PERMIT_REFUSED },
		{ { 0, "issue", "ca.example.org" }, PERMIT_REFUSED },
		{ { 0, "issue", "xca.example" }, PERMIT_REFUSED },
		{ { 0, "issue", ";" }, PERMIT_REFUSED },
		{ { 0, "issue", "" }, PERMIT_REFUSED },
		{ { 0, "issue", "ca.example; validationmethods=dns-01" }, PERMIT_METHOD },
		{ { 0, "issue", "ca.example; validationmethods=dns-01,http-01" }, PERMIT_GIVEN },
		{ { 0, "issue", "ca.example;validationmethods=http-01;x=1" }, PERMIT_GIVEN },
		{ { 0, "issue", "ca.example; validationmethods=xhttp-01" }, PERMIT_METHOD },
		{ { 0, "issue", "ca.example; accounturi=https://ca.example/acct/1" }, PERMIT_ACCOUNT },
		{ { 0, "issuewild", "other.example" }, PERMIT_GIVEN },
		{ { 0, "iodef", "mailto:a@b.example" }, PERMIT_GIVEN },
		{ { 0, "unknown", "x" }, PERMIT_GIVEN },
		{ { 128, "unknown", "x" }, PERMIT_REFUSED },
		{ { 128, "iodef", "x" }, PERMIT_GIVEN },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(cases); i++)
		if (judge(&cases[i].record, 1, MINE) != (uint32_t)cases[i].permit)
			fail_msg("%s %s: %u", cases[i].record.tag, cases[i].record.value, judge(&cases[i].record, 1, MINE));
}

static void the_best_of_several_counts(void **state)
{
	const struct caa_record several[] = { { 0, "issue", "one.example" },
					      { 0, "issue", "ca.example; accounturi=x" },
					      { 0, "issue", "ca.example" },
					      { 128, "unknown", "x" } };

	(void)state;
	assert_int_equal(judge(several, 1, MINE), PERMIT_REFUSED);
	assert_int_equal(judge(several, 2, MINE), PERMIT_ACCOUNT);
	assert_int_equal(judge(several, 3, MINE), PERMIT_GIVEN);
	assert_int_equal(judge(several, 4, MINE), PERMIT_REFUSED);
	assert_int_equal(judge(several, 1, ""), PERMIT_UNKNOWN);
	assert_int_equal(judge(several, 0, MINE), PERMIT_GIVEN);
}

/* A response to "example CAA" with a CNAME and then these bytes as the data of a CAA record. */
static size_t build(unsigned char *message, const char *data, size_t length)
{
	static const unsigned char begin[] = { 0,   1,	 0x81, 0x80, 0,	 1,   0,  2, 0,	  0,  0, 0, 7, 'e', 'x', 'a', 'm',
					       'p', 'l', 'e',  0,    1,	 1,   0,  1, 192, 12, 0, 5, 0, 1,   0,	 0,   0,
					       9,   0,	 2,    192,  12, 192, 12, 1, 1,	  0,  1, 0, 0, 0,   9 };

	memcpy(message, begin, sizeof(begin));
	message[sizeof(begin)] = (unsigned char)(length >> 8);
	message[sizeof(begin) + 1] = (unsigned char)length;
	memcpy(message + sizeof(begin) + 2, data, length);
	return sizeof(begin) + 2 + length;
}

static void an_answer(void **state)
{
	struct caa_record record[CAA_RECORDS];
	unsigned char message[4096];
	char value[600];
	size_t length = build(message, "\200\005issueca.example", 17);

	(void)state;
	assert_int_equal(caa_read(message, length, record), 1);
	assert_int_equal(record[0].flags, 128);
	assert_string_equal(record[0].tag, "issue");
	assert_string_equal(record[0].value, "ca.example");
	for (size_t cut = 0; cut < length; cut++)
		assert_true(caa_read(message, cut, record) <= 0);
	length = build(message, "\000\000", 2);
	assert_int_equal(caa_read(message, length, record), -1);
	length = build(message, "\000\006issue", 7);
	assert_int_equal(caa_read(message, length, record), -1);
	memset(value, 'x', sizeof(value));
	memcpy(value, "\000\005issue", 7);
	length = build(message, value, sizeof(value));
	assert_int_equal(caa_read(message, length, record), 1);
	assert_int_equal(strlen(record[0].value), CAA_VALUE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_record),
		cmocka_unit_test(a_wildcard_and_the_dns),
		cmocka_unit_test(the_best_of_several_counts),
		cmocka_unit_test(an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
