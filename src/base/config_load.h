/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config_load.h - reads the configuration's file. */
#ifndef ACMEGATE_BASE_CONFIG_LOAD_H
#define ACMEGATE_BASE_CONFIG_LOAD_H

#include "base/config.h"

/*
 * Reads and validates FILE into *config, and notes all mistakes. What is wrong keeps its default, and a certificate with a mistake
 * is left out, so that *config serves to close in any case. 0: it serves for this part. -1: it does not, for the fault (the first
 * mistake; FAULT_USAGE, or why the file could not be read). Other parts than CONFIG_WHOLE are content with a CONFIG_FILE that does
 * not exist. Refuses a file that somebody other than root (or the caller, when not root) can write.
 */
int config_load(struct config *config, const char *file, enum config_part part, struct mistakes *mistakes,
		struct fault *fault) MUST_CHECK;

/*
 * Sets the function that turns an international name into its ASCII form, for config_load(CONFIG_WHOLE). Without one such a name is
 * a mistake. Other parts need none: they use no names of certificates, and closing depends on no other process.
 */
void config_translate_with(int (*translate)(const char *name, char ascii[NAME_SIZE], struct fault *fault));

#endif
