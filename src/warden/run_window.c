// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/run_window.h"

#include <string.h>

#include "base/launch.h"
#include "base/sandbox.h"
#include "say/progress.h"
#include "warden/run.h"

static void end_responder(struct supervisor *s)
{
	launch_reap(&s->fd[RESPONDER_PID], true);
	close_fd(&s->fd[ON_RESPONDER]);
}

void run_window_tidy(struct supervisor *s)
{
	end_responder(s);
	supervise_clear(s);
}

void run_window_on_refused(struct supervisor *s)
{
	struct fault ignored;

	if (s->state != STANDING) /* the client waits for its window */
		run_of(s)->refused = wire_send(s->fd[ON_CLIENT], VERB_REFUSED, 0, s->fault.text, strlen(s->fault.text), &ignored) ==
				     0;
	supervise_give_up(s);
}

void run_window_on_ready(struct supervisor *s)
{
	if (supervise_let_in(s) < 0)
		run_window_on_refused(s);
}

void run_window_on_opened(struct supervisor *s)
{
	s->state = STANDING;
	run_of(s)->validated = 0;
	progress_open(s->gate->port, s->gate->seconds);
	if (run_send(s, ON_CLIENT, VERB_OPENED, 0, NULL, 0) < 0)
		supervise_give_up(s);
}

/* The listening sockets live in the responder only: they end with it, and with them what the rule matches. */
void run_window_on_prepared(struct supervisor *s)
{
	const struct run *run = run_of(s);

	s->state = LISTENING;
	if (run->config->responder.mode == RESPONDER_WEBROOT && !s->gate->tls) /* the host's web server answers */
		run_window_on_ready(s);
	else if (crew_start_responder(&run->crew, s->gate->tls ? ROLE_TLS : ROLE_RESPONDER, s->passed, &s->fd[RESPONDER_PID],
				      &s->fd[ON_RESPONDER], &s->fault) < 0)
		run_window_on_refused(s);
}

void run_window_on_overtime(struct supervisor *s)
{
	fault_set(&s->fault, FAULT_LATER, "the validation did not end in the time that [gate] max_open allows");
	run_window_on_refused(s);
}

/* The certificates that are obtained; without one, those that the CA was asked about, of which it has made some due. */
static void note_asker(struct run *run)
{
	struct note *note = &run->s.note;

	note->entry.asker = run->errand->rehearsal ? ASKER_REHEARSE : run->errand->only_due ? ASKER_RENEW : ASKER_RENEW_NOW;
	for (enum work_kind kind = WORK_OBTAIN; kind <= WORK_ASK && !note->entry.client[0]; kind++)
		for (uint32_t i = 0; i < run->config->certificates; i++)
			if (run->work.wanted[i] == kind)
				note_client(note, run->config->certificate[i].name);
}

static bool needs(const struct run *run, enum challenge_window window)
{
	for (uint32_t i = 0; i < run->config->certificates; i++)
		if (run->work.wanted[i] != WORK_NONE && config_needs(&run->config->certificate[i], window))
			return true;
	return false;
}

void run_window_on_open(struct supervisor *s)
{
	const enum challenge_window window = s->record.index == 1 ? WINDOW_TLS : WINDOW_HTTP;
	struct run *run = run_of(s);
	/* A hook has the rights that its administrator wants, and another part of the run opens files. */
	const bool confined = !run->config->hooks && !run_waits(run);

	if (!needs(run, window)) {
		supervise_give_up_because(s, FAULT_FAILED, "the client asked for a port that no certificate of this run needs");
		return;
	}
	gate_turn(s->gate, window);
	run->errand->windows++;
	note_asker(run);
	progress_step(PROGRESS_OPENING, 0, 0);
	if (supervise_prepare(s, (const void *)s->record.data) < 0 || (confined && sandbox_warden(true, &s->fault) < 0))
		run_window_on_refused(s);
}

/* Forwards only: it cannot keep this process busy. */
void run_window_on_validated(struct supervisor *s)
{
	const struct validated *validated = (const void *)s->record.data;
	struct run *run = run_of(s);

	if (validated->done < run->validated || validated->done > validated->of || validated->of > MAX_NAMES) {
		supervise_give_up_because(s, FAULT_FAILED, "the client told of validations in the wrong order");
		return;
	}
	run->validated = validated->done + 1;
	progress_step(PROGRESS_VALIDATING, validated->done, validated->of);
}

/* The client is told when the responder has ended: what it publishes then is for the next one, which reads from the same channel. */
void run_window_on_close(struct supervisor *s)
{
	const struct run *run = run_of(s);
	struct closed closed = { 0 };
	const bool shut = supervise_shut(s, false, &closed);

	s->state = shut ? WORKING : CLOSING;
	end_responder(s);
	if (shut && run_send(s, ON_CLIENT, VERB_CLOSED, 0, &closed, sizeof(closed)) < 0)
		supervise_give_up(s);
	progress_shut();
	progress_step(PROGRESS_ISSUING, run->stored, run_wanted(run));
	supervise_clear(s);
}
