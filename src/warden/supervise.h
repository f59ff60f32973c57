/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * supervise.h - the loop of a process that has something to close: a renewal, the holder of a hook's window, guard and its holder.
 *
 * Each of these jobs is a table: which event does what in which state. A surprise - a record that is malformed or out of turn, a
 * death, a deadline, a signal - leads to the one way out: close, read back, clear.
 */
#ifndef ACMEGATE_WARDEN_SUPERVISE_H
#define ACMEGATE_WARDEN_SUPERVISE_H

#include "warden/clients.h"
#include "host/gate_client.h"
#include "host/note.h"

enum state {
	SURVEYING, /* the storer looks at the certificates */
	NOTING,	   /* the storer writes down that attempts begin */
	WORKING,   /* there is no window */
	PREPARING, /* the gate finds out what is to be opened */
	LISTENING, /* the port opens as soon as somebody listens on it */
	OPENING,   /* the gate opens */
	STANDING,
	CLOSING,
	STATES
};

enum event {
	EVENT_SIGNAL,
	EVENT_DEADLINE, /* the job has used up its time */
	EVENT_TICK,	/* nothing has happened for the interval */
	EVENT_NONSENSE, /* a record that is malformed, or not for us to get; the fault is set */
	EVENT_PREPARED, /* the gate knows what to open */
	EVENT_OPENED,	/* it has opened */
	EVENT_REFUSED,	/* it cannot, or has closed for a reason of its own, which is the fault */
	EVENT_OVERTIME, /* it has closed because the time is up */
	EVENT_GATE_ENDED,
	EVENT_CLIENT_ENDED, /* our own, that of a hook, or guard's command */
	EVENT_OPEN,	    /* the client asks */
	EVENT_CLOSE,
	EVENT_VALIDATED, /* the client tells how many names are valid */
	EVENT_TOLD,	 /* the client has text for standard output */
	EVENT_READY,	 /* the responder accepts connections */
	EVENT_SURVEY,	 /* the storer has looked at one certificate */
	EVENT_ATTEMPTED, /* the storer has noted that attempts begin */
	EVENT_STORED,	 /* the storer has stored one */
	EVENT_SIGNER_ENDED,
	EVENT_STORER_ENDED,
	EVENT_RESPONDER_ENDED,
	EVENT_DNS_ENDED,
	EVENT_HOOK,   /* another hook asks */
	EVENT_HOLDER, /* guard's holder tells that the port is open, or ends */
	EVENT_GUARD_ENDED,
	EVENTS
};

/* Descriptors that poll looks at, by importance: of those that are ready the first one is looked at. A job has its own from ON_OWN on. */
enum { ON_SIGNAL, ON_DEADLINE, ON_GATE, ON_OWN, ON_LAST = ON_OWN + 8, MOST_WATCHED = ON_LAST + CLIENTS };

struct supervisor;
typedef void handler(struct supervisor *);

struct watch {
	enum event event;   /* it is readable; of a channel of records: it has ended */
	const char *sender; /* of a channel: the process at its other end */
	int process;	    /* of a channel: where the pidfd of that process is watched */
};

struct heard {
	int channel;
	enum verb verb;
	enum event event;
};

struct job {
	struct watch watch[ON_LAST - ON_OWN + 1]; /* from ON_OWN on; the last is for all behind it, too */
	struct heard heard[8];			  /* the records that each process may send; those of the gate are known */
	handler *always[EVENTS];
	handler *table[STATES][EVENTS]; /* an event that neither has in a state is a surprise */
};

/* A job has it as the first member of a struct of its own. */
struct supervisor {
	const struct job *job;
	struct gate *gate; /* NULL: somebody else has it */
	enum state state;
	int status;
	int fd[MOST_WATCHED]; /* -1: not there (any more). Those from ON_OWN on are the job's */
	int interval;	      /* of EVENT_TICK, in ms; -1: none */
	bool prepared;	      /* the gate has something to close */
	bool again;	      /* the port was shut, and may be opened once more in the same window */
	struct note note;     /* of the window, for the ledger: whose it is, the job says */
	/* The event at hand: */
	enum event event;
	int which; /* the descriptor */
	const char *sender;
	int passed[2]; /* came with the record: closed then, unless somebody takes them */
	struct record record;
	struct fault fault;
};

/* Of a supervisor that is zero. signals: those that are EVENT_SIGNAL from now on, and 0. */
int supervise_begin(struct supervisor *, const struct job *job, struct gate *gate, const int *signals) MUST_CHECK;
int supervise_limit(struct supervisor *, int seconds) MUST_CHECK;

/* Until the state is CLOSING. */
void supervise(struct supervisor *);

/* Shuts the window and clears the journal, if there is something to close. */
void supervise_finish(struct supervisor *);

/* --- for handlers ------------------------------------------------------------------------------------------------- */

/* Logs the fault, sets the exit status (the first fault counts), starts closing. */
void supervise_give_up(struct supervisor *);
void supervise_give_up_because(struct supervisor *, enum fault_kind kind, const char *why);
void supervise_close(struct supervisor *); /* as planned */

/* EVENT_PREPARED, EVENT_OPENED or EVENT_REFUSED follow. at: NULL for a window of another program's listener. */
int supervise_prepare(struct supervisor *, const struct whereabouts *at) MUST_CHECK;
int supervise_let_in(struct supervisor *) MUST_CHECK;

/* *closed: what the firewall saw. false: it could not be closed; was logged. again: the window may be opened once more. */
bool supervise_shut(struct supervisor *, bool again, struct closed *closed);
/* Then what can wait until the client has been told: the journal. */
void supervise_clear(struct supervisor *);

/* Takes a record from this channel, and handles it. false: the channel has ended, or made no sense; that was handled. */
bool supervise_take(struct supervisor *, int channel);

/* Within a second: a process may outlive its channel, and one that ends with another may be seen to end before that. */
bool supervise_ends_soon(const struct supervisor *, int process);

#endif
