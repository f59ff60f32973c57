// SPDX-License-Identifier: GPL-3.0-or-later
#include "view/page_markup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NO_POINT UINT32_MAX
#define LAST_POINT 0x10ffff

/* Unicode's Default_Ignorable_Code_Point, and what is a control or turns the order round. */
static const struct range {
	uint32_t first, last;
} hidden[] = {
	{ 0x0000, 0x001f }, { 0x007f, 0x009f }, { 0x00ad, 0x00ad },   { 0x034f, 0x034f },   { 0x061c, 0x061c },
	{ 0x115f, 0x1160 }, { 0x17b4, 0x17b5 }, { 0x180b, 0x180f },   { 0x200b, 0x200f },   { 0x2028, 0x202e },
	{ 0x2060, 0x206f }, { 0x3164, 0x3164 }, { 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },
	{ 0xfff0, 0xfffb }, { 0xfdd0, 0xfdef }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
};

static bool is_hidden(uint32_t point)
{
	for (size_t i = 0; i < LENGTH_OF(hidden); i++)
		if (point >= hidden[i].first && point <= hidden[i].last)
			return true;
	return (point & 0xfffe) == 0xfffe; /* a noncharacter of each plane */
}

/* The number of bytes that follow the first one of a character. -1: it begins none. */
static int rest_of(unsigned char first)
{
	if (first < 0x80)
		return 0;
	if (first < 0xc2 || first > 0xf4)
		return -1;
	return first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
}

/* Takes the next character from a text that has not ended. NO_POINT: its first byte, which is taken, begins none (RFC 3629). */
static uint32_t take_point(const char **text)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const unsigned char *bytes = (const unsigned char *)*text;
	const int rest = rest_of(bytes[0]);
	uint32_t point;

	*text += 1;
	if (rest < 0)
		return NO_POINT;
	point = rest ? bytes[0] & (0x3fu >> rest) : bytes[0];
	for (int i = 1; i <= rest; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return NO_POINT;
		point = point << 6 | (bytes[i] & 0x3fu);
	}
	if (point < least[rest] || point > LAST_POINT || (point >= 0xd800 && point <= 0xdfff))
		return NO_POINT;
	*text += rest;
	return point;
}

static const char *reference_to(uint32_t point)
{
	switch (point) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&#34;";
	case '\'':
		return "&#39;";
	case NO_POINT:
		return "\xef\xbf\xbd";
	default:
		return NULL;
	}
}

static void write_text(FILE *out, const char *text)
{
	while (*text) {
		const char *begin = text;
		const uint32_t point = take_point(&text);
		const char *reference = reference_to(point);

		if (reference)
			fputs(reference, out);
		else if (is_hidden(point))
			fprintf(out, "[U+%04X]", (unsigned int)point);
		else
			fwrite(begin, 1, (size_t)(text - begin), out);
	}
}

/* "12.5": a page has thousands of them. */
static void write_number(FILE *out, double number)
{
	char text[32];
	size_t length = (size_t)snprintf(text, sizeof(text), "%.2f", number);

	if (length >= sizeof(text))
		length = sizeof(text) - 1;
	while (length && text[length - 1] == '0')
		length--;
	if (length && text[length - 1] == '.')
		length--;
	fwrite(text, 1, length, out);
}

void markup(FILE *out, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	for (const char *at = format; *at; at++) {
		if (*at != '%') {
			fputc(*at, out);
			continue;
		}
		at++;
		if (*at == 's')
			write_text(out, va_arg(arguments, const char *));
		else if (*at == 'd')
			fprintf(out, "%d", va_arg(arguments, int));
		else if (*at == 'u')
			fprintf(out, "%u", va_arg(arguments, unsigned int));
		else if (*at == 'f')
			write_number(out, va_arg(arguments, double));
		else
			fputc('%', out);
	}
	va_end(arguments);
}
