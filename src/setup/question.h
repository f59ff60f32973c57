/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * question.h - what setup asks. Each question has a usual answer and an option that answers it; without a terminal the options
 * alone do.
 */
#ifndef ACMEGATE_SETUP_QUESTION_H
#define ACMEGATE_SETUP_QUESTION_H

#include <stdbool.h>
#include <stddef.h>

struct question {
	const char *text;
	const char *option; /* that answers it: for who has no terminal */
	const char *usual;  /* the answer of an empty line, and of --yes; NULL: "yes" with --yes, "no" without */
};

/* The answer, into these bytes. False: there is nobody to ask, or the input has ended; that was logged. */
bool question_ask(const struct question *question, bool yes, char *answer, size_t size);

/* The same for an answer that is yes or no. */
bool question_confirm(const struct question *question, bool yes, bool *agrees);

#endif
