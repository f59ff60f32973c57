// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/environment.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/safe.h"

#define BLANK " \t\r"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define DIGITS "0123456789"

/* The text becomes shorter while it is read, and so is written in place. */
struct reader {
	const char *in;
	char *out;
	unsigned int line;
};

static int wrong(const struct reader *reader, struct fault *fault, const char *what)
{
	return fault_set(fault, FAULT_USAGE, "line %u: %s", reader->line, what);
}

/* One character, behind which the reader goes on. */
static void keep(struct reader *reader)
{
	reader->line += *reader->in == '\n';
	*reader->out++ = *reader->in++;
}

/* A line that ends in a backslash goes on in the next one. */
static bool skip_line_end(struct reader *reader)
{
	if (reader->in[0] != '\\' || reader->in[1] != '\n')
		return false;
	reader->in += 2;
	reader->line++;
	return true;
}

/* To the end of the line; white space there is cut off, and a backslash makes the next character an ordinary one. */
static void take_plain(struct reader *reader)
{
	char *end = reader->out;

	while (*reader->in && *reader->in != '\n') {
		const bool escaped = reader->in[0] == '\\' && reader->in[1];

		if (skip_line_end(reader))
			continue;
		reader->in += escaped;
		keep(reader);
		if (escaped || !strchr(BLANK, reader->out[-1]))
			end = reader->out;
	}
	reader->out = end;
}

static int take_quoted(struct reader *reader, struct fault *fault)
{
	const char quote = *reader->in++;

	while (*reader->in && *reader->in != quote) {
		if (quote == '"' && skip_line_end(reader))
			continue;
		if (quote == '"' && reader->in[0] == '\\' && reader->in[1] && strchr("\"\\`$", reader->in[1]))
			reader->in++;
		keep(reader);
	}
	if (!*reader->in)
		return wrong(reader, fault, "a quotation mark is missing at the end of the value");
	reader->in++;
	reader->in += strspn(reader->in, BLANK);
	return *reader->in && *reader->in != '\n' ? wrong(reader, fault, "expected nothing behind the value in quotation marks") : 0;
}

/* The name and the "=" behind it. */
static int take_name(struct reader *reader, const struct environment *environment, struct fault *fault)
{
	const size_t length = strspn(reader->in, LETTERS DIGITS);

	if (!length || reader->in[length] != '=' || strchr(DIGITS, reader->in[0]))
		return wrong(reader, fault,
			     "expected NAME=VALUE, a comment or an empty line; no shell reads this, so leave export and spaces out");
	for (size_t i = 0; i < environment->variables; i++)
		if (!strncmp(environment->variable[i], reader->in, length + 1))
			return wrong(reader, fault, "this variable is given twice");
	if (environment->variables == ENVIRONMENT_MOST)
		return wrong(reader, fault, "too many variables");
	memmove(reader->out, reader->in, length + 1);
	reader->out += length + 1;
	reader->in += length + 1;
	reader->in += strspn(reader->in, BLANK);
	return 0;
}

static int take_line(struct reader *reader, struct environment *environment, struct fault *fault)
{
	char *start = reader->out;

	if (take_name(reader, environment, fault) < 0)
		return -1;
	if (*reader->in != '"' && *reader->in != '\'')
		take_plain(reader);
	else if (take_quoted(reader, fault) < 0)
		return -1;
	if (*reader->in == '\n') { /* the NUL may go to its place */
		reader->in++;
		reader->line++;
	}
	*reader->out++ = '\0';
	environment->variable[environment->variables++] = start;
	environment->variable[environment->variables] = NULL;
	return 0;
}

int environment_parse(struct environment *environment, struct fault *fault)
{
	struct reader reader = { .in = environment->text, .out = environment->text, .line = 1 };

	environment->variables = 0;
	environment->variable[0] = NULL;
	for (;;) {
		reader.in += strspn(reader.in, BLANK);
		if (!*reader.in)
			return 0;
		if (*reader.in == '#' || *reader.in == ';')
			reader.in += strcspn(reader.in, "\n");
		else if (*reader.in != '\n' && take_line(&reader, environment, fault) < 0)
			return -1;
		else if (*reader.in == '\n') {
			reader.in++;
			reader.line++;
		}
	}
}

static int check(const struct stat *s, const char *path, struct fault *fault)
{
	if (s->st_mode & (S_IRWXG | S_IRWXO))
		return fault_set(fault, FAULT_USAGE, "others than root may read it; chmod 0600 %s", path);
	if (s->st_size >= ENVIRONMENT_SIZE)
		return fault_set(fault, FAULT_USAGE, "expected a file of less than %d bytes", ENVIRONMENT_SIZE);
	return 0;
}

int environment_read(const char *path, struct environment *environment, struct fault *fault)
{
	OWN_FD int fd = safe_open(path, fault);
	struct stat s;
	ssize_t n;

	environment->variables = 0;
	if (fd < 0)
		return -1;
	if (fstat(fd, &s) < 0)
		return fault_errno(fault, FAULT_USAGE, "%s", path);
	if (check(&s, path, fault) < 0)
		return fault_at(fault, "%s", path);
	n = read(fd, environment->text, sizeof(environment->text) - 1);
	if (n < 0)
		return fault_errno(fault, FAULT_USAGE, "%s", path);
	environment->text[n] = '\0';
	if (strlen(environment->text) != (size_t)n)
		return fault_set(fault, FAULT_USAGE, "%s: a NUL character is in it", path);
	return environment_parse(environment, fault) < 0 ? fault_at(fault, "%s", path) : 0;
}
