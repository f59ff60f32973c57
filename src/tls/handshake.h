/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * handshake.h - one TLS handshake for each connection (RFC 8737). Who offers acme-tls/1 and asks for a name that is to be proved gets its
 * certificate; all others are refused at their first message. No data is exchanged afterwards.
 */
#ifndef ACMEGATE_TLS_HANDSHAKE_H
#define ACMEGATE_TLS_HANDSHAKE_H

#include "base/visitors.h"

/* Makes the key. Once in a process. */
int handshake_start(struct fault *fault) MUST_CHECK;

/* For struct reception. */
void handshake_greet(size_t place);
void handshake_receive(size_t place);
void handshake_leave(size_t place);

#endif
