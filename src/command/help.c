// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

#include <string.h>

#define HELP_COLUMN 18 /* so that 80 columns are enough */
#define MOST_NAMED 2   /* options in the usage of a command: for the same reason */
#define LONG_WORDS 20  /* beside longer arguments none is named, nor -c and -v */

void help_write_usage(FILE *out, const struct line *line, const struct command *command)
{
	const struct command_option *option = command->options;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): no call is without its command */
	const bool whole = command == &line->program, is_long = command->words && strlen(command->words) > LONG_WORDS;
	const bool many = is_long || option[MOST_NAMED].name;

	fprintf(out, "usage: acmegate%s%s%s", whole || command->explains || is_long ? "" : " [-c FILE] [-v]", whole ? "" : " ",
		whole ? "" : command->name);
	if (many)
		fprintf(out, " [OPTION...]");
	for (; !many && option < command->options + MOST_OPTIONS && option->name; option++)
		fprintf(out, " [--%s%s%s]", option->name, option->value ? " " : "", option->value ? option->value : "");
	fprintf(out, "%s%s\n", command->words ? " " : "", command->words ? command->words : "");
}

static void explain_options(FILE *out, const struct command_option *options)
{
	for (const struct command_option *option = options; option < options + MOST_OPTIONS && option->name; option++) {
		char left[HELP_COLUMN + 1] = "    ";

		if (option->letter)
			snprintf(left, sizeof(left), "-%c, ", option->letter);
		snprintf(left + 4, sizeof(left) - 4, "--%s %s", option->name, option->value ? option->value : "");
		fprintf(out, "  %-*s  %s\n", HELP_COLUMN, left, option->help);
	}
	fprintf(out, "  %-*s  %s\n", HELP_COLUMN, "-h, --help", "print this text");
}

void help_write(FILE *out, const struct line *line, const struct command *command)
{
	help_write_usage(out, line, command);
	fprintf(out, "\n  %s\n\n", command->help);
	if (command == &line->program) {
		for (const struct command *each = line->commands; each->name; each++)
			fprintf(out, "  %-*s  %s\n", HELP_COLUMN, each->name, each->help);
		fputc('\n', out);
	}
	explain_options(out, command->options);
	if (command == &line->program)
		fprintf(out, "\nExit status: 0 done, 1 failed, 2 usage or configuration, 75 try again later;\n"
			     "guard has that of its command. 'acmegate COMMAND --help' explains one command,\n"
			     "acmegate(8) all of them.\n");
}

int help_run(struct host *host, const struct call *call)
{
	const struct command *command = &call->line->program;

	(void)host;
	if (call->words == 1)
		command = line_find(call->line, call->word[0]);
	if (!command || call->words > 1) {
		help_write_usage(stderr, call->line, call->command);
		return STATUS_USAGE;
	}
	help_write(stdout, call->line, command);
	return STATUS_DONE;
}

int version_run(struct host *host, const struct call *call)
{
	(void)host;
	(void)call;
	printf("acmegate " PACKAGE_VERSION "\nLicence GPL-3.0-or-later\n");
	return STATUS_DONE;
}
