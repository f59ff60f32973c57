/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * environment.h - a file of variables for a program, in the form of systemd's EnvironmentFile= (systemd.exec(5)): lines NAME=VALUE, the value
 * in quotation marks or not, comments behind "#" or ";". It has secrets: it is root's, and nobody else may read it.
 */
#ifndef ACMEGATE_BASE_ENVIRONMENT_H
#define ACMEGATE_BASE_ENVIRONMENT_H

#include <stddef.h>

#include "base/fault.h"

#define ENVIRONMENT_SIZE (16 * 1024) /* of the file, with a NUL */
#define ENVIRONMENT_MOST 64	     /* variables */

struct environment {
	char text[ENVIRONMENT_SIZE];
	char *variable[ENVIRONMENT_MOST + 1]; /* "NAME=VALUE" in text; NULL behind the last */
	size_t variables;
};

/* Reads the file after checking that it is root's alone. The caller wipes *environment in any case. FAULT_USAGE. */
int environment_read(const char *path, struct environment *environment, struct fault *fault) MUST_CHECK;

/* The same of environment->text, which ends with a NUL. */
int environment_parse(struct environment *environment, struct fault *fault) MUST_CHECK;

#endif
