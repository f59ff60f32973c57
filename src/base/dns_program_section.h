/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns_program_section.h - reading the keys of sections [dns NAME] with type = exec. For config_load.c and dns_section.c. */
#ifndef ACMEGATE_BASE_DNS_PROGRAM_SECTION_H
#define ACMEGATE_BASE_DNS_PROGRAM_SECTION_H

#include "base/loader.h"

/* The values of keys. 0, or -1 for a mistake, which is noted. */
int dns_program_set_user(struct loader *loader, const struct key *key, const char *value);
int dns_program_set_environment(struct loader *loader, const struct key *key, const char *value);
int dns_program_set_seconds(struct loader *loader, const struct key *key, const char *value);

#endif
