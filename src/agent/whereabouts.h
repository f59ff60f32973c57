/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * whereabouts.h - the addresses that the names to be validated resolve to. Where the firewall sends port 80 elsewhere (nat), only
 * packets to these come to us: another site may be behind another address of this host.
 */
#ifndef ACMEGATE_AGENT_WHEREABOUTS_H
#define ACMEGATE_AGENT_WHEREABOUTS_H

#include "base/wire.h"

struct whereabouts_search {
	struct whereabouts found;
	bool over;  /* nothing is to be learned: found is empty */
	double end; /* monotonic seconds; a name server that is slow must not hold up the run */
};

/* A host with one address has nothing to choose from, and no name is looked up. */
void whereabouts_begin(struct whereabouts_search *search);

/* Looks up one name, or takes an address. A name that cannot be looked up ends the search: it could be any address of this host. */
void whereabouts_look(struct whereabouts_search *search, const char *name);

#endif
