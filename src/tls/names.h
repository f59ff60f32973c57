/* SPDX-License-Identifier: GPL-3.0-or-later */
/* names.h - the names that can be proved now, as the client publishes them, each with its digest. One list in a process. */
#ifndef ACMEGATE_TLS_NAMES_H
#define ACMEGATE_TLS_NAMES_H

#include <stddef.h>

#include "base/fault.h"
#include "base/wire.h"

#define NAMES_ADDRESS_MOST 16

/* The octets of an IP address (RFC 8738, 3), 4 or 16; 0: it is a DNS name. */
size_t names_address(const char *name, unsigned char address[NAMES_ADDRESS_MOST]);

/* The server name (SNI) by which the CA asks for it: itself, or the name of an address in the reverse tree (RFC 8738, 6). */
#define SERVER_NAME_SIZE NAME_SIZE
void names_server_name(const char *name, char server_name[SERVER_NAME_SIZE]);

/* By a server name that somebody sent, in any case, not terminated. NULL: there is none. */
const struct digest *names_find(const char *server_name, size_t length);

/* Takes the digests that wait already. 1: done. 0: the client has gone. */
int names_receive(struct fault *fault) MUST_CHECK;

#endif
