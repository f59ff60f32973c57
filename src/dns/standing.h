/* SPDX-License-Identifier: GPL-3.0-or-later */
/* standing.h - the records of dns-persist-01, which stay in the DNS: what each authoritative server has. No key, and nothing is written. */
#ifndef ACMEGATE_DNS_STANDING_H
#define ACMEGATE_DNS_STANDING_H

#include "base/config.h"
#include "base/wire.h"

/*
 * Looks for the records of this name, which the certificate has in the configuration. The host's resolvers say which servers have its zone, and
 * each of these is asked. FAULT_LATER: the resolvers cannot tell.
 */
int standing_find(const struct config *config, uint32_t certificate, const char *name, struct persist_found *found,
		  struct fault *fault) MUST_CHECK;

#endif
