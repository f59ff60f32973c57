// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/request.h"

#define PATH "/.well-known/acme-challenge/"
#define TOKEN "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA"

static enum request_verdict parse(const char *text, size_t length)
{
	const char *token = NULL;
	size_t n = 0;
	enum request_verdict verdict = request_parse(text, length, &token, &n);

	if (verdict == REQUEST_TOKEN) {
		assert_int_equal(n, strlen(TOKEN));
		assert_memory_equal(token, TOKEN, n);
	}
	return verdict;
}

/* The verdict on the whole text; no part of it may have had another final one. */
static enum request_verdict judge(const char *text)
{
	size_t length = strlen(text);
	enum request_verdict whole = parse(text, length);

	for (size_t n = 0; n < length; n++) {
		enum request_verdict part = parse(text, n);

		assert_true(part == REQUEST_MORE || part == whole);
	}
	return whole;
}

static void good_ones(void **state)
{
	(void)state;
	assert_int_equal(judge("GET " PATH TOKEN " HTTP/1.1\r\nHost: a.example\r\nUser-Agent: x\r\n\r\n"), REQUEST_TOKEN);
	assert_int_equal(judge("GET " PATH TOKEN " HTTP/1.0\r\n\r\n"), REQUEST_TOKEN);
	assert_int_equal(judge("GET " PATH TOKEN " HTTP/1.1\nHost: a.example\n\n"), REQUEST_TOKEN);
	assert_int_equal(judge("GET " PATH TOKEN " HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"), REQUEST_TOKEN);
}

static void unfinished_ones(void **state)
{
	(void)state;
	assert_int_equal(judge(""), REQUEST_MORE);
	assert_int_equal(judge("GET " PATH TOKEN), REQUEST_MORE);
	assert_int_equal(judge("GET " PATH TOKEN " HTTP/1.1\r\n"), REQUEST_MORE);
	assert_int_equal(judge("GET " PATH TOKEN " HTTP/1.1\r\nHost: a\r\n"), REQUEST_MORE);
	assert_int_equal(judge("GET " PATH TOKEN " HTTP/1.1\r\nHost: a\r\n\r"), REQUEST_MORE);
}

static void other_ones(void **state)
{
	static const char *const others[] = {
		"POST " PATH TOKEN " HTTP/1.1\r\n\r\n",
		"HEAD " PATH TOKEN " HTTP/1.1\r\n\r\n",
		"get " PATH TOKEN " HTTP/1.1\r\n\r\n",
		" GET " PATH TOKEN " HTTP/1.1\r\n\r\n",
		"GET  " PATH TOKEN " HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET " PATH " HTTP/1.1\r\n\r\n",
		"GET " PATH "../etc/passwd HTTP/1.1\r\n\r\n",
		"GET " PATH TOKEN "/ HTTP/1.1\r\n\r\n",
		"GET " PATH TOKEN "?x HTTP/1.1\r\n\r\n",
		"GET " PATH TOKEN "%41 HTTP/1.1\r\n\r\n",
		"GET http://a.example" PATH TOKEN " HTTP/1.1\r\n\r\n",
		"GET " PATH TOKEN " HTTP/1.2\r\n\r\n",
		"GET " PATH TOKEN " HTTP/2.0\r\n\r\n",
		"GET " PATH TOKEN " HTTP/1.1 \r\n\r\n",
		"GET " PATH TOKEN " HTTP/1.1\r\r\n\r\n",
		"GET " PATH TOKEN "\r\n\r\n",
		"\x16\x03\x01\x02",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(judge(others[i]), REQUEST_OTHER);
}

static void token_of_128_and_of_129(void **state)
{
	char text[512], token[130];
	const char *found;
	size_t n;

	(void)state;
	memset(token, 'x', 129);
	token[128] = '\0';
	snprintf(text, sizeof(text), "GET " PATH "%s HTTP/1.1\r\n\r\n", token);
	assert_int_equal(request_parse(text, strlen(text), &found, &n), REQUEST_TOKEN);
	assert_int_equal(n, 128);
	token[128] = 'x';
	token[129] = '\0';
	snprintf(text, sizeof(text), "GET " PATH "%s HTTP/1.1\r\n\r\n", token);
	assert_int_equal(request_parse(text, strlen(text), &found, &n), REQUEST_OTHER);
}

static void header_is_limited(void **state)
{
	static const char start[] = "GET " PATH TOKEN " HTTP/1.1\r\nX: ";
	char text[REQUEST_SIZE + 16];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, start, sizeof(start) - 1);
	assert_int_equal(parse(text, REQUEST_SIZE - 1), REQUEST_MORE);
	assert_int_equal(parse(text, REQUEST_SIZE), REQUEST_OTHER);
	memcpy(text + REQUEST_SIZE - 4, "\r\n\r\n", 4);
	assert_int_equal(parse(text, REQUEST_SIZE), REQUEST_TOKEN);
	assert_int_equal(parse(text, sizeof(text)), REQUEST_TOKEN);
}

static void nul_is_refused(void **state)
{
	static const char text[] = "GET " PATH TOKEN " HTTP/1.1\r\nX: \0\r\n\r\n";

	(void)state;
	assert_int_equal(parse(text, sizeof(text) - 1), REQUEST_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones),	     cmocka_unit_test(unfinished_ones),
		cmocka_unit_test(other_ones),	     cmocka_unit_test(token_of_128_and_of_129),
		cmocka_unit_test(header_is_limited), cmocka_unit_test(nul_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
