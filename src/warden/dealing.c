// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/dealing.h"

#include <stdio.h>
#include <string.h>

#include "base/launch.h"
#include "base/log.h"
#include "warden/children.h"
#include "warden/crew.h"
#include "warden/values.h"

#define DEALING_SECONDS 900 /* for a few requests, each with its retries */

struct dealing {
	struct supervisor s;
	const struct config *config;
	struct crew crew;
	const struct work *work; /* TASK_PERSIST, as the following; else NULL */
	dealing_told *told;
	void *context;
	int dns; /* pidfd of acmegate-dns, or -1 */
};

static struct dealing *dealing_of(struct supervisor *s)
{
	return (void *)s;
}

/* Without acmegate-dns the client tells what the records are, and not whether they are there. */
static int start_work(struct supervisor *s)
{
	struct dealing *d = dealing_of(s);
	OWN_FD int channel = -1;

	if (!d->work)
		return 0;
	if (values_look(d->config, &d->dns, &channel, &s->fault) < 0)
		log_warning("%s", s->fault.text);
	return wire_send_with(s->fd[ON_CLIENT], VERB_WORK, 0, d->work, sizeof(*d->work), (const int[2]){ channel, -1 }, &s->fault);
}

static void start_client(struct supervisor *s)
{
	s->state = WORKING;
	if (crew_start_client(&dealing_of(s)->crew, &s->fd[CLIENT_PID], &s->fd[ON_CLIENT], &s->fault) < 0 || start_work(s) < 0)
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

/* Three lines: see told() in agent/persistence.c. */
static void take_record(const struct dealing *d, char *text)
{
	char *line[3], *rest = text;

	for (size_t i = 0; i < LENGTH_OF(line); i++) {
		line[i] = rest ? strsep(&rest, "\n") : NULL;
		if (!line[i])
			return;
	}
	if (line[0][0] && line[0][1] == ' ')
		d->told(d->context, &(struct told_record){ line[0][0] == '1', line[0] + 2, line[1], line[2] });
}

/* The client has the texts of the CA cleaned (acme/codec.h); what it may write here it is not trusted with. */
static void on_told(struct supervisor *s)
{
	for (char *c = s->record.data; *c; c++)
		*c = (*c >= ' ' && *c <= '~') || *c == '\n' ? *c : '?';
	if (dealing_of(s)->told)
		take_record(dealing_of(s), s->record.data);
	else
		fputs(s->record.data, stdout);
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
	return dealing_look(config, state_fd, NULL, NULL, NULL);
}

int dealing_look(const struct config *config, int state_fd, const struct work *work, dealing_told *told, void *context)
{
	static const int none[2] = { -1, -1 };
	static struct dealing d;
	struct supervisor *s = &d.s;

	d = (struct dealing){
		.config = config, .crew = CREW(config, state_fd, none), .work = work, .told = told, .context = context, .dns = -1
	};
	if (begin(&d) < 0)
		supervise_give_up(s);
	supervise(s);
	launch_reap(&s->fd[CLIENT_PID], true);
	values_end(&d.dns);
	launch_reap(&s->fd[SIGNER_PID], true); /* so that the storer waits for nobody */
	children_end_storer(s);
	close_fd(&s->fd[ON_CLIENT]);
	supervise_finish(s);
	crew_leave(&d.crew);
	return s->status;
}
