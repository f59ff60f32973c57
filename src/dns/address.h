/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * address.h - the addresses of this host, at the names of the configuration that say address =.
 *
 * Only what the file of holdings has is removed. An address that is at a name already is not written there, so that it stays somebody
 * else's.
 */
#ifndef ACMEGATE_DNS_ADDRESS_H
#define ACMEGATE_DNS_ADDRESS_H

#include "base/config.h"
#include "dns/message.h"

/* Has a name of a section (an index) have these addresses, and of those that were set no others. The text is for people. */
int address_set(const struct config *config, uint32_t section, const struct address_wish *wish, struct address_report *report,
		struct fault *fault) MUST_CHECK;

/* Removes what was set at names that the configuration no longer has. Failures are logged; the number that is left. */
size_t address_sweep(const struct config *config);

#endif
