// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * status.c - hands over to acmegate-view, which has no right at all: the configuration, read here, and the directory of the ledgers. It
 * takes no lock and starts nothing, so that it works beside a renewal, and for whoever may read the two.
 */
#include "command/command.h"

#include "base/log.h"
#include "command/view.h"

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

int status_run(struct host *host, const struct call *call)
{
	const struct show show = {
		.file = call->file, .form = form_of(call), .names = call->word, .count = call->words, .say = command_say_mistakes
	};
	struct fault fault;

	(void)host;
	if (!show.form)
		return STATUS_USAGE;
	view_become(&show, &fault);
	return fault_status(&fault);
}
