/* SPDX-License-Identifier: GPL-3.0-or-later */
/* names.h - the names of a certificate, as the configuration has them. */
#ifndef ACMEGATE_BASE_NAMES_H
#define ACMEGATE_BASE_NAMES_H

#include "base/loader.h"

/* Adds them to the certificate; the key may go on in more lines. 0, or -1 for a mistake, which is noted. */
int names_set(struct loader *loader, const struct key *key, const char *value);

#endif
