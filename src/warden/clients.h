/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clients.h - programs that run hooks: the window of a hook stays open as long as one of them lives. */
#ifndef ACMEGATE_WARDEN_CLIENTS_H
#define ACMEGATE_WARDEN_CLIENTS_H

#include "base/fault.h"
#include "warden/kin.h"

#define CLIENTS 32 /* of one window at a time */

/* The processes that may be the client, nearest first (kin_find()); it is the nearest that outlives the hook. */
struct client {
	uint32_t number;
	struct kin kin[MOST_KIN];
	int fd[MOST_KIN]; /* their pidfds; -1: it has ended */
};
#define NO_CLIENT \
	{ \
		.fd = { -1, -1, -1, -1, -1, -1 } \
	}
_Static_assert(MOST_KIN == 6, "as many descriptors");

void client_close(struct client *);

struct clients {
	struct client client[CLIENTS]; /* the first of its kin is watched; -1: the place is free */
	double since[CLIENTS];
};

void clients_init(struct clients *);

/* The place of this client, if it lives. NULL: the first of any. -1: none. */
int clients_find(const struct clients *, const struct client *client);

/* The descriptors stay the caller's. One that is there already is not added twice. */
int clients_add(struct clients *, const struct client *client, struct fault *fault) MUST_CHECK;

/* The process that is watched has ended: if that was only the hook, its client is watched from now on; else it is removed. */
void clients_step(struct clients *, int place);

#endif
