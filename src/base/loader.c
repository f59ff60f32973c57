// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/loader.h"

#include <stdarg.h>
#include <string.h>

void loader_note(struct mistakes *mistakes, const char *text)
{
	if (mistakes->number < MOST_MISTAKES)
		snprintf(mistakes->text[mistakes->number], MISTAKE_SIZE, "%s", text);
	mistakes->number++;
}

int loader_wrong(struct loader *loader, const char *format, ...)
{
	char what[512], text[MISTAKE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(text, sizeof(text), "%s:%u: %s", loader->config->file, loader->line, what);
	loader_note(loader->mistakes, text);
	loader->wrong[loader->section] = true;
	loader->spoiled = true;
	return -1;
}

void *loader_field(const struct loader *loader, const struct key *key)
{
	char *const bases[SECTIONS] = { [SECTION_CERTIFICATE] = (char *)loader->certificate,
					[SECTION_ACME] = (char *)loader->ca,
					[SECTION_DNS] = (char *)loader->dns };
	char *base = bases[key->section];

	return (base ? base : (char *)loader->config) + key->offset;
}
