/* SPDX-License-Identifier: GPL-3.0-or-later */
/* watch_section.h - reads the sections [watch NAME]. For section.c and keys.c. */
#ifndef ACMEGATE_BASE_WATCH_SECTION_H
#define ACMEGATE_BASE_WATCH_SECTION_H

#include "base/loader.h"

/* [watch NAME] begins. */
int watch_begin(struct loader *loader, const char *name);

/* It ends: one with a mistake is left out. */
void watch_finish(struct loader *loader);

/* files = PATTERN..., which may be given several times. */
int watch_set_files(struct loader *loader, const struct key *key, const char *value);

#endif
