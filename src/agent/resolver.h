/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * resolver.h - the addresses of the CA's hosts, looked up in place: libcurl would start a thread for each, which costs
 * memory and the right to make threads.
 */
#ifndef ACMEGATE_AGENT_RESOLVER_H
#define ACMEGATE_AGENT_RESOLVER_H

#include "base/own.h"

#define RESOLVER_HOSTS 8 /* a CA has one, rarely two; libcurl looks up those beyond */
#define RESOLVER_ENTRY 1024

struct resolver {
	char *host[RESOLVER_HOSTS]; /* "name:port" of those looked up before */
	size_t hosts;
};

/*
 * 1: entry is "name:port:address,..." of the URL's host, as CURLOPT_RESOLVE takes it. 0: nothing to do, it is an
 * address or known. -1: reason says why it cannot be found.
 */
int resolver_look(struct resolver *resolver, const char *url, char entry[RESOLVER_ENTRY], char *reason, size_t size) MUST_CHECK;

void resolver_free(struct resolver *resolver);

#endif
