// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/config_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INI_LINE_LIMIT 200 /* INI_MAX_LINE of inih as packaged, which gets longer lines in pieces */

/* inih takes these for white space, or skips them, and would see a section that look_at() does not. */
static int check_characters(struct loader *loader, const char *line, size_t length)
{
	if (strlen(line) != length)
		return loader_wrong(loader, "a NUL byte");
	if (!strncmp(line, "\xef\xbb\xbf", 3))
		return loader_wrong(loader, "a byte order mark; save the file without it");
	for (const unsigned char *c = (const unsigned char *)line; *c; c++)
		if ((*c < 0x20 && *c != '\t' && *c != '\n' && !(*c == '\r' && c[1] == '\n')) || *c == 0x7f)
			return loader_wrong(loader, "a control character");
	return 0;
}

static int check_line(struct loader *loader, const char *line, size_t length)
{
	const char *text = line + strspn(line, " \t");

	if (check_characters(loader, line, length) < 0)
		return -1;
	if (length >= LINE_MOST)
		return loader_wrong(loader,
				    "expected at most %d characters in a line; names may go on in the next line, behind a space",
				    LINE_MOST - 1);
	if (*text == '[')
		return loader->begin_section(loader, text);
	if (text == line && *text && !strchr("#;\r\n", *text) && strcspn(text, "=:") >= (text[strcspn(text, "=:")] ? 100 : 0))
		return loader_wrong(loader, "expected [SECTION] or KEY = VALUE");
	return 0;
}

/* Looks at a line before inih does, for what inih would pass over or cut in silence, or tell too late. */
static int look_at(struct loader *loader, const char *line, size_t length)
{
	const bool header = line[strspn(line, " \t")] == '[';

	loader->continued = line[0] == ' ' || line[0] == '\t';
	if (header) {
		loader->finish_section(loader);
		loader->section = SECTION_UNKNOWN;
	}
	if (check_line(loader, line, length) == 0) {
		loader->skipping &= !header;
		return 0;
	}
	loader->skipping |= header;
	return -1;
}

/* A long line without what inih passes over: a comment, and what follows a header. */
static void shorten(char *line)
{
	char *text = line + strspn(line, " \t");

	if (strchr("#;", *text))
		*text = '\0';
	if (*text == '[')
		text[strcspn(text, "]") + 1] = '\0';
	for (; *text; text++)
		if (*text == ';' && text > line && strchr(" \t", text[-1]))
			*text-- = '\0';
}

/* inih takes off white space on both sides of a piece, and a comment begins with these. */
static bool can_cut(const char *at)
{
	return !strchr(" \t", at[-1]) && !strchr(" \t;#", *at);
}

/* The next piece: as much as inih takes, behind a space so that it goes on with the value. */
static char *hand_out(struct loader *loader, char *line, size_t size)
{
	const char *text = loader->rest;
	const bool begins = text == loader->buffer;
	size_t length = strlen(text), cut = size - 3, first = begins && !loader->continued ? strcspn(text, "=:") + 2 : 1;

	loader->rest = NULL;
	if (length > cut) {
		while (cut > first && !can_cut(text + cut))
			cut--;
		if (cut <= first) {
			loader_wrong(loader, "expected words of more than one character in so long a line");
			return memcpy(line, "\n", sizeof("\n"));
		}
		length = cut;
		loader->rest = text + cut;
	}
	snprintf(line, size, "%s%.*s\n", begins ? "" : " ", (int)length, text);
	return line;
}

/* inih gets an empty line in the place of a wrong one. */
char *config_line_next(char *line, int size, void *user)
{
	struct loader *loader = user;
	size_t most = size < INI_LINE_LIMIT ? (size_t)size : INI_LINE_LIMIT;
	ssize_t n;

	if (loader->rest)
		return hand_out(loader, line, most);
	n = getline(&loader->buffer, &loader->capacity, loader->file);
	if (n < 0)
		return NULL;
	loader->line++;
	loader->used = 0;
	if (look_at(loader, loader->buffer, (size_t)n) < 0)
		return memcpy(line, "\n", sizeof("\n"));
	loader->buffer[strcspn(loader->buffer, "\r\n")] = '\0';
	if ((size_t)n >= most)
		shorten(loader->buffer);
	loader->rest = loader->buffer;
	return hand_out(loader, line, most);
}
