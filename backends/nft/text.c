// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/text.h"

#include <stdarg.h>
#include <stdio.h>

void text_print(struct text *text, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text->line + text->used, text->size - text->used, format, arguments);
	va_end(arguments);
	text->used += n < 0 ? 0 : (size_t)n < text->size - text->used ? (size_t)n : text->size - text->used - 1;
}
