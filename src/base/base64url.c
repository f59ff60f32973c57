// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/base64url.h"

#include <stdint.h>

static const char alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

bool base64url_is(char c)
{
	return value_of(c) >= 0;
}

size_t base64url_encode(char *text, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	char *out = text;
	uint32_t bits = 0;
	unsigned int held = 0;

	for (size_t i = 0; i < length; i++) {
		bits = bits << 8 | bytes[i];
		for (held += 8; held >= 6; held -= 6)
			*out++ = alphabet[bits >> (held - 6) & 63];
	}
	if (held)
		*out++ = alphabet[bits << (6 - held) & 63];
	*out = '\0';
	return (size_t)(out - text);
}

long base64url_decode(void *data, const char *text, size_t length)
{
	uint8_t *out = data;
	uint32_t bits = 0;
	unsigned int held = 0;

	if (length % 4 == 1)
		return -1;
	for (size_t i = 0; i < length; i++) {
		int value = value_of(text[i]);

		if (value < 0)
			return -1;
		bits = bits << 6 | (uint32_t)value;
		held += 6;
		if (held >= 8) {
			held -= 8;
			*out++ = (uint8_t)(bits >> held);
		}
	}
	if (bits & ((1u << held) - 1))
		return -1;
	return (long)(out - (uint8_t *)data);
}
