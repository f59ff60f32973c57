/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * renewal.h - the warden of a run: the process that has the others, the gate, the children, the deadline. It has no right over the
 * firewall. It does what the client asks with verbs that carry nothing, and what the configuration says.
 */
#ifndef ACMEGATE_WARDEN_RENEWAL_H
#define ACMEGATE_WARDEN_RENEWAL_H

#include "warden/run.h"

/*
 * One part of a run, from the survey of the store to the deploy hooks, for the certificates that the CA at hand has something to do for,
 * and the first one also for those that need nothing. They are no longer named then. tokens: the client's and the responder's end of their channel, which it closes.
 * Returns the exit status; has logged what happened.
 */
int renewal_run(const struct config *config, struct errand *errand, struct gate *gate, const int tokens[2], int state_fd);

#endif
