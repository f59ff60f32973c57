/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keys.h - the keys of the configuration: section, name, and the function that takes the value. */
#ifndef ACMEGATE_BASE_KEYS_H
#define ACMEGATE_BASE_KEYS_H

#include "base/loader.h"

/* Gives this key of the section at hand its value. 1: the section has no such key. -1: a mistake, which is noted. */
int keys_set(struct loader *loader, const char *name, const char *value);

/* Has the certificate that is being read this key? */
bool keys_have(const struct loader *loader, const char *name);

#endif
