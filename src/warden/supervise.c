// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "base/log.h"
#include "say/entry.h"
#include "say/progress.h"

#define ENDING_SECONDS 1

/* --- the window --------------------------------------------------------------------------------------------------- */

int supervise_prepare(struct supervisor *s, const struct whereabouts *at)
{
	s->state = PREPARING;
	s->prepared = true;
	note_begin(&s->note, s->gate);
	return gate_prepare(s->gate, at, &s->fault);
}

int supervise_let_in(struct supervisor *s)
{
	s->state = OPENING;
	return gate_let_in(s->gate, &s->fault);
}

/* Everything that ends a window ends here. */
bool supervise_shut(struct supervisor *s, bool again, struct closed *closed)
{
	if (!s->prepared)
		return true;
	s->again = again;
	if (gate_shut(s->gate, again, closed, &s->fault) == 0) {
		note_closed(&s->note, closed);
		return true;
	}
	note_leave(&s->note);
	if (s->gate->died && s->status == STATUS_DONE) /* else it was said */
		log_error("%s; if a port was open, its watchdog closes it", s->fault.text);
	s->status = STATUS_FAILED;
	return false;
}

void supervise_clear(struct supervisor *s)
{
	if (!s->prepared)
		return;
	if (gate_clear(s->gate) != STATUS_DONE)
		s->status = STATUS_FAILED;
	if (!s->again)
		note_end(&s->note);
	s->prepared = false;
}

/* --- the usual handlers ------------------------------------------------------------------------------------------- */

void supervise_give_up(struct supervisor *s)
{
	entry_log(LOG_LEVEL_ERROR, &(struct entry){ .occasion = OCCASION_GAVE_UP, .code = s->fault.code }, "%s", s->fault.text);
	if (s->status == STATUS_DONE)
		s->status = fault_status(&s->fault);
	s->state = CLOSING;
}

void supervise_give_up_because(struct supervisor *s, enum fault_kind kind, const char *why)
{
	fault_set(&s->fault, kind, "%s", why);
	supervise_give_up(s);
}

void supervise_close(struct supervisor *s)
{
	s->state = CLOSING;
}

static void on_tick(struct supervisor *s)
{
	(void)s;
	progress_tick();
}

static void on_gate_ended(struct supervisor *s)
{
	supervise_give_up_because(s, FAULT_FAILED,
				  "the gate has ended before it was told to; if a port was open, its watchdog closes it");
}

