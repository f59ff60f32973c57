// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * status.c - hands over to acmegate-view, which has no right at all: the configuration, read here, and the directory of the ledgers. It
 * takes no lock and starts nothing, so that it works beside a renewal, and for whoever may read the two.
 */
#include "command/command.h"

#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "publish/beside.h"
#include "publish/view.h"

/* Of the option that was given. NULL: more than one, which was logged. */
static const char *form_of(const struct call *call)
{
	const char *form = NULL;

	for (int i = 0; i < MOST_OPTIONS && call->command->options[i].name; i++) {
		if (!call->value[i])
			continue;
		if (form) {
			log_error("--%s and --%s: expected one of them", form, call->command->options[i].name);
			return NULL;
		}
		form = call->command->options[i].name;
	}
	return form ? form : "table";
}

/* A child becomes acmegate-view, with the file as its standard output, so that this process can tell whether it is whole. */
static int write_beside(const struct show *show, const struct beside *beside, struct fault *fault)
{
	const pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (dup2(beside->fd, STDOUT_FILENO) < 0)
			_exit(STATUS_FAILED);
		view_become(show, fault);
		_exit(fault_status(fault));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return fault_errno(fault, FAULT_LATER, "starting acmegate-view");
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_DONE)
		return STATUS_DONE;
	if (!WIFEXITED(status))
		return fault_set(fault, FAULT_FAILED, "acmegate-view was killed by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status); /* it has said why */
}

static int write_file(const struct show *show, const char *path)
{
	struct beside beside = NO_BESIDE;
	struct fault fault = { 0 };
	int status = beside_open(&beside, path, &fault);

	if (status == 0)
		status = write_beside(show, &beside, &fault);
	if (status == STATUS_DONE)
		status = beside_rename(&beside, &fault);
	beside_close(&beside);
	if (status >= 0)
		return status;
	log_error("%s", fault.text);
	return fault_status(&fault);
}

int status_run(struct host *host, const struct call *call)
{
	const struct show show = {
		.file = call->file, .form = form_of(call), .names = call->word, .count = call->words, .say = command_say_mistakes
	};
	const char *file = call->value[STATUS_HTML];
	struct fault fault;

	(void)host;
	if (!show.form)
		return STATUS_USAGE;
	if (file && strcmp(file, "-") != 0)
		return write_file(&show, file);
	view_become(&show, &fault);
	return fault_status(&fault);
}
