/* SPDX-License-Identifier: GPL-3.0-or-later */
/* resolver.h - addresses of servers, and names that our server does not have: by the resolvers of the host. */
#ifndef ACMEGATE_DNS_RESOLVER_H
#define ACMEGATE_DNS_RESOLVER_H

#include "dns/message.h"

/* Reads /etc/resolv.conf: before the process gives up its files. */
void resolver_learn(void);

/* Asks one resolver after another. */
int resolver_ask(const char *name, enum type type, struct answer *answer, struct fault *fault) MUST_CHECK;

/* The addresses of a name, or the address that it is. Returns how many, at most `most`; 0 with a fault: none. */
size_t resolver_find(const char *name, struct server *servers, size_t most, struct fault *fault);

#endif
