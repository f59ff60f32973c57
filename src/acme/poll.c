// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/poll.h"

#define QUIET 2	     /* ms: a CA fetches the token from several places at once, and has the result a moment later */
#define AGAIN 4	     /* ms between the first polls after news */
#define ASKED 1000   /* ms: the most that the first Retry-After delays a poll */
#define SLOWEST 5000 /* ms between two polls, even if Retry-After asks for more: a port is open */

static int64_t least(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

void poll_start(struct poll *poll, struct acme_call *call, int64_t delay)
{
	*poll = (struct poll){ .call = call, .delay = delay, .quiet = QUIET };
}

/* News that came while the call was on its way counts now. */
static int64_t wait_from(struct poll *poll, int64_t now)
{
	int64_t at = poll->due;

	if (poll->news && !poll->told)
		at = least(at, poll->news + poll->quiet);
	poll->news = 0;
	return at > now ? at - now : 0;
}

int64_t poll_wait(struct poll *poll)
{
	poll->due = poll->call->at + poll->delay;
	return wait_from(poll, poll->call->at);
}

void poll_by(struct poll *poll, int64_t now)
{
	poll->due = now + poll->delay;
	(void)acme_move(poll->call, poll->due);
}

int64_t poll_again(struct poll *poll, const struct exchange *exchange)
{
	int64_t wish = exchange_retry_after(exchange, poll->delay, poll->asked ? SLOWEST : ASKED);

	poll->told = wish >= 0 && poll->asked;
	poll->asked |= wish >= 0;
	poll->due = poll->call->at + (wish >= 0 ? wish : poll->delay);
	poll->delay = least(poll->delay * 2, SLOWEST);
	poll->quiet = least(poll->quiet * 2, SLOWEST);
	return wait_from(poll, poll->call->at);
}

int64_t poll_after(struct poll *poll, int64_t delay)
{
	poll->told = true;
	poll->news = 0;
	poll->due = poll->call->at + delay;
	return delay;
}

void poll_soon(struct poll *poll, int64_t now)
{
	if (!poll->call)
		return;
	if (!poll->fetched)
		poll->delay = AGAIN;
	poll->fetched = true;
	if (!poll->told && !acme_move(poll->call, least(poll->due, now + poll->quiet)))
		poll->news = now;
}

void poll_end(struct poll *poll, struct acme *acme)
{
	if (poll->call)
		acme_finish(acme, poll->call);
	poll->call = NULL;
}
