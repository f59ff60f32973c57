// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/dealing.h"

#include <stdio.h>

#include "base/launch.h"
#include "command/children.h"
#include "command/crew.h"

#define DEALING_SECONDS 900 /* for a few requests, each with its retries */

struct dealing {
	struct supervisor s;
	const struct config *config;
	struct crew crew;
};

static struct dealing *dealing_of(struct supervisor *s)
{
	return (void *)s;
}

static void start_client(struct supervisor *s)
{
	s->state = WORKING;
	if (crew_start_client(&dealing_of(s)->crew, &s->fd[CLIENT_PID], &s->fd[ON_CLIENT], &s->fault) < 0)
		supervise_give_up(s);
}

/* The client starts when the storer has looked at the certificate that is to be revoked: until then the signer is busy with it. */
static void on_survey(struct supervisor *s)
{
	const struct config *config = dealing_of(s)->config;
	const struct renewal *renewal = (const void *)s->record.data;
	const char *name = config->certificate[config->task.certificate].name;

	if (renewal->present) {
		start_client(s);
		return;
	}
	fault_set(&s->fault, FAULT_FAILED, "certificate %s: there is nothing in %s/certificates/%s/live that could be revoked",
		  name, config->gate.state, name);
	supervise_give_up(s);
}

/* The client has the texts of the CA cleaned (acme/codec.h); what it may write here it is not trusted with. */
static void on_told(struct supervisor *s)
{
	for (const char *c = s->record.data; *c; c++)
		putchar((*c >= ' ' && *c <= '~') || *c == '\n' ? *c : '?');
}

static void on_client_ended(struct supervisor *s)
{
	while (s->fd[ON_CLIENT] >= 0 && supervise_take(s, ON_CLIENT)) /* its last words */
		;
	(void)children_reap_client(s);
	supervise_close(s);
}

/* One that removes a certificate has nothing else to do. */
static void on_storer_ended(struct supervisor *s)
{
	if (dealing_of(s)->config->task.kind != TASK_REMOVE) {
		children_on_storer_ended(s);
		return;
	}
	s->status = launch_reap(&s->fd[STORER_PID], false);
	supervise_close(s);
}

static void on_deadline(struct supervisor *s)
{
	fault_set(&s->fault, FAULT_LATER, "the CA did not answer within %d minutes", DEALING_SECONDS / 60);
	supervise_give_up(s);
}

static const struct job for_dealing = {
	.watch = { CHILDREN_WATCHED },
	.heard = {
		{ ON_STORER, VERB_RENEWAL, EVENT_SURVEY },
		{ ON_CLIENT, VERB_TELL, EVENT_TOLD },
	},
	.always = {
		[EVENT_CLIENT_ENDED] = on_client_ended,
		[EVENT_SIGNER_ENDED] = children_on_signer_ended,
		[EVENT_STORER_ENDED] = on_storer_ended,
		[EVENT_DEADLINE] = on_deadline,
	},
	.table = {
		[SURVEYING] = { [EVENT_SURVEY] = on_survey },
		[WORKING] = { [EVENT_TOLD] = on_told },
	},
};

static int begin(struct dealing *d)
{
	struct supervisor *s = &d->s;
	const enum task_kind kind = d->config->task.kind;

	if (children_begin(s, &for_dealing, NULL, DEALING_SECONDS, &d->crew, kind != TASK_REMOVE) < 0)
		return -1;
	if (kind != TASK_REMOVE && kind != TASK_REVOKE)
		start_client(s);
	return 0;
}

int dealing_run(const struct config *config, int state_fd)
{
	static const int none[2] = { -1, -1 };
	static struct dealing d;
	struct supervisor *s = &d.s;

	d = (struct dealing){ .config = config, .crew = CREW(config, state_fd, none) };
	if (begin(&d) < 0)
		supervise_give_up(s);
	supervise(s);
	launch_reap(&s->fd[CLIENT_PID], true);
	launch_reap(&s->fd[SIGNER_PID], true); /* so that the storer waits for nobody */
	children_end_storer(s);
	close_fd(&s->fd[ON_CLIENT]);
	supervise_finish(s);
	crew_leave(&d.crew);
	return s->status;
}
