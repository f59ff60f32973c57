/* SPDX-License-Identifier: GPL-3.0-or-later */
/* own_addresses.h - the addresses of this host that a name in the DNS is to have. */
#ifndef ACMEGATE_COMMAND_OWN_ADDRESSES_H
#define ACMEGATE_COMMAND_OWN_ADDRESSES_H

#include "base/dns_address.h"
#include "base/fault.h"

#define MOST_ROUTES 32

/* A default route of the main table. */
struct own_route {
	bool six;
	uint32_t interface, metric;
};

/* An address, as the kernel lists it. */
struct own_address {
	struct address address;
	uint32_t interface;
	uint32_t flags; /* IFA_F_... */
	uint8_t scope;	/* RT_SCOPE_... */
};

/*
 * The interface of the default route with the lowest metric; a family without one has that of the other. 0: there is no default route.
 * Public for tests.
 */
uint32_t own_addresses_interface(const struct own_route *route, size_t routes, bool six);

/* Would another host reach this one by it, also tomorrow? Not link-local, temporary, deprecated, or in doubt. Public for tests. */
bool own_addresses_lasts(const struct own_address *address);

/*
 * Those of the interface that the section names, or of the default route, of its families; private ones too. They are in the order of their
 * bytes. None is no fault.
 */
int own_addresses_find(const struct dns_address *section, struct address_list *addresses, struct fault *fault) MUST_CHECK;

#endif
