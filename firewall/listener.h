/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listener.h - the listening sockets of the responder, made by the gate. */
#ifndef ACMEGATE_FIREWALL_LISTENER_H
#define ACMEGATE_FIREWALL_LISTENER_H

#include <stdint.h>

#include "base/fault.h"

/*
 * Two sockets, IPv4 in fds[0] and IPv6 only in fds[1] (-1 when the host has no such family), transparent (that is what the
 * firewall rule matches), non-blocking, close-on-exec. A port that is taken is a fault that names the process.
 */
int listener_open(uint16_t port, int fds[2], struct fault *fault) MUST_CHECK;

/* The same for tls-alpn-01: the fault of a port that is taken says what else there is. */
int listener_open_for_tls(uint16_t port, int fds[2], struct fault *fault) MUST_CHECK;

/*
 * This port, or if it is taken a free one from 1023 down: those are root's, so that no other user can be in our way. Then the
 * fault says who has it. The same port if there is none.
 */
uint16_t listener_choose(uint16_t port, struct fault *fault);

#endif
