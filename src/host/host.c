// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/note.h"
#include "host/tokens.h"

int host_claim(struct host *host, struct fault *fault)
{
	if (gate_claim(&host->gate, CLAIM_STATE, fault) < 0)
		return -1;
	host->settled |= note_settle(&host->gate);
	tokens_sweep(host->config, host->state_fd);
	return 0;
}

/* The state directory itself: nothing but the store is locked by it, and it is there as long as the store is. */
int host_lock_store(struct host *host, struct fault *fault)
{
	OWN_FD int fd = openat(host->state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
		host->store_fd = steal_fd(&fd);
		return 0;
	}
	if (fd < 0 || errno != EWOULDBLOCK)
		return fault_errno(fault, FAULT_FAILED, "locking the store in %s", host->config->gate.state);
	return fault_set(fault, FAULT_LATER,
			 "another acmegate is at work in %s: a renewal, account, revoke or remove; try again when it has finished",
			 host->config->gate.state);
}

/* Another one takes as long as its window or its run: asked for five times a second. */
int host_wait(struct host *host, int (*take)(struct host *, struct fault *), struct fault *fault)
{
	const struct timespec pause = { .tv_nsec = 200000000 };
	double end = 0;
	int rc;

	while ((rc = take(host, fault)) < 0 && fault->kind == FAULT_LATER && host->wait) {
		const double now = clock_seconds();

		if (end <= 0) {
			end = now + (double)host->wait;
			log_notice("another acmegate is at work; waiting for it, at most %lu seconds", host->wait);
		}
		if (now >= end)
			break;
		nanosleep(&pause, NULL);
	}
	return rc;
}
