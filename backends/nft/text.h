/* SPDX-License-Identifier: GPL-3.0-or-later */
/* text.h - the commands that a plan prints. */
#ifndef ACMEGATE_BACKENDS_NFT_TEXT_H
#define ACMEGATE_BACKENDS_NFT_TEXT_H

#include <stddef.h>

#include "base/fault.h"

/* A line for a shell while it grows; what does not fit is left out. */
struct text {
	char *line;
	size_t size, used;
};
void text_print(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
