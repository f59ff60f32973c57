// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64url.h"

/* RFC 4648, 10, without the padding. */
static const struct {
	const char *data, *text;
} vectors[] = {
	{ "", "" },	      { "f", "Zg" },	      { "fo", "Zm8" },		{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" },
};

static void test_vectors(void **state)
{
	char text[32], data[32];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(vectors); i++) {
		size_t length = strlen(vectors[i].data);

		assert_int_equal(base64url_encode(text, vectors[i].data, length), BASE64URL_LENGTH(length));
		assert_string_equal(text, vectors[i].text);
		assert_int_equal(base64url_decode(data, text, strlen(text)), length);
		assert_memory_equal(data, vectors[i].data, length);
	}
}

static void test_every_byte(void **state)
{
	uint8_t data[256], back[256];
	char text[BASE64URL_LENGTH(256) + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(255 - i);
	for (size_t length = 0; length <= sizeof(data); length++) {
		size_t n = base64url_encode(text, data, length);

		assert_int_equal(n, BASE64URL_LENGTH(length));
		for (size_t i = 0; i < n; i++)
			assert_true(base64url_is(text[i]));
		assert_int_equal(base64url_decode(back, text, n), length);
		assert_memory_equal(back, data, length);
	}
}

static void test_strict(void **state)
{
	static const char *const wrong[] = { "Z", "Zg==", "Zg=", "Zm9vY", "Zm+v", "Zm/v", "Zm v", "Zm9v\n", "Zh", "Zm9", "\xc3\xa9" };
	char data[16];

	(void)state;
	for (size_t i = 0; i < LENGTH_OF(wrong); i++)
		assert_int_equal(base64url_decode(data, wrong[i], strlen(wrong[i])), -1);
	assert_int_equal(base64url_decode(data, "Zm\0v", 4), -1);
	assert_false(base64url_is('\0'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_strict),
	};

	return cmocka_run_group_tests_name("base64url", tests, NULL, NULL);
}
