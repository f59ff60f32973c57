/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * international.h - international names of the configuration, from the privileged image's side: a process without rights translates
 * them, which is started with the first such name and lives until international_end(). What it answers is checked like a name that
 * is in the file.
 */
#ifndef ACMEGATE_PUBLISH_INTERNATIONAL_H
#define ACMEGATE_PUBLISH_INTERNATIONAL_H

#include "base/config.h"

/* For config_translate_with(). */
int international_ascii(const char *name, char ascii[NAME_SIZE], struct fault *fault) MUST_CHECK;

/* Ends the translator, if there is one. */
void international_end(void);

#endif
