// SPDX-License-Identifier: GPL-3.0-or-later
#include "setup/question.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/log.h"

bool question_ask(const struct question *question, bool yes, char *answer, size_t size)
{
	const char *usual = question->usual ? question->usual : yes ? "yes" : "no";

	snprintf(answer, size, "%s", usual);
	if (yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		log_error("%s There is no terminal to ask on: answer with %s, or all questions with --yes", question->text,
			  question->option);
		return false;
	}
	printf("%s [%s] ", question->text, usual);
	fflush(stdout);
	if (!fgets(answer, (int)size, stdin)) {
		printf("\n");
		log_error("no answer; %s would be one", question->option);
		return false;
	}
	answer[strcspn(answer, "\r\n")] = '\0';
	if (!answer[0])
		snprintf(answer, size, "%s", usual);
	return true;
}

bool question_confirm(const struct question *question, bool yes, bool *agrees)
{
	char answer[16];

	do {
		if (!question_ask(question, yes, answer, sizeof(answer)))
			return false;
		*agrees = !strcasecmp(answer, "yes") || !strcasecmp(answer, "y");
	} while (!*agrees && strcasecmp(answer, "no") != 0 && strcasecmp(answer, "n") != 0);
	return true;
}
