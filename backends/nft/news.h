/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * news.h - the news of what others commit to nf_tables, and when to read the whole ruleset again because of it.
 *
 * A change is looked at as soon as it is heard of. Those who commit all the time must not keep us reading: after a reading the next one
 * waits for four times as long as that took, but not for more than a second.
 */
#ifndef ACMEGATE_BACKENDS_NFT_NEWS_H
#define ACMEGATE_BACKENDS_NFT_NEWS_H

#include "backends/nft/netlink.h"

struct news {
	struct netlink netlink; /* is told of every commit */
	int watch;		/* readable when news_heard() has something to say; -1: not open */
	int timer;		/* ends the rest */
	int64_t looked;		/* monotonic nanoseconds: when it was time to read */
	bool resting, stale;	/* the last reading was a moment ago; something was committed since */
};
#define NEWS_CLOSED ((struct news){ .watch = -1, .timer = -1 })

/* Begins to listen, on the NEWS_CLOSED of the caller. Once is enough. Without nf_tables only what the caller adds to watch is news. */
int news_open(struct news *news, bool nf_tables, struct fault *fault) MUST_CHECK;
void news_close(struct news *news);

/*
 * A program of ours with this process id has committed: that is no news. Its numbers are those of the first pid
 * namespace; in another one the ruleset is looked at once more than need be.
 */
void news_expect(pid_t pid);

/*
 * Has anybody but the socket with this port committed since the last call? News that were lost count as a yes. *look: it is time to
 * read the whole ruleset; news_rest() tells when that was done, or that it is to be done again after the rest.
 */
bool news_heard(struct news *news, uint32_t own_port, bool *look);
void news_rest(struct news *news, bool again);

#endif
