// SPDX-License-Identifier: GPL-3.0-or-later
#include "check/sheet.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_SIZE 2048
#define INDENT 24 /* columns of mark and check */

static const struct {
	const char *name, *colour;
} marks[] = {
	[MARK_OK] = { "ok", "32" },
	[MARK_WARNING] = { "warning", "33" },
	[MARK_WRONG] = { "wrong", "31" },
};
_Static_assert(LENGTH_OF(marks) == MARKS, "a name for each mark");

void sheet_begin(struct sheet *sheet, bool json)
{
	const char *plain = getenv("NO_COLOR");

	*sheet = (struct sheet){ .json = json, .colours = !json && isatty(STDOUT_FILENO) && !(plain && *plain) };
	if (json)
		printf("{\"version\":1,\"rows\":[");
}

/* The text comes from files, DNS and other programs: a terminal gets printable ASCII only. */
static void print_text(const char *text)
{
	for (; *text; text++)
		putchar(*text >= ' ' && *text < 0x7f ? *text : '?');
}

static void print_string(const char *name, const char *text)
{
	printf(",\"%s\":\"", name);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text >= ' ' && *text < 0x7f ? *text : '?');
	}
	putchar('"');
}

static void print_json(const struct sheet *sheet, const char *mark, const char *subject, const char *text, const char *remedy)
{
	printf("%s\n{\"check\":\"%s\"", sheet->rows ? "," : "", sheet->check);
	print_string("subject", subject);
	print_string("state", mark);
	print_string("text", text);
	if (remedy)
		print_string("remedy", remedy);
	else
		printf(",\"remedy\":null");
	putchar('}');
}

static void print_line(const struct sheet *sheet, enum mark mark, const char *subject, const char *text, const char *remedy)
{
	if (sheet->colours)
		printf("\033[%sm%-8s\033[0m %-14s ", marks[mark].colour, marks[mark].name, sheet->check);
	else
		printf("%-8s %-14s ", marks[mark].name, sheet->check);
	print_text(subject);
	printf("%s", *subject ? ": " : "");
	print_text(text);
	if (remedy) {
		printf("\n%*s-> ", INDENT, "");
		print_text(remedy);
	}
	putchar('\n');
}

void sheet_add(struct sheet *sheet, enum mark mark, const char *subject, const char *remedy, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (sheet->json)
		print_json(sheet, marks[mark].name, subject, text, remedy);
	else
		print_line(sheet, mark, subject, text, remedy);
	fflush(stdout);
	sheet->rows++;
	sheet->worst = mark > sheet->worst ? mark : sheet->worst;
}

int sheet_end(const struct sheet *sheet)
{
	if (sheet->json)
		printf("\n]}\n");
	return (int)sheet->worst;
}
