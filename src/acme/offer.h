/* SPDX-License-Identifier: GPL-3.0-or-later */
/* offer.h - what directory and challenge say of dns-persist-01, out of their JSON: for codec.c. */
#ifndef ACMEGATE_ACME_OFFER_H
#define ACMEGATE_ACME_OFFER_H

#include "acme/persist.h"

#define OFFER_WHY_SIZE 160

struct json_t; /* of jansson */

/* The members of meta. */
void offer_read_meta(const struct json_t *object, struct persist_meta *meta);

/* The members of a challenge. false: it is malformed; why says in which way. */
bool offer_read(const struct json_t *challenge, struct persist_offer *offer, char why[OFFER_WHY_SIZE]);

#endif
