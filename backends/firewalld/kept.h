/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kept.h - rules of acmegate that somebody has saved into the files of firewalld. */
#ifndef ACMEGATE_BACKENDS_FIREWALLD_KEPT_H
#define ACMEGATE_BACKENDS_FIREWALLD_KEPT_H

#include <stdbool.h>

#include "base/fault.h"

/* Is this tag in the text? "": any of ours. */
bool kept_has_tag(const char *text, const char *wanted);

/* A fault if the tag is in a file that firewalld will read when it starts again. */
int kept_check(const char *tag, struct fault *fault) MUST_CHECK;

#endif
