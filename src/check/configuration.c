// SPDX-License-Identifier: GPL-3.0-or-later
#include "check/check.h"

#include "base/cas.h"

static void say_unused(struct examination *e)
{
	for (uint32_t i = 1; i < e->config->cas; i++)
		if (cas_is_unused(e->config, i))
			sheet_add(&e->sheet, MARK_WARNING, e->config->file, "name it in ca = of one, or of [acme], or remove it",
				  "line %u: [ca %s] is used by no certificate", e->config->ca[i].line, e->config->ca[i].name);
}

void check_configuration(struct examination *e)
{
	const struct config *config = e->config;

	for (uint32_t i = 0; i < e->mistakes.number && i < MOST_MISTAKES; i++)
		sheet_add(&e->sheet, MARK_WRONG, "", "correct it; acmegate.conf(5) explains each key", "%s", e->mistakes.text[i]);
	if (e->mistakes.number > MOST_MISTAKES)
		sheet_add(&e->sheet, MARK_WRONG, config->file, "correct the others first", "has %u mistakes more",
			  e->mistakes.number - MOST_MISTAKES);
	say_unused(e);
	if (!e->mistakes.number && access(config->file, F_OK) < 0)
		sheet_add(&e->sheet, MARK_WARNING, config->file,
			  "write it, beginning with the sample acmegate.conf.sample, or run acmegate setup",
			  "is not there: only hook, guard, plan and recover work without it");
	else if (!e->mistakes.number)
		sheet_add(&e->sheet, MARK_OK, config->file, NULL, "%u certificate%s, %u name%s", config->certificates,
			  config->certificates == 1 ? "" : "s", config->names, config->names == 1 ? "" : "s");
}
