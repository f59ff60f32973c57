/* SPDX-License-Identifier: GPL-3.0-or-later */
/* children.h - the processes that a job with a storer watches, and the ends of those that all such jobs have. */
#ifndef ACMEGATE_COMMAND_CHILDREN_H
#define ACMEGATE_COMMAND_CHILDREN_H

#include "command/supervise.h"

enum { ON_STORER = ON_OWN, ON_CLIENT, ON_RESPONDER, SIGNER_PID, STORER_PID, CLIENT_PID, RESPONDER_PID, DNS_PID };

/* A child has ended with this status, which it should not have: gives up. */
void children_failed(struct supervisor *, const char *child, int status);

/* Handlers. The signer ends well when the storer does, and may be seen to end before that one. */
void children_on_storer_ended(struct supervisor *);
void children_on_signer_ended(struct supervisor *);

/* The storer ends when its channel does; one that does not is killed. */
void children_end_storer(struct supervisor *);

#endif
