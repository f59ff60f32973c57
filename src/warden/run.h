/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run.h - a run: the certificates that it is about, and a part of it while it goes on. */
#ifndef ACMEGATE_WARDEN_RUN_H
#define ACMEGATE_WARDEN_RUN_H

#include "warden/children.h"
#include "warden/crew.h"

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

/* A part of it; the supervisor is its first member. */
struct run {
	struct supervisor s;
	const struct config *config;
	struct errand *errand;
	struct crew crew;
	uint32_t surveyed;
	uint32_t stored;
	bool refused;	    /* the client was told that its window is refused */
	uint32_t validated; /* names in this window, and one more: the client tells no fewer */
	int64_t next;	    /* when the first of them will be due */
	struct work work;   /* for the client */
	bool deploy[MAX_CERTIFICATES];
};

struct run *run_of(struct supervisor *s);

int run_send(struct supervisor *s, int channel, enum verb verb, uint32_t index, const void *data, size_t length) MUST_CHECK;

/* Another part of the run follows. */
bool run_waits(const struct run *run);

/* The number of certificates that are to be obtained. */
uint32_t run_wanted(const struct run *run);

#endif
