/* SPDX-License-Identifier: GPL-3.0-or-later */
/* address_section.h - the keys of [dns NAME] that are about the addresses of this host. For config_load.c. */
#ifndef ACMEGATE_BASE_ADDRESS_SECTION_H
#define ACMEGATE_BASE_ADDRESS_SECTION_H

#include "base/loader.h"

/* 0, or -1 for a mistake, which is noted. */
int address_set_names(struct loader *loader, const struct key *key, const char *value);
int address_set_interface(struct loader *loader, const struct key *key, const char *value);
int address_set_ttl(struct loader *loader, const struct key *key, const char *value);

/* The section ends: do its keys go together? */
int address_check(struct loader *loader, const struct dns *dns);

extern const char *const address_families[ADDRESS_FAMILIES + 1];

#endif
