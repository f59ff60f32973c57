/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tool.h - the programs that setup runs: acmegate itself, on the caller's terminal, and tools of the host. */
#ifndef ACMEGATE_SETUP_TOOL_H
#define ACMEGATE_SETUP_TOOL_H

#include <stdbool.h>

#include "base/fault.h"

/* acmegate -c FILE and these words and NULL; its exit status, or 128 + the signal that has ended it. */
int tool_acmegate(const char *file, ...) MUST_CHECK __attribute__((sentinel));

/* systemd starts it at boot. */
bool tool_is_enabled(const char *unit);

/* Shows how the second file differs from the first (diff -u), on standard output. */
int tool_show_difference(const char *from, const char *to, struct fault *fault) MUST_CHECK;

/* A tool of the host, by its name or path, with these arguments and NULL; what it prints is logged. 0: its exit status was. */
int tool_run(struct fault *fault, const char *name, ...) MUST_CHECK __attribute__((sentinel));

/* The same, words separated by spaces; the first is its absolute path. */
int tool_run_line(struct fault *fault, const char *line) MUST_CHECK;

/* The same, words[0] is its name or path; what it prints becomes *output, which is the caller's to free. Its exit status, or -1. */
int tool_ask(char **output, struct fault *fault, char *words[]) MUST_CHECK;

#endif
