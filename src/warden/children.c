// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/children.h"

#include <signal.h>
#include <string.h>

#include "base/launch_channel.h"

#define STORER_SECONDS 10 /* how long the storer may take to end when it is told to */

int children_begin(struct supervisor *s, const struct job *job, struct gate *gate, int seconds, struct crew *crew, bool with_signer)
{
	if (supervise_begin(s, job, gate, (const int[]){ SIGINT, SIGTERM, SIGHUP, 0 }) < 0 || supervise_limit(s, seconds) < 0)
		return -1;
	return crew_start_store(crew, &s->fd[STORER_PID], with_signer ? &s->fd[SIGNER_PID] : NULL, &s->fd[ON_STORER], &s->fault);
}

int children_reap_client(struct supervisor *s)
{
	int status = launch_reap(&s->fd[CLIENT_PID], false);

	close_fd(&s->fd[ON_CLIENT]);
	if (status != STATUS_DONE && status != STATUS_FAILED && status != STATUS_USAGE && status != STATUS_LATER)
		children_failed(s, "client", status);
	else if (status != STATUS_DONE && s->status == STATUS_DONE)
		s->status = status;
	return status;
}

void children_failed(struct supervisor *s, const char *child, int status)
{
	if (status > 128)
		fault_set(&s->fault, FAULT_FAILED, "the %s died of signal %d (%s)", child, status - 128, strsignal(status - 128));
	else
		fault_set(&s->fault, FAULT_FAILED, "the %s ended too early, with status %d", child, status);
	supervise_give_up(s);
}

void children_on_storer_ended(struct supervisor *s)
{
	int status = launch_reap(&s->fd[STORER_PID], false);

	close_fd(&s->fd[ON_STORER]);
	children_failed(s, "storer", status);
}

/* It ends well when the storer does, and may be seen to end before that one. */
void children_on_signer_ended(struct supervisor *s)
{
	int status = launch_reap(&s->fd[SIGNER_PID], false);

	if (status == STATUS_DONE && supervise_ends_soon(s, STORER_PID))
		children_on_storer_ended(s);
	else
		children_failed(s, "signer", status);
}

/* The storer ends when its channel does; one that does not is killed. */
void children_end_storer(struct supervisor *s)
{
	int status;

	close_fd(&s->fd[ON_STORER]);
	if (s->fd[STORER_PID] < 0)
		return;
	status = launch_reap_in(&s->fd[STORER_PID], STORER_SECONDS);
	if (status > 128)
		children_failed(s, "storer", status);
	else if (status != STATUS_DONE && s->status == STATUS_DONE)
		s->status = STATUS_FAILED; /* a certificate could not be looked at: it has said which */
}
