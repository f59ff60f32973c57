/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * poll.h - when to ask the CA again for something that is not final yet: the clock of one call.
 *
 * By itself it asks more and more rarely. That somebody has fetched a token says that a result is near: news makes the
 * next look earlier, never later, and each look makes later news weigh less, so that whoever makes it up gains nothing.
 * The CA's first Retry-After delays the next look by a second at most, and news still counts: a port is open, and a CA
 * that always says "3" may be done in a second. From the second one on a Retry-After is kept, news or not.
 */
#ifndef ACMEGATE_ACME_POLL_H
#define ACMEGATE_ACME_POLL_H

#include "acme/acme.h"

struct look {
	struct acme_call *call; /* NULL: nobody looks */
	int64_t delay;		/* ms to the look after the next */
	int64_t quiet;		/* ms from the latest news to a look */
	int64_t due;		/* the moment of the next look at the latest; 0: at once, it has not run yet */
	int64_t news;		/* the moment of the latest news while the call was on its way, or 0 */
	bool fetched;		/* there was news */
	bool asked;		/* the CA has said once when to look next */
	bool told;		/* and once more: that is kept */
};

/* The call is to be asked first after so many milliseconds, once look_wait() or look_by() have said from when. */
void look_start(struct look *look, struct acme_call *call, int64_t delay);

/* The first look is now due, which is the time in call->done(): what that returns. */
int64_t look_wait(struct look *look);

/* The same for a call that has not run yet. */
void look_by(struct look *look, int64_t now);

/* The look has shown nothing final: what call->done() returns. */
int64_t look_again(struct look *look, const struct exchange *exchange);

/* The next look is so many milliseconds from now, whatever else: what call->done() returns. */
int64_t look_after(struct look *look, int64_t delay);

/* There is news. */
void look_soon(struct look *look, int64_t now);

/* There is nothing to look at any more. */
void look_end(struct look *look, struct acme *acme);

#endif
