/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gate_client.h - acmegate's end of its gate, acmegate-gate, which alone may change the firewall: start it, tell it, ask it.
 *
 * The gate closes at the end of the channel, of this process, and of the time, whichever comes first.
 */
#ifndef ACMEGATE_HOST_GATE_CLIENT_H
#define ACMEGATE_HOST_GATE_CLIENT_H

#include "base/config.h"
#include "base/wire.h"

struct gate {
	int channel, pidfd;			 /* -1: there is none (any more) */
	bool met;				 /* it has answered once */
	bool overtime;				 /* the time was up while it was told to shut */
	bool died;				 /* it has ended before it was told to: its watchdog closes */
	struct past past;			 /* as it was claimed */
	int state_fd;				 /* as it was told: the state directory; -1: none */
	uint32_t seconds;			 /* [gate] max_open */
	uint16_t port, ports[CHALLENGE_WINDOWS]; /* the one at hand, of these, see gate_turn() */
	bool tls;				 /* it is that of tls-alpn-01 */
	bool traced; /* gate_prepare() for our own client: packets for the port are followed through the chains */
};
#define NO_GATE \
	{ \
		.channel = -1, .pidfd = -1, .state_fd = -1 \
	}

/* Starts it. First of all, so that this process can give up its own rights over the firewall before it reads anything. */
int gate_start(struct gate *, struct fault *fault) MUST_CHECK;

/* Tells it its policy. state_fd: the state directory; -1: none. detached: the gate outlives this command. */
int gate_tell(struct gate *, const struct config *config, int state_fd, bool detached, struct fault *fault) MUST_CHECK;

/* From here on plans, questions and windows are about this port of our own client's, at first that of http-01. */
void gate_turn(struct gate *, enum challenge_window window);

/* Locks this host, and closes what an earlier run has left; what it found has been logged. FAULT_LATER: another acmegate is at work. */
int gate_claim(struct gate *, enum claim how, struct fault *fault) MUST_CHECK;

/* Another [gate] max_open. */
int gate_limit(struct gate *, const struct config *config, struct fault *fault) MUST_CHECK;

/*
 * The plan of what would be opened, as text that is good until the next question; for our own listener, or another program's. It needs no claim:
 * the gate then reads beside whoever has the host.
 */
int gate_ask_plan(struct gate *, bool own, const char **text, struct fault *fault) MUST_CHECK;

/* Prints what would be opened, below a title: for our own listener, or another program's. */
int gate_plan(struct gate *, bool own, const char *title, struct fault *fault) MUST_CHECK;

/* Would what answers for our own client be able to? After gate_plan() for it. */
int gate_try_listening(struct gate *, struct fault *fault) MUST_CHECK;

/* Has it log what of the firewall may be why the run has failed. */
void gate_explain(struct gate *);

/* Reads the whole ruleset. Not while there is a window. */
int gate_read(struct gate *, struct reading *reading, struct fault *fault) MUST_CHECK;

/*
 * A window: prepare once, then let in and shut. These two do not wait for the reply, which is a record on the channel: VERB_PREPARED,
 * VERB_OPENED, VERB_FAULT or VERB_OVERTIME. at: NULL for a window of another program's listener.
 */
int gate_prepare(struct gate *, const struct whereabouts *at, struct fault *fault) MUST_CHECK;
int gate_let_in(struct gate *, struct fault *fault) MUST_CHECK;

/* Closes, whatever it was asked before. again: gate_let_in() may follow. */
int gate_shut(struct gate *, bool again, struct closed *closed, struct fault *fault) MUST_CHECK;
/* Then: waits until the journal is clear. The exit status; of a gate that has died, STATUS_FAILED. */
int gate_clear(struct gate *);

/* Leaves it to another process that has the same channel. */
void gate_leave(struct gate *);

/* Ends it, and waits until it has gone, and its locks with it. */
void gate_end(struct gate *);

#endif
