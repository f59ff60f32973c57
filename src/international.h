/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * international.h - international names of the configuration, from the privileged image's side: a process without rights translates
 * them, which is started with the first such name and lives until international_end(). What it answers is checked like a name that
 * stands in the file.
 *
 * The channel carries one name as UTF-8, without a NUL, and one answer: a character and the ASCII form, or why there is none.
 */
#ifndef ACMEGATE_INTERNATIONAL_H
#define ACMEGATE_INTERNATIONAL_H

#include "config.h"

#define TRANSLATED	 '='
#define UNTRANSLATABLE	 '!'
#define TRANSLATION_SIZE (NAME_SIZE + 1)

/* For config_translate_with(). */
int international_ascii(const char *name, char ascii[NAME_SIZE], struct fault *fault) MUST_CHECK;

/* Ends the translator, if there is one. */
void international_end(void);

#endif
