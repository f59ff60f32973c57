// SPDX-License-Identifier: GPL-3.0-or-later
/* A file of variables for a program. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/environment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

/* Each is in the text, behind the one before it, and has a name. */
static void check_all(const struct environment *environment, size_t size)
{
	const char *next = environment->text;

	check(environment->variables <= ENVIRONMENT_MOST && !environment->variable[environment->variables]);
	for (size_t i = 0; i < environment->variables; i++) {
		const char *variable = environment->variable[i], *value = strchr(variable, '=');

		check(variable >= next && value > variable);
		next = variable + strlen(variable) + 1;
		check(next <= environment->text + size + 1);
		for (size_t k = 0; k < i; k++)
			check(strncmp(environment->variable[k], variable, (size_t)(value - variable) + 1) != 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct environment environment;
	struct fault fault;

	if (!size || size >= ENVIRONMENT_SIZE || memchr(data, 0, size)) /* environment_read() refuses these */
		return 0;
	memset(&environment, 0, sizeof(environment));
	memcpy(environment.text, data, size);
	if (environment_parse(&environment, &fault) == 0)
		check_all(&environment, size);
	else
		check(fault.kind == FAULT_USAGE && !strncmp(fault.text, "line ", strlen("line ")));
	return 0;
}
