/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sighting.h - acmegate check asks: where would the values of a name go, and might they? Nothing in the DNS changes. */
#ifndef ACMEGATE_DNS_SIGHTING_H
#define ACMEGATE_DNS_SIGHTING_H

#include "base/config.h"
#include "base/sighting.h"
#include "base/wire.h"

/* A name of this certificate. -1: its aliases lead nowhere, or no server of the zone can be asked. */
int sighting_take(const struct config *config, uint32_t certificate, const struct value *name, struct sighting *sighting,
		  struct fault *fault) MUST_CHECK;

#endif
