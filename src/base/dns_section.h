/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns_section.h - reading sections [dns NAME], and what certificates say about challenges. For section.c and keys.c. */
#ifndef ACMEGATE_BASE_DNS_SECTION_H
#define ACMEGATE_BASE_DNS_SECTION_H

#include "base/loader.h"

/* [dns NAME] begins, and ends: one with a mistake is of no use. */
int dns_begin(struct loader *loader, const char *name);
void dns_finish(struct loader *loader);

/* The values of keys. 0, or -1 for a mistake, which is noted. */
int dns_set_until(struct loader *loader, const struct key *key, const char *value);
int dns_set_challenges(struct loader *loader, const struct key *key, const char *value);
int dns_set_server(struct loader *loader, const struct key *key, const char *value);
int dns_set_key(struct loader *loader, const struct key *key, const char *value);
int dns_set_algorithm(struct loader *loader, const struct key *key, const char *value);
int dns_set_zone(struct loader *loader, const struct key *key, const char *value);
int dns_set_propagation(struct loader *loader, const struct key *key, const char *value);
int dns_set_url(struct loader *loader, const struct key *key, const char *value);
int dns_set_networks(struct loader *loader, const struct key *key, const char *value);

/* Can each of its names be validated by one of its challenges? */
int dns_check_certificate(struct loader *loader, const struct certificate *certificate);

/* After the last line: names of sections become indices. A certificate that names one which is not there is left out. */
void dns_resolve(struct loader *loader);

#endif
