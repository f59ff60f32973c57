// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/poll.h"

#define QUIET	2    /* ms: the places that a CA asks from come in a bunch, and the result a moment later */
#define AGAIN	4    /* ms between the first looks after news */
#define ASKED	1000 /* ms: the most that the first Retry-After delays a look */
#define SLOWEST 5000 /* ms between two looks, also if Retry-After asks for more: a port is open */

static int64_t least(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

void look_start(struct look *look, struct acme_call *call, int64_t delay)
{
	*look = (struct look){.call = call, .delay = delay, .quiet = QUIET};
}

/* What has been news while the call was on its way counts now. */
static int64_t wait_from(struct look *look, int64_t now)
{
	int64_t at = look->due;

	if (look->news && !look->told)
		at = least(at, look->news + look->quiet);
	look->news = 0;
	return at > now ? at - now : 0;
}

int64_t look_wait(struct look *look)
{
	look->due = look->call->at + look->delay;
	return wait_from(look, look->call->at);
}

void look_by(struct look *look, int64_t now)
{
	look->due = now + look->delay;
	(void)acme_move(look->call, look->due);
}

int64_t look_again(struct look *look, const struct exchange *exchange)
{
	int64_t wish = exchange_retry_after(exchange, look->delay, look->asked ? SLOWEST : ASKED);

	look->told = wish >= 0 && look->asked;
	look->asked |= wish >= 0;
	look->due = look->call->at + (wish >= 0 ? wish : look->delay);
	look->delay = least(look->delay * 2, SLOWEST);
	look->quiet = least(look->quiet * 2, SLOWEST);
	return wait_from(look, look->call->at);
}

int64_t look_after(struct look *look, int64_t delay)
{
	look->told = true;
	look->news = 0;
	look->due = look->call->at + delay;
	return delay;
}

void look_soon(struct look *look, int64_t now)
{
	if (!look->call)
		return;
	if (!look->fetched)
		look->delay = AGAIN;
	look->fetched = true;
	if (!look->told && !acme_move(look->call, least(look->due, now + look->quiet)))
		look->news = now;
}

void look_end(struct look *look, struct acme *acme)
{
	if (look->call)
		acme_finish(acme, look->call);
	look->call = NULL;
}
