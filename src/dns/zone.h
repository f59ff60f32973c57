/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zone.h - where a value has to go: the name that it is at in the end, the zone of that, and the servers. */
#ifndef ACMEGATE_DNS_ZONE_H
#define ACMEGATE_DNS_ZONE_H

#include "dns/message.h"

#define MOST_HOPS 8
#define MOST_SERVERS 32

struct target {
	char owner[NAME_SIZE];
	char zone[NAME_SIZE];
	struct server primary; /* that takes updates; of no family where a writer changes the zone */
};

/*
 * Follows CNAME, DNAME and delegations from this name. Asks the server of the section, with its key, and the host's resolvers for names that
 * this one does not have. A section of another type than rfc2136 has no server: the resolvers alone are asked.
 */
int zone_find(const struct dns *dns, const char *name, struct target *target, struct fault *fault) MUST_CHECK;

/* The authoritative servers of the zone, each with all its addresses; the primary if it names none. */
int zone_servers(const struct dns *dns, const struct target *target, struct server *servers, size_t *count,
		 struct fault *fault) MUST_CHECK;

#endif
