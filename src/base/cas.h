/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cas.h - the CAs of the configuration: [acme], and the sections [ca NAME] beside it.
 *
 * Processes work with one CA at a time, config.acme: cas_turn_to() puts it there. Nothing is inherited from one section to another.
 */
#ifndef ACMEGATE_BASE_CAS_H
#define ACMEGATE_BASE_CAS_H

#include "base/loader.h"

/* Makes this CA the one at hand, with the profile and the chain that each certificate asks for there. */
void cas_turn_to(struct config *config, uint32_t ca);

/* The profile and the chain that a certificate asks of this CA: of its first CA those of its own section, else those of the CA's. */
const char *cas_profile(const struct config *config, const struct certificate *certificate, uint32_t ca);
const char *cas_chain(const struct config *config, const struct certificate *certificate, uint32_t ca);

/* The place of the CA with this directory among those of the certificate, 0 for the preferred one; -1: it is none of them. */
int cas_place(const struct config *config, const struct certificate *certificate, const char *directory);

/* The index of the CA of this name, "acme" for that of [acme]; -1: there is none. */
int cas_find(const struct config *config, const char *name);

/* [ca NAME], and no certificate names it. */
bool cas_is_unused(const struct config *config, uint32_t ca);

/* --- for section.c and config_load.c ------------------------------------------------------------------------------ */

/* [ca NAME] begins. */
int cas_begin(struct loader *loader, const char *name);

/* It ends: one with a mistake is of no use. */
void cas_finish(struct loader *loader);

/* ca = NAME..., of a certificate or of [acme]. */
int cas_set(struct loader *loader, const struct key *key, const char *value);

/*
 * After the last line: the names become indices, and the first CA that a certificate prefers is at hand. A certificate that names a CA
 * which is not there is left out, and one whose CAs all have mistakes.
 */
void cas_resolve(struct loader *loader);

#endif
