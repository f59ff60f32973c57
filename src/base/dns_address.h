/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dns_address.h - the names of a section [dns NAME] whose addresses acmegate keeps current, and the addresses of this host that they get.
 */
#ifndef ACMEGATE_BASE_DNS_ADDRESS_H
#define ACMEGATE_BASE_DNS_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ca.h"

#define MAX_ADDRESS_NAMES 8 /* of one section */
#define INTERFACE_SIZE 16   /* of its name, as the kernel has it */
#define ADDRESS_TTL 300	    /* seconds */
#define MAX_ADDRESSES 16    /* of this host, at one name */

enum address_family { ADDRESS_BOTH, ADDRESS_IPV4, ADDRESS_IPV6, ADDRESS_FAMILIES };

struct dns_address {
	uint32_t names;
	char name[MAX_ADDRESS_NAMES][NAME_SIZE]; /* lower case, without the dot at their end */
	char interface[INTERFACE_SIZE];		 /* that has the addresses; "": the one with the default route */
	uint32_t family;			 /* enum address_family */
	uint32_t ttl;				 /* of the records, seconds */
};

struct address {
	uint8_t six;
	unsigned char bytes[16]; /* of IPv4 the first four, and zeroes */
};

struct address_list {
	uint32_t count;
	struct address address[MAX_ADDRESSES];
};

static inline bool address_same(const struct address *one, const struct address *other)
{
	return one->six == other->six && !__builtin_memcmp(one->bytes, other->bytes, sizeof(one->bytes));
}

static inline bool addresses_have(const struct address_list *all, const struct address *one)
{
	for (uint32_t i = 0; i < all->count; i++)
		if (address_same(&all->address[i], one))
			return true;
	return false;
}

/*
 * acmegate -> acmegate-dns: the addresses that a name of a section is to have. Index: of the section in config.dns. Reply: struct
 * address_report.
 */
struct address_wish {
	uint32_t name;	/* in the section */
	uint8_t trusts; /* what it has set last is asked of no server, if it is the same */
	struct address_list addresses;
};

#define ADDRESS_TEXT 900

struct address_report {
	uint8_t looked;		 /* a server was asked */
	char done[ADDRESS_TEXT]; /* what has changed, or "" */
	char left[ADDRESS_TEXT]; /* addresses of others at this name, which stay; or "" */
};

#endif
