/* SPDX-License-Identifier: GPL-3.0-or-later */
/* children.h - the processes that a job with a storer watches: their beginning, their rows in its tables, and their ends. */
#ifndef ACMEGATE_WARDEN_CHILDREN_H
#define ACMEGATE_WARDEN_CHILDREN_H

#include "warden/crew.h"
#include "warden/supervise.h"

enum { ON_STORER = ON_OWN, ON_CLIENT, ON_RESPONDER, SIGNER_PID, STORER_PID, CLIENT_PID, RESPONDER_PID, DNS_PID };

/* The rows of such a job's .watch. */
/* clang-format off */
#define CHILDREN_WATCHED \
	[ON_STORER - ON_OWN] = { EVENT_STORER_ENDED, "storer", STORER_PID }, \
	[ON_CLIENT - ON_OWN] = { EVENT_CLIENT_ENDED, "client", CLIENT_PID }, \
	[SIGNER_PID - ON_OWN] = { EVENT_SIGNER_ENDED, NULL, 0 }, \
	[STORER_PID - ON_OWN] = { EVENT_STORER_ENDED, NULL, 0 }, \
	[CLIENT_PID - ON_OWN] = { EVENT_CLIENT_ENDED, NULL, 0 }
/* clang-format on */

/* The job begins, with so many seconds for all of it: the storer starts, and the signer. */
int children_begin(struct supervisor *, const struct job *job, struct gate *gate, int seconds, struct crew *crew,
		   bool with_signer) MUST_CHECK;

/* The client has ended: its exit status, which becomes that of the job if it is the first to fail. Gives up if it has not said why. */
int children_reap_client(struct supervisor *);

/* A child has ended with this status, which it should not have: gives up. */
void children_failed(struct supervisor *, const char *child, int status);

/* Handlers. The signer ends well when the storer does, and may be seen to end before that one. */
void children_on_storer_ended(struct supervisor *);
void children_on_signer_ended(struct supervisor *);

/* The storer ends when its channel does; one that does not is killed. */
void children_end_storer(struct supervisor *);

#endif
