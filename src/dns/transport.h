/* SPDX-License-Identifier: GPL-3.0-or-later */
/* transport.h - one message to a server and its answer, over TCP (RFC 7766): no answer is cut, and none can be forged from elsewhere. */
#ifndef ACMEGATE_DNS_TRANSPORT_H
#define ACMEGATE_DNS_TRANSPORT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ca.h"
#include "base/fault.h"

#define DNS_PORT 53
#define MESSAGE_MOST 65535

struct server {
	union {
		struct sockaddr plain;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at;
	char text[INET6_ADDRSTRLEN + NAME_SIZE + 4]; /* for messages: "ADDRESS", or "NAME (ADDRESS)" */
};

/* Of an address in binary form; name: of the server, or NULL. */
void server_set(struct server *server, int family, const void *address, const char *name);

/* Of an address as text. false: it is none. */
bool server_parse(struct server *server, const char *address);

bool server_same(const struct server *one, const struct server *other);

/* *reply: MESSAGE_MOST bytes. FAULT_LATER. code: ENETUNREACH and the like, when this host has no way to such addresses. */
int transport_exchange(const struct server *server, const uint8_t *query, size_t length, uint8_t *reply, size_t *got,
		       struct fault *fault) MUST_CHECK;

/* Has this host no way at all to addresses of that family? code: of the fault. */
bool transport_lacks_family(int code);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t transport_now(void);

#endif
