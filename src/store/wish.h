/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wish.h - a number for what is asked of a CA: directory, profile, chain, type of key, names, request. Another number: the certificate is due
 * at once. Never 0.
 */
#ifndef ACMEGATE_STORE_WISH_H
#define ACMEGATE_STORE_WISH_H

#include <stdint.h>

#include "base/config.h"

/* Of the CA at hand (config->acme), or of the one with this index in config->ca. */
uint64_t wish_of(const struct config *config, const struct certificate *certificate);
uint64_t wish_at(const struct config *config, const struct certificate *certificate, uint32_t ca);

/*
 * The wish that the live certificate was ordered with, if only its type of key is another one: with reuse_key that is the next key's, and
 * no reason to part with the one in use. 0: it is none of these.
 */
uint64_t wish_older(const struct config *config, const struct certificate *certificate, uint64_t live);

#endif
