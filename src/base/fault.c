// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A text may hold words of the CA, or a file's name: it gets no terminal escapes and no second line. */
static void clean(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c >= 0x7f)
			*c = '?';
}

int fault_set(struct fault *fault, enum fault_kind kind, const char *format, ...)
{
	va_list args;

	fault->kind = kind;
	fault->code = 0;
	va_start(args, format);
	vsnprintf(fault->text, sizeof(fault->text), format, args);
	va_end(args);
	clean(fault->text);
	return -1;
}

int fault_errno(struct fault *fault, enum fault_kind kind, const char *format, ...)
{
	int code = errno;
	size_t used;
	va_list args;

	fault->kind = kind;
	fault->code = code;
	va_start(args, format);
	vsnprintf(fault->text, sizeof(fault->text), format, args);
	va_end(args);
	used = strlen(fault->text);
	snprintf(fault->text + used, sizeof(fault->text) - used, ": %s", strerror(code));
	clean(fault->text);
	return -1;
}

int fault_at(struct fault *fault, const char *format, ...)
{
	char what[FAULT_TEXT_SIZE];
	size_t used;
	va_list args;

	memcpy(what, fault->text, sizeof(what));
	va_start(args, format);
	vsnprintf(fault->text, sizeof(fault->text), format, args);
	va_end(args);
	used = strlen(fault->text);
	snprintf(fault->text + used, sizeof(fault->text) - used, ": %s", what);
	clean(fault->text);
	return -1;
}

int fault_status(const struct fault *fault)
{
	static const int status[] = {
		[FAULT_NONE] = STATUS_DONE,
		[FAULT_FAILED] = STATUS_FAILED,
		[FAULT_USAGE] = STATUS_USAGE,
		[FAULT_LATER] = STATUS_LATER,
	};
	_Static_assert(LENGTH_OF(status) == FAULT_LATER + 1, "one status for each kind");

	return status[fault->kind];
}
