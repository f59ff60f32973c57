/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gate.h - the gate between its events: its state and descriptors, the answers to its parent, the clock of the open time, and the end of a window.
 * For main.c and inquiry.c.
 */
#ifndef ACMEGATE_FIREWALL_GATE_H
#define ACMEGATE_FIREWALL_GATE_H

#include <sys/timerfd.h>

#include "base/wire.h"
#include "firewall/window.h"

enum state { FRESH, AWAITING_COMMAND, TOLD, CLAIMED, PREPARED, STANDING, ENDED, STATES };

/* The descriptors of poll; news of the ruleset come last, since they may never end. */
enum watched { ON_OVERTIME, ON_WATCHDOG, ON_PARENT, ON_NEWS, WATCHED };

struct gate {
	enum state state;
	int status;
	int fd[WATCHED];	    /* -1: not there */
	int state_fd;		    /* the state directory; -1: none */
	int passed[2];		    /* what came with the record */
	struct policy told, policy; /* as the parent told it; as it is for the port at hand */
	char command[COMMAND_SIZE];
	struct journal journal;
	struct window window;
	bool own;		/* our own client's window */
	uint16_t target;	/* of the last plan for our own listener */
	struct itimerspec left; /* of the open time */
	bool runs;		/* the timer */
	unsigned int windows;
	bool late; /* the time is up, and the parent has not answered */
	struct record record;
	struct fault fault;
};

/* A parent that cannot be told must not wait: the end of the channel is the end for both. */
void gate_tell(struct gate *g, enum verb verb, uint32_t index, const void *data, size_t length);

/* Tells the fault; or, with rc 0, that all is well. */
void gate_refuse(struct gate *g);
void gate_answer(struct gate *g, int rc);

/* The timer has what is left of the open time: it runs while our own window is open, and always for another program. */
void gate_start_clock(struct gate *g);
void gate_stop_clock(struct gate *g);

/* The port that the record is about, and whose listener it is. -1: the parent has not told it in its policy. */
int gate_turn(struct gate *g) MUST_CHECK;

/* The listening sockets for our own client, where its packets come to. */
int gate_listen(struct gate *g, uint16_t target, int fds[2]) MUST_CHECK;

/* Everything that ends a window ends here. */
void gate_shut(struct gate *g);

/* Work that can wait until the parent has its answer: the journal, the watchdog, the comparison. */
void gate_tidy(struct gate *g, bool for_good);

#endif
