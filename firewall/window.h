/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * window.h - the time in which the port is open, over all backends of the host: arm, open, close with read-back; the caller clears the journal.
 */
#ifndef ACMEGATE_FIREWALL_WINDOW_H
#define ACMEGATE_FIREWALL_WINDOW_H

#include "backends/backend.h"
#include "base/policy.h"
#include "firewall/connections.h"
#include "firewall/journal.h"
#include "base/wire.h"

#define WINDOW_BACKENDS 8

struct window {
	struct journal *journal;
	struct opening opening;
	struct ruleset *ruleset[WINDOW_BACKENDS]; /* by place in backends[]; NULL: not in use */
	unsigned char before[WINDOW_BACKENDS][DIGEST_SIZE];
	struct plan plan;
	struct connections connected; /* to the listener, when it is somebody else's */
	int news;		      /* readable when somebody has committed; -1: there is no window */
	bool standing;		      /* from the moment it may stand until a reading shows that it does not */
	char traced[EVIDENCE_TEXT];   /* the way of packets through the chains, or "" */
	struct evidence evidence;     /* what the rules have seen, once they are removed; what shuts them out, once that was seen */
	char said[EVIDENCE_TEXT];     /* of what shuts them out: once is enough */
	bool mended;		      /* something was put back, or opened for a chain that came later */
	double opened;		      /* clock_boot_seconds() just before the last backend opened; 0: not, or no longer */
	double open_for;	      /* seconds from then until the ruleset was read to be without our rules */
	double open_cost, mend_cost;  /* seconds spent in the backends */
};

/* For all that follow: the command line of [gate] command, "" without one. */
void window_use(const struct policy *policy, const char *command);

/*
 * Attaches to the firewalls of this host and finds what is to be opened; changes nothing. Refuses, with the reason, what it
 * knows it could not open. Ends with window_free() in any case.
 */
int window_prepare(struct window *window, struct journal *journal, const struct policy *policy, bool own_listener,
		   struct fault *fault) MUST_CHECK;

/* The same for our own listener, where the addresses are known that the names resolve to. */
int window_prepare_at(struct window *window, struct journal *journal, const struct policy *policy, const struct whereabouts *at,
		      struct fault *fault) MUST_CHECK;

/* Arms the journal, then opens in every backend. After a fault it must be closed like one that stands. */
int window_open(struct window *window, struct fault *fault) MUST_CHECK;

/* After news, while it stands: puts back what others have swept away. 1: it did. 0: nothing was gone. -1: fault. */
int window_mend(struct window *window, struct fault *fault) MUST_CHECK;

/* Adds to the plan what may keep a validation away besides rules. */
void window_remark(struct window *window, const struct policy *policy);

/* Closes in every backend and reads back; clearing the journal is next. May be repeated; after a fault it still stands. */
int window_close(struct window *window, struct fault *fault) MUST_CHECK;

/*
 * The same until it succeeds, for two seconds, or 20 if each attempt is slow: a firewall that cannot be read now may be the
 * next moment. Logs, and forgets that it was open. After a fault the journal is to stay armed.
 */
int window_shut(struct window *window, struct fault *fault) MUST_CHECK;

void window_free(struct window *window);

/*
 * Closes whatever an earlier process has left in any backend; those that are looked at on demand only if the journal says so,
 * or if there is none (NULL). 1: there was something. 0: there was not.
 */
int window_sweep(const struct journal *journal, struct fault *fault) MUST_CHECK;

/* The state that recovery met. */
enum { RECOVERY_NOTHING, RECOVERY_ARMED, RECOVERY_RULES };

/*
 * The same, then clears the journal. RECOVERY_RULES: something stood in the firewall.
 * RECOVERY_ARMED: nothing did, but the journal was armed or unreadable.
 */
int window_recover(struct journal *journal, struct fault *fault) MUST_CHECK;

#endif
