/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * poll.h - when to ask the CA again about an order or an authorization that is not final yet.
 *
 * The interval doubles with each poll. When somebody fetches a token, a result is near: such news makes the next poll earlier, never
 * later. Each poll makes later news weigh less, so that a stranger who fetches tokens gains nothing. The CA's first Retry-After
 * delays the next poll by a second at most, and news still counts: a port is open, and a CA that always says "3" may be done in a
 * second. From the second Retry-After on the poll waits as long as the CA asks, news or not.
 */
#ifndef ACMEGATE_ACME_POLL_H
#define ACMEGATE_ACME_POLL_H

#include "acme/acme.h"

struct poll {
	struct acme_call *call; /* NULL: polling has ended */
	int64_t delay;		/* ms to the poll after the next */
	int64_t quiet;		/* ms from the latest news to a poll */
	int64_t due;		/* latest moment of the next poll; 0: at once, the call has not run yet */
	int64_t news;		/* moment of the latest news while the call was on its way, or 0 */
	bool fetched;		/* there was news */
	bool asked;		/* the CA has sent one Retry-After */
	bool told;		/* the CA has sent a second Retry-After, which is kept */
};

/* The first poll of this call is `delay` ms after poll_wait() or poll_by(). */
void poll_start(struct poll *poll, struct acme_call *call, int64_t delay);

/* For call->done(), which returns the result: the first poll is `delay` ms from now. */
int64_t poll_wait(struct poll *poll);

/* The same for a call that has not run yet. */
void poll_by(struct poll *poll, int64_t now);

/* For call->done(), which returns the result: the answer was not final. */
int64_t poll_again(struct poll *poll, const struct exchange *exchange);

/* For call->done(), which returns the result: the next poll is exactly `delay` ms from now. */
int64_t poll_after(struct poll *poll, int64_t delay);

/* There is news. */
void poll_soon(struct poll *poll, int64_t now);

void poll_end(struct poll *poll, struct acme *acme);

#endif
