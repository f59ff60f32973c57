/* SPDX-License-Identifier: GPL-3.0-or-later */
/* idna.h - international host names (IDNA 2008, with the mapping of UTS 46): the only user of libidn2. */
#ifndef ACMEGATE_AGENT_IDNA_H
#define ACMEGATE_AGENT_IDNA_H

#include <stddef.h>

#include "base/config.h"

#define WHY_SIZE 128

/* "xn--bcher-kva.example" of a name in UTF-8. -1: there is none, and why says so. */
int idna_ascii(const char *name, char ascii[NAME_SIZE], char why[WHY_SIZE]) MUST_CHECK;

/* "bücher.example" of "xn--bcher-kva.example", in text; "" of a name that people write like that. */
const char *idna_unicode(const char *name, char text[FOREIGN_NAME_SIZE]);

#endif
