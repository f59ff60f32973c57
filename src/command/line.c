// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/log.h"

#define NAME_MOST 15 /* letters of a command */
#define WAIT_MOST (24 * 60 * 60)
#define NEAR_MOST 2 /* a name that differs in more letters was not meant */

/* Output that could not be printed is a failure. */
static int finish(int status)
{
	if (fflush(stdout) < 0 || ferror(stdout)) {
		log_error("standard output: %s", strerror(errno));
		status = status == STATUS_DONE ? STATUS_FAILED : status;
	}
	log_finish();
	return status;
}

/* The number of letters that must be added, removed or changed (Levenshtein), row by row. */
static size_t distance(const char *typed, const char *name)
{
	const size_t length = strnlen(name, NAME_MOST);
	size_t row[NAME_MOST + 1];

	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 0; typed[i]; i++) {
		size_t diagonal = row[0]++;

		for (size_t j = 0; j < length; j++) {
			size_t best = diagonal + (typed[i] != name[j]);

			diagonal = row[j + 1];
			best = best < row[j] + 1 ? best : row[j] + 1;
			row[j + 1] = best < diagonal + 1 ? best : diagonal + 1;
		}
	}
	return row[length];
}

const struct command *line_find(const struct line *line, const char *name)
{
	const struct command *near = NULL;
	size_t least = NEAR_MOST + 1;

	for (const struct command *command = line->commands; command->name; command++) {
		size_t letters = distance(name, command->name);

		if (letters == 0)
			return command;
		if (letters < least && letters < strlen(command->name) / 2 + 1) {
			least = letters;
			near = command;
		}
	}
	if (near)
		log_error("there is no command '%s'; did you mean '%s'?", name, near->name);
	else
		log_error("there is no command '%s'; acmegate help lists them all", name);
	return NULL;
}

/* getopt_long() returns 'h' for help, the letter of an option, or its place counted from 1. */
static void describe(const struct command *command, char *letters, struct option *options)
{
	for (int i = 0; i < MOST_OPTIONS && command->options[i].name; i++) {
		const struct command_option *option = &command->options[i];

		*options++ = (struct option){ option->name, option->value ? required_argument : no_argument, NULL, i + 1 };
		if (option->letter)
			*letters++ = option->letter;
		if (option->letter && option->value)
			*letters++ = ':';
	}
	*options = (struct option){ "help", no_argument, NULL, 'h' };
}

static int complain(struct call *call, int reason, const char *typed)
{
	const char letter[] = { '-', (char)optopt, '\0' };
	const char *what = reason == ':' ? "needs a value" : optopt > 0 && optopt <= MOST_OPTIONS ? "takes no value" : "is unknown";

	log_error("the option %s of %s %s", optopt > MOST_OPTIONS ? letter : typed, call->command->name, what);
	help_write_usage(stderr, call->line, call->command);
	call->wrong = true;
	return -1;
}

/* The options, into call->value, and what is behind them into call->word. 1: the option was --help. -1: a mistake, which was logged. */
static int read_options(struct call *call, int argc, char **argv)
{
	const struct command_option *known = call->command->options;
	struct option options[MOST_OPTIONS + 2] = { 0 };
	char letters[2 * MOST_OPTIONS + 4] = "+:h";
	int rc;

	describe(call->command, letters + 3, options);
	opterr = 0;
	optind = 0; /* begin anew */
	while ((rc = getopt_long(argc, argv, call->command->others_options ? letters : letters + 1, options, NULL)) >= 0) {
		if (rc == 'h' || rc == '?' || rc == ':')
			return rc == 'h' ? 1 : complain(call, rc, argv[optind - 1]);
		for (int i = 0; i < MOST_OPTIONS; i++)
			if (rc == i + 1 || rc == known[i].letter) {
				call->value[i] = optarg ? optarg : "";
				call->times[i]++;
			}
	}
	call->word = argv + optind;
	call->words = argc - optind;
	return 0;
}

/* The more talkative one of several. */
static enum log_detail detail_of(const struct call *program)
{
	if (program->value[ACMEGATE_DEBUG] || program->times[ACMEGATE_VERBOSE] > 1)
		return LOG_EVERYTHING;
	return program->value[ACMEGATE_VERBOSE] ? LOG_VERBOSE : program->value[ACMEGATE_QUIET] ? LOG_QUIET : LOG_PLAIN;
}

static void read_wait(struct call *call)
{
	const char *value = call->command->claims ? call->value[CLAIM_WAIT] : NULL;

	if (!value || config_number(value, 1, WAIT_MOST, 10, &call->wait) == 0)
		return;
	log_error("--wait %s: expected 1 to %d seconds", value, WAIT_MOST);
	call->wait = 0;
	call->wrong = true;
}

static int run(struct call *call, int argc, char **argv)
{
	int rc = read_options(call, argc, argv);

	if (rc > 0) {
		help_write(stdout, call->line, call->command);
		return STATUS_DONE;
	}
	if (rc == 0 && call->words && !call->command->words) {
		log_error("%s takes no arguments", call->command->name);
		help_write_usage(stderr, call->line, call->command);
		call->wrong = true;
	}
	if (rc == 0)
		read_wait(call);
	if (call->wrong && !call->command->closes)
		return STATUS_USAGE;
	return call->command->explains || call->command->looks ? call->command->run(NULL, call) : command_run(call);
}

int line_run(const struct line *line, int argc, char **argv)
{
	struct call program = { .line = line, .command = &line->program }, call = { .line = line };
	int rc;

	if (fill_standard() < 0) {
		log_error("/dev/null, for a standard stream that is closed: %s", strerror(errno));
		return STATUS_FAILED;
	}
	/*
	 * No core dump of what root has in memory, and no ptrace by a storer that turned hostile. Capabilities stay: with fewer, a
	 * tool that is executed would gain some, and the kernel then forgets that the tool is to die with us (PR_SET_PDEATHSIG).
	 */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	log_start(NULL, LOG_PLAIN);
	rc = read_options(&program, argc, argv);
	log_start(NULL, detail_of(&program));
	if (rc < 0)
		return STATUS_USAGE;
	if (program.value[ACMEGATE_VERSION])
		return finish(version_run(NULL, &program));
	if (rc > 0 || !program.words) {
		help_write(rc > 0 ? stdout : stderr, line, &line->program);
		return rc > 0 ? finish(STATUS_DONE) : STATUS_USAGE;
	}
	call.file = program.value[ACMEGATE_CONFIG] ? program.value[ACMEGATE_CONFIG] : CONFIG_FILE;
	call.command = line_find(line, program.word[0]);
	if (call.command)
		return finish(run(&call, program.words, program.word));
	help_write_usage(stderr, line, &line->program);
	return STATUS_USAGE;
}
