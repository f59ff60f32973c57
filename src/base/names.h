/* SPDX-License-Identifier: GPL-3.0-or-later */
/* names.h - the names of a certificate, as the configuration has them. */
#ifndef ACMEGATE_BASE_NAMES_H
#define ACMEGATE_BASE_NAMES_H

#include "base/loader.h"

/* Adds them to the certificate; the key may go on in more lines. 0, or -1 for a mistake, which is noted. */
int names_set(struct loader *loader, const struct key *key, const char *value);

/* Is this a name of a host, or a wildcard? Lower case. The same. */
int names_check(struct loader *loader, const struct key *key, const char *name);

#endif
