/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * renewal.h - the warden of a run: the process that has the others, the gate, the children, the deadline. It has no right over the
 * firewall. It does what the client asks with verbs that carry nothing, and what the configuration says.
 */
#ifndef ACMEGATE_COMMAND_RENEWAL_H
#define ACMEGATE_COMMAND_RENEWAL_H

#include "base/config.h"
#include "command/gate_client.h"

/* The certificates that a run is about. */
struct errand {
	bool only_due;		       /* renew: those that are due among the named */
	bool named[MAX_CERTIFICATES];  /* by index in the configuration */
	bool rehearsal;		       /* in a store of its own, at a CA whose certificates are for nobody */
	unsigned int windows;	       /* out: the port was to be opened so many times */
	bool stored[MAX_CERTIFICATES]; /* out */
	int host_state;		       /* the state directory of the host, which a rehearsal has too: for values in the DNS */
	int64_t next;		       /* out: nothing was to do, and nothing is before then; 0: there was, or who knows */
	/* Of all its parts, one for each CA that has something to do; renewal_run() is one part, with the CA at hand: */
	int64_t end;	     /* seconds of CLOCK_BOOTTIME; 0: it has not begun */
	bool waits[MAX_CAS]; /* these CAs have something to do, for certificates that are still named */
	bool backs_off;	     /* one certificate would be due, but for an earlier failure */
	bool stopped;	     /* something happened that concerns all CAs: no other part */
};

/*
 * One part of a run, from the survey of the store to the deploy hooks, for the certificates that the CA at hand has something to do for,
 * and the first one also for those that need nothing. They are no longer named then. tokens: the client's and the responder's end of their channel, which it closes.
 * Returns the exit status; has logged what happened.
 */
int renewal_run(const struct config *config, struct errand *errand, struct gate *gate, const int tokens[2], int state_fd);

#endif