static void on_signal(struct supervisor *s)
{
	struct signalfd_siginfo info = { 0 };

	if (read(s->fd[ON_SIGNAL], &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	entry_log(LOG_LEVEL_WARNING, &(struct entry){ .occasion = OCCASION_STOPPED }, "stopped by %s",
		  strsignal((int)info.ssi_signo));
	if (s->status == STATUS_DONE)
		s->status = STATUS_LATER;
	s->state = CLOSING;
}

static void surprise(struct supervisor *s)
{
	fault_set(&s->fault, FAULT_FAILED, "the %s sent %s out of turn", s->sender, verb_name((enum verb)s->record.verb));
	supervise_give_up(s);
}

static void dispatch(struct supervisor *s, enum event event)
{
	static handler *const usual[EVENTS] = {
		[EVENT_SIGNAL] = on_signal,
		[EVENT_GATE_ENDED] = on_gate_ended,
		[EVENT_NONSENSE] = supervise_give_up,
		[EVENT_REFUSED] = supervise_give_up,
		[EVENT_TICK] = on_tick,
	};
	handler *handle = s->job->table[s->state][event];

	s->event = event;
	handle = handle ? handle : s->job->always[event] ? s->job->always[event] : usual[event];
	(handle ? handle : surprise)(s);
}

/* --- records ------------------------------------------------------------------------------------------------------ */

static const struct watch *watch_of(const struct supervisor *s, int which)
{
	static const struct watch common[ON_OWN] = {
		[ON_SIGNAL] = { EVENT_SIGNAL, NULL, 0 },
		[ON_DEADLINE] = { EVENT_DEADLINE, NULL, 0 },
		[ON_GATE] = { EVENT_GATE_ENDED, "gate", 0 },
	};

	if (which < ON_OWN)
		return &common[which];
	return &s->job->watch[which < ON_LAST ? which - ON_OWN : ON_LAST - ON_OWN];
}

/* For the ledger of windows, before anybody acts on it. */
static void note(struct supervisor *s, enum event event)
{
	if (event == EVENT_OPENED)
		note_opened(&s->note);
	else if (event == EVENT_OVERTIME)
		note_overtime(&s->note);
	else if (event == EVENT_REFUSED)
		note_refused(&s->note, s->fault.text);
}

/* NULL: it is not the sender's to send. */
static const struct heard *find_heard(const struct supervisor *s, int channel)
{
	static const struct heard of_gate[] = { { ON_GATE, VERB_PREPARED, EVENT_PREPARED },
						{ ON_GATE, VERB_OPENED, EVENT_OPENED },
						{ ON_GATE, VERB_FAULT, EVENT_REFUSED },
						{ ON_GATE, VERB_OVERTIME, EVENT_OVERTIME } };
	const struct heard *heard = channel == ON_GATE ? of_gate : s->job->heard;
	size_t n = channel == ON_GATE ? LENGTH_OF(of_gate) : LENGTH_OF(s->job->heard);

	for (size_t i = 0; i < n; i++)
		if (heard[i].channel == channel && heard[i].verb == (enum verb)s->record.verb)
			return &heard[i];
	return NULL;
}

/* The end of a channel says no more than the end of its process, which comes with it: unless somebody only closed it. */
static void hang_up(struct supervisor *s, int channel)
{
	const struct watch *watch = watch_of(s, channel);

	if (channel == ON_GATE) { /* its channel is gate_end()'s */
		s->fd[ON_GATE] = -1;
		dispatch(s, watch->event);
		return;
	}
	close_fd(&s->fd[channel]);
	if (supervise_ends_soon(s, watch->process))
		return;
	fault_set(&s->fault, FAULT_FAILED, "the %s has closed its channel but runs on", s->sender);
	dispatch(s, EVENT_NONSENSE);
}

bool supervise_take(struct supervisor *s, int channel)
{
	const struct heard *heard;
	int rc = channel == ON_GATE ? wire_receive_with(s->fd[ON_GATE], &s->record, s->passed, &s->fault) :
				      wire_receive(s->fd[channel], &s->record, &s->fault);

	s->sender = watch_of(s, channel)->sender;
	if (rc == 0) {
		hang_up(s, channel);
		return false;
	}
	heard = rc > 0 ? find_heard(s, channel) : NULL;
	if (heard && heard->event == EVENT_REFUSED)
		fault_set(&s->fault, (enum fault_kind)s->record.index, "%s", s->record.data);
	if (heard) {
		note(s, heard->event);
		dispatch(s, heard->event);
		return true;
	}
	if (rc > 0)
		fault_set(&s->fault, FAULT_FAILED, "the %s sent %s, which is not its to send", s->sender,
			  verb_name((enum verb)s->record.verb));
	else
		(void)!fault_at(&s->fault, "the %s sent nonsense", s->sender);
	dispatch(s, EVENT_NONSENSE);
	return false;
}

bool supervise_ends_soon(const struct supervisor *s, int process)
{
	struct pollfd ended = { .fd = s->fd[process], .events = POLLIN };

	return poll(&ended, 1, ENDING_SECONDS * 1000) > 0;
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static void look_at(struct supervisor *s, int which)
{
	s->which = which;
	if (watch_of(s, which)->sender)
		(void)supervise_take(s, which);
	else
		dispatch(s, watch_of(s, which)->event);
	close_fd(&s->passed[0]);
	close_fd(&s->passed[1]);
}

/* One event a round: each may change what there is to wait for. */
void supervise(struct supervisor *s)
{
	while (s->state != CLOSING) {
		struct pollfd list[MOST_WATCHED];
		int n, first = 0;

		for (int i = 0; i < MOST_WATCHED; i++)
			list[i] = (struct pollfd){ .fd = s->fd[i], .events = POLLIN };
		n = poll(list, MOST_WATCHED, s->interval);
		while (n > 0 && !list[first].revents)
			first++;
		if (n > 0) {
			look_at(s, first);
		} else if (n == 0) {
			dispatch(s, EVENT_TICK);
		} else if (errno != EINTR) {
			fault_errno(&s->fault, FAULT_FAILED, "waiting");
			dispatch(s, EVENT_NONSENSE);
		}
	}
}

int supervise_begin(struct supervisor *s, const struct job *job, struct gate *gate, const int *signals)
{
	sigset_t set;

	s->job = job;
	s->gate = gate;
	s->passed[0] = s->passed[1] = -1;
	s->interval = progress_interval();
	for (int i = 0; i < MOST_WATCHED; i++)
		s->fd[i] = -1;
	sigemptyset(&set);
	for (; *signals; signals++)
		sigaddset(&set, *signals);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return fault_errno(&s->fault, FAULT_FAILED, "blocking signals");
	s->fd[ON_SIGNAL] = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->fd[ON_SIGNAL] < 0)
		return fault_errno(&s->fault, FAULT_LATER, "preparing to wait");
	s->fd[ON_GATE] = gate ? gate->channel : -1;
	return 0;
}

/* CLOCK_BOOTTIME goes on while the machine sleeps. */
int supervise_limit(struct supervisor *s, int seconds)
{
	const struct itimerspec limit = { .it_value.tv_sec = seconds };

	s->fd[ON_DEADLINE] = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
	if (s->fd[ON_DEADLINE] < 0 || timerfd_settime(s->fd[ON_DEADLINE], 0, &limit, NULL) < 0)
		return fault_errno(&s->fault, FAULT_LATER, "preparing to wait");
	return 0;
}

void supervise_finish(struct supervisor *s)
{
	struct closed closed;

	(void)supervise_shut(s, false, &closed);
	supervise_clear(s);
	note_free(&s->note);
	close_fd(&s->fd[ON_SIGNAL]);
	close_fd(&s->fd[ON_DEADLINE]);
}
