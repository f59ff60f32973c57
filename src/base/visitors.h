/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * visitors.h - the connections of a process that answers anybody on the port: bounded in number and time, the places shared out among the
 * sources that they come from. One set in a process, on the listening sockets of wire.h.
 *
 * A connection is a place, 0 to VISITORS_MOST - 1, until `leave` was called for it.
 */
#ifndef ACMEGATE_BASE_VISITORS_H
#define ACMEGATE_BASE_VISITORS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/fault.h"

#define VISITORS_MOST 256

struct reception {
	int (*hear)(struct fault *fault); /* takes what the client has sent: 1; it has gone: 0; -1 */
	void (*greet)(size_t place);	  /* a new connection; most bring their request with them */
	void (*receive)(size_t place);	  /* it has more to read, or has ended */
	void (*leave)(size_t place);	  /* it is closed next; NULL: nothing to release */
};

/* Answers until the warden or the client has closed: 0. -1: no more connections can be accepted, or the client sent nonsense. */
int visitors_serve(const struct reception *reception, struct fault *fault) MUST_CHECK;

/* Its socket, non-blocking, and its peer's address as text; the text is there until the place is given to another connection. */
int visitors_fd(size_t place);
const char *visitors_address(size_t place);

/* All was sent: from here on nothing is read, and the peer has a second to close. */
void visitors_finish(size_t place);

/* Closes it: in the usual way, or with a reset, after which nothing of it lives on behind the window. */
void visitors_let_go(size_t place);
void visitors_drop(size_t place);

/* Tells the client that this one was given the proof for that token. Never waits: a client that does not read misses it. */
void visitors_tell_hit(size_t place, const char *token);

#endif
