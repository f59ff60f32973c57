// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/warden.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "command/deploy.h"
#include "base/log.h"
#include "base/spawn.h"
#include "base/sandbox.h"
#include "base/wire.h"

#define RUN_SECONDS 1800  /* for all of a run; nothing adds to it */
#define ENDING_SECONDS 1  /* how long a process may outlive its channel */
#define STORER_SECONDS 10 /* how long the storer may take to end when it is told to */

enum state {
	SURVEYING,
	WORKING,
	PREPARING, /* the gate finds out what is to be opened */
	LISTENING, /* the responder begins */
	OPENING,   /* the gate opens */
	STANDING,
	CLOSING,
	STATES
};

enum event {
	EVENT_SURVEY, /* the storer has looked at one certificate */
	EVENT_STORED, /* the storer has stored one */
	EVENT_OPEN,   /* the client asks */
	EVENT_CLOSE,
	EVENT_READY,	/* the responder accepts connections */
	EVENT_PREPARED, /* the gate knows what to open */
	EVENT_OPENED,	/* it has opened */
	EVENT_REFUSED,	/* it cannot, or has closed for a reason of its own */
	EVENT_CLIENT_ENDED,
	EVENT_SIGNER_ENDED,
	EVENT_STORER_ENDED,
	EVENT_RESPONDER_ENDED,
	EVENT_GATE_ENDED,
	EVENT_DEADLINE, /* the run has used up its time */
	EVENT_SIGNAL,
	EVENT_NONSENSE, /* a record that is malformed or not for us */
	EVENTS
};

enum watched {
	ON_SIGNAL,
	ON_DEADLINE,
	ON_GATE,
	ON_STORER,
	ON_CLIENT,
	ON_RESPONDER,
	SIGNER_PID,
	STORER_PID,
	CLIENT_PID,
	RESPONDER_PID,
	WATCHED
};

struct warden {
	const struct config *config;
	struct errand *errand;
	struct gate *gate;
	int state_fd;
	enum state state;
	int status;
	int fd[WATCHED];    /* what poll looks at; -1: not there (any more) */
	int client_ends[2]; /* for the client: its sockets to signer and responder, made before either runs */
	int signer_end, responder_end;
	int listeners[2];     /* that came with the record; the responder's */
	bool prepared;	      /* the gate has something to close */
	unsigned int windows; /* that the client has asked for */
	uint32_t surveyed;
	int64_t next;	     /* when the first of them will be due */
	const char *speaker; /* who sent the record that is looked at */
	bool wanted[MAX_CERTIFICATES], stored[MAX_CERTIFICATES], deploy[MAX_CERTIFICATES];
	struct record record;
	struct fault fault;
};

typedef void handler(struct warden *);

/* --- small things ------------------------------------------------------------------------------------------------- */

/* A socket pair whose first end, the warden's, never waits: not for a child that does not read, and not for one that does not write. */
static int make_channel(int ends[2], struct fault *fault)
{
	if (wire_pair(ends, fault) < 0)
		return -1;
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	close_fd(&ends[0]);
	close_fd(&ends[1]);
	return fault_errno(fault, FAULT_LATER, "making a channel");
}

static int send(struct warden *w, enum watched channel, enum verb verb, uint32_t index, const void *data, size_t length)
{
	return wire_send(w->fd[channel], verb, index, data, length, &w->fault);
}

/* Where a run goes wrong for a reason of its own: said once, remembered in the exit status, then the way out. */
static void give_up(struct warden *w)
{
	log_error("%s", w->fault.text);
	if (w->status == STATUS_DONE)
		w->status = fault_status(&w->fault);
	w->state = CLOSING;
}

static void give_up_because(struct warden *w, enum fault_kind kind, const char *why)
{
	fault_set(&w->fault, kind, "%s", why);
	give_up(w);
}

static void give_up_of(struct warden *w, const char *child, int status)
{
	if (status > 128)
		fault_set(&w->fault, FAULT_FAILED, "the %s died of signal %d (%s)", child, status - 128, strsignal(status - 128));
	else
		fault_set(&w->fault, FAULT_FAILED, "the %s ended too early, with status %d", child, status);
	give_up(w);
}

/* --- the window --------------------------------------------------------------------------------------------------- */

static void drop_responder(struct warden *w)
{
	spawn_reap(&w->fd[RESPONDER_PID], true);
	close_fd(&w->fd[ON_RESPONDER]);
}

/* Everything that ends a window ends here. *closed: what the firewall saw. false: it could not be closed. */
static bool shut(struct warden *w, struct closed *closed)
{
	if (!w->prepared || gate_shut(w->gate, false, closed, &w->fault) == 0)
		return true;
	if (w->gate->died && w->status == STATUS_DONE) /* else it was said */
		log_error("%s; if a port was open, its watchdog closes it", w->fault.text);
	w->status = STATUS_FAILED;
	return false;
}

/* What can wait until the client has been told. */
static void tidy(struct warden *w)
{
	drop_responder(w);
	if (w->prepared && gate_clear(w->gate) != STATUS_DONE)
		w->status = STATUS_FAILED;
	w->prepared = false;
}

static int start_responder(struct warden *w, const int listeners[2])
{
	int ends[2];
	struct place places[] = {
		{ -1, FD_WARDEN }, { w->responder_end, FD_CLIENT }, { listeners[0], FD_LISTEN_4 }, { listeners[1], FD_LISTEN_6 }
	};

	if (make_channel(ends, &w->fault) < 0)
		return -1;
	places[0].from = ends[1];
	w->fd[ON_RESPONDER] = ends[0];
	w->fd[RESPONDER_PID] = spawn_agent(ROLE_RESPONDER, w->config, places, LENGTH_OF(places), &w->fault);
	close(ends[1]);
	return w->fd[RESPONDER_PID] < 0 ? -1 : 0;
}

static void refuse(struct warden *w)
{
	struct fault ignored;

	(void)!wire_send(w->fd[ON_CLIENT], VERB_REFUSED, 0, w->fault.text, strlen(w->fault.text), &ignored);
	give_up(w);
}

static void on_ready(struct warden *w)
{
	w->state = OPENING;
	if (wire_send(w->gate->channel, VERB_LET_IN, 0, NULL, 0, &w->fault) < 0)
		refuse(w);
}

static void on_opened(struct warden *w)
{
	w->state = STANDING;
	if (send(w, ON_CLIENT, VERB_OPENED, 0, NULL, 0) < 0)
		give_up(w);
}

/* The listening sockets live in the responder only: they end with it, and with them what the rule matches. */
static void on_prepared(struct warden *w)
{
	w->state = LISTENING;
	if (w->config->responder.mode == RESPONDER_WEBROOT) /* the host's web server answers */
		on_ready(w);
	else if (start_responder(w, w->listeners) < 0)
		refuse(w);
}

static void on_refused(struct warden *w)
{
	fault_set(&w->fault, w->record.verb == VERB_OVERTIME ? FAULT_LATER : (enum fault_kind)w->record.index, "%s",
		  w->record.verb == VERB_OVERTIME ? "the validation did not end in the time that [gate] max_open allows" :
						    w->record.data);
	if (w->state == STANDING)
		give_up(w);
	else
		refuse(w);
}

static void on_open(struct warden *w)
{
	w->windows++;
	w->state = PREPARING;
	w->prepared = true;
	if (wire_send(w->gate->channel, VERB_PREPARE, 1, w->record.data, sizeof(struct whereabouts), &w->fault) < 0 ||
	    (!w->config->hooks && sandbox_warden(&w->fault) < 0)) /* a hook has the rights that its administrator wants */
		refuse(w);
}

static void on_close(struct warden *w)
{
	struct closed closed = { 0 };

	w->state = WORKING;
	if (!shut(w, &closed))
		w->state = CLOSING;
	else if (send(w, ON_CLIENT, VERB_CLOSED, 0, &closed, sizeof(closed)) < 0)
		give_up(w);
	tidy(w);
}

/* --- the work ----------------------------------------------------------------------------------------------------- */

/* -1 also when none is configured, which is no fault. */
static int open_configured(const char *path, int *fd, struct fault *fault)
{
	*fd = path[0] ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	return path[0] && *fd < 0 ? fault_errno(fault, FAULT_USAGE, "%s", path) : 0;
}

static int start_storer(struct warden *w, int channel, int signer)
{
	struct place places[] = { { channel, FD_WARDEN }, { signer, FD_SIGNER }, { w->state_fd, FD_STATE } };

	w->fd[STORER_PID] = spawn_agent(ROLE_STORER, w->config, places, LENGTH_OF(places), &w->fault);
	return w->fd[STORER_PID] < 0 ? -1 : 0;
}

static int start_signer(struct warden *w, int storer)
{
	OWN_FD int trust = -1;
	OWN_FD int ca = -1;
	struct place places[] = { { -1, FD_TRUST }, { -1, FD_CA_FILE }, { w->signer_end, FD_CLIENT }, { storer, FD_STORER } };

	if (open_configured(w->config->acme.trust_file, &trust, &w->fault) < 0 ||
	    open_configured(w->config->acme.ca_file, &ca, &w->fault) < 0)
		return -1;
	places[0].from = trust;
	places[1].from = ca;
	w->fd[SIGNER_PID] = spawn_agent(ROLE_SIGNER, w->config, places, LENGTH_OF(places), &w->fault);
	close_fd(&w->signer_end);
	return w->fd[SIGNER_PID] < 0 ? -1 : 0;
}

static int start_client(struct warden *w)
{
	OWN_FD int ca = -1;
	int ends[2];
	struct work work = { 0 };
	struct place places[] = {
		{ -1, FD_WARDEN }, { -1, FD_CA_FILE }, { w->client_ends[0], FD_SIGNER }, { w->client_ends[1], FD_RESPONDER }
	};

	if (open_configured(w->config->acme.ca_file, &ca, &w->fault) < 0)
		return -1;
	if (make_channel(ends, &w->fault) < 0)
		return -1;
	places[0].from = ends[1];
	places[1].from = ca;
	w->fd[ON_CLIENT] = ends[0];
	w->fd[CLIENT_PID] = spawn_agent(ROLE_CLIENT, w->config, places, LENGTH_OF(places), &w->fault);
	close(ends[1]);
	close_fd(&w->client_ends[0]);
	close_fd(&w->client_ends[1]);
	if (w->fd[CLIENT_PID] < 0)
		return -1;
	for (uint32_t i = 0; i < w->config->certificates; i++)
		work.wanted[i] = w->wanted[i];
	return send(w, ON_CLIENT, VERB_WORK, 0, &work, sizeof(work));
}

static bool anything_wanted(const struct warden *w)
{
	for (uint32_t i = 0; i < w->config->certificates; i++)
		if (w->wanted[i])
			return true;
	return false;
}

static void on_survey(struct warden *w)
{
	const struct renewal *renewal = (const void *)w->record.data;
	uint32_t i = w->record.index;

	if (i != w->surveyed || i >= w->config->certificates) {
		give_up_because(w, FAULT_FAILED, "the storer told of certificates in the wrong order");
		return;
	}
	w->wanted[i] = w->errand->named[i] && (renewal->due || !w->errand->only_due);
	w->deploy[i] = renewal->deploy && w->errand->named[i];
	if (w->wanted[i])
		log_notice("certificate %s: %s", w->config->certificate[i].name, renewal->reason);
	else if (w->errand->named[i])
		log_idle("certificate %s: %s", w->config->certificate[i].name, renewal->reason);
	if (i == 0 || renewal->from < w->next) /* 0, the least of all: it could not be looked at */
		w->next = renewal->from;
	if (++w->surveyed < w->config->certificates)
		return;
	if (!anything_wanted(w)) {
		log_idle("nothing is due");
		w->errand->next = w->next;
		w->state = CLOSING;
		return;
	}
	w->state = WORKING;
	if (start_client(w) < 0)
		give_up(w);
}

static void on_stored(struct warden *w)
{
	uint32_t i = w->record.index;

	if (i >= w->config->certificates || !w->wanted[i] || w->stored[i]) {
		give_up_because(w, FAULT_FAILED, "the storer stored a certificate that was not to be stored, or twice");
		return;
	}
	w->stored[i] = true;
	log_notice("certificate %s is stored in %s/certificates/%s/live", w->config->certificate[i].name, w->config->gate.state,
		   w->config->certificate[i].name);
	w->deploy[i] = w->config->certificate[i].hooks > 0;
}

static bool ends_soon(const struct warden *w, enum watched which)
{
	struct pollfd process = { .fd = w->fd[which], .events = POLLIN };

	return poll(&process, 1, ENDING_SECONDS * 1000) > 0;
}

static bool take_record(struct warden *w, enum watched channel);
static void dispatch(struct warden *w, enum event event);

/* What the storer has said before the client ended still counts: no more than one record for each certificate. */
static void on_client_ended(struct warden *w)
{
	struct pollfd storer = { .fd = w->fd[ON_STORER], .events = POLLIN };
	int status;

	for (uint32_t i = 0; i < w->config->certificates; i++)
		if (poll(&storer, 1, 0) <= 0 || !(storer.revents & POLLIN) || !take_record(w, ON_STORER))
			break;
	status = spawn_reap(&w->fd[CLIENT_PID], false);
	close_fd(&w->fd[ON_CLIENT]);
	if (status != STATUS_DONE && status != STATUS_FAILED && status != STATUS_USAGE && status != STATUS_LATER)
		give_up_of(w, "client", status); /* it has not said why */
	else if (status != STATUS_DONE && w->status == STATUS_DONE)
		w->status = status;
	if (!w->prepared && (status == STATUS_LATER || status == STATUS_FAILED || (status != STATUS_DONE && w->windows)))
		gate_explain(w->gate);
	w->state = CLOSING;
}

static void on_storer_ended(struct warden *w)
{
	int status = spawn_reap(&w->fd[STORER_PID], false);

	close_fd(&w->fd[ON_STORER]);
	give_up_of(w, "storer", status);
}

/* It ends well when the storer does, and may be seen to end before that one. */
static void on_signer_ended(struct warden *w)
{
	int status = spawn_reap(&w->fd[SIGNER_PID], false);

	if (status == STATUS_DONE && ends_soon(w, STORER_PID))
		on_storer_ended(w);
	else
		give_up_of(w, "signer", status);
}

/* It ends well when the client's end of their channel does, and may be seen to end before the client. */
static void on_responder_ended(struct warden *w)
{
	int status = spawn_reap(&w->fd[RESPONDER_PID], false);

	if (status == STATUS_DONE && ends_soon(w, CLIENT_PID))
		on_client_ended(w);
	else
		give_up_of(w, "responder", status);
}

static void on_gate_ended(struct warden *w)
{
	give_up_because(w, FAULT_FAILED, "the gate has ended before it was told to; if a port was open, its watchdog closes it");
}

static void on_deadline(struct warden *w)
{
	fault_set(&w->fault, FAULT_LATER, "the run did not end within %d minutes", RUN_SECONDS / 60);
	give_up(w);
}

static void on_signal(struct warden *w)
{
	struct signalfd_siginfo info = { 0 };

	if (read(w->fd[ON_SIGNAL], &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	log_warning("stopped by %s", strsignal((int)info.ssi_signo));
	if (w->status == STATUS_DONE)
		w->status = STATUS_LATER;
	w->state = CLOSING;
}

static void on_nonsense(struct warden *w)
{
	give_up(w); /* the fault is set by who found it */
}

static void surprise(struct warden *w)
{
	fault_set(&w->fault, FAULT_FAILED, "the %s sent %s out of turn", w->speaker, verb_name((enum verb)w->record.verb));
	give_up(w);
}

/* These end the run in every state. */
static handler *const endings[EVENTS] = {
	[EVENT_SIGNER_ENDED] = on_signer_ended,
	[EVENT_STORER_ENDED] = on_storer_ended,
	[EVENT_RESPONDER_ENDED] = on_responder_ended,
	[EVENT_GATE_ENDED] = on_gate_ended,
	[EVENT_DEADLINE] = on_deadline,
	[EVENT_SIGNAL] = on_signal,
	[EVENT_NONSENSE] = on_nonsense,
};

/* An event that neither table has in this state is a surprise. */
static handler *const table[STATES][EVENTS] = {
	[SURVEYING] = { [EVENT_SURVEY] = on_survey },
	[WORKING] = { [EVENT_OPEN] = on_open, [EVENT_STORED] = on_stored, [EVENT_CLIENT_ENDED] = on_client_ended },
	[PREPARING] = { [EVENT_PREPARED] = on_prepared, [EVENT_REFUSED] = on_refused, [EVENT_CLIENT_ENDED] = on_client_ended },
	[LISTENING] = { [EVENT_READY] = on_ready, [EVENT_REFUSED] = on_refused, [EVENT_CLIENT_ENDED] = on_client_ended },
	[OPENING] = { [EVENT_OPENED] = on_opened, [EVENT_REFUSED] = on_refused, [EVENT_CLIENT_ENDED] = on_client_ended },
	[STANDING] = { [EVENT_CLOSE] = on_close, [EVENT_REFUSED] = on_refused, [EVENT_CLIENT_ENDED] = on_client_ended },
};

static void dispatch(struct warden *w, enum event event)
{
	handler *handle = endings[event] ? endings[event] : table[w->state][event];

	(handle ? handle : surprise)(w);
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

/* Which records each of them may send. */
static const struct {
	enum watched channel;
	enum verb verb;
	enum event event;
} spoken[] = {
	{ ON_STORER, VERB_RENEWAL, EVENT_SURVEY }, { ON_STORER, VERB_STORED, EVENT_STORED },
	{ ON_CLIENT, VERB_OPEN, EVENT_OPEN },	   { ON_CLIENT, VERB_CLOSE, EVENT_CLOSE },
	{ ON_RESPONDER, VERB_READY, EVENT_READY }, { ON_GATE, VERB_PREPARED, EVENT_PREPARED },
	{ ON_GATE, VERB_OPENED, EVENT_OPENED },	   { ON_GATE, VERB_FAULT, EVENT_REFUSED },
	{ ON_GATE, VERB_OVERTIME, EVENT_REFUSED },
};

static const char *name_of(enum watched channel)
{
	return channel == ON_STORER ? "storer" : channel == ON_CLIENT ? "client" : channel == ON_RESPONDER ? "responder" : "gate";
}

/* The end of a channel says no more than the end of its process, which comes with it: unless somebody only closed it. */
static void hang_up(struct warden *w, enum watched channel)
{
	if (channel == ON_GATE) { /* its channel is gate_end()'s */
		w->fd[ON_GATE] = -1;
		dispatch(w, EVENT_GATE_ENDED);
		return;
	}
	close_fd(&w->fd[channel]);
	if (ends_soon(w, (enum watched)(channel + (STORER_PID - ON_STORER))))
		return;
	fault_set(&w->fault, FAULT_FAILED, "the %s has closed its channel but runs on", w->speaker);
	dispatch(w, EVENT_NONSENSE);
}

/* false: the channel has ended, or makes no sense. */
static bool take_record(struct warden *w, enum watched channel)
{
	int rc = channel == ON_GATE ? wire_receive_with(w->fd[ON_GATE], &w->record, w->listeners, &w->fault) :
				      wire_receive(w->fd[channel], &w->record, &w->fault);

	w->speaker = name_of(channel);
	if (rc == 0) {
		hang_up(w, channel);
		return false;
	}
	for (size_t i = 0; rc > 0 && i < LENGTH_OF(spoken); i++)
		if (spoken[i].channel == channel && spoken[i].verb == (enum verb)w->record.verb) {
			dispatch(w, spoken[i].event);
			return true;
		}
	if (rc > 0)
		fault_set(&w->fault, FAULT_FAILED, "the %s sent %s, which is not its to send", w->speaker,
			  verb_name((enum verb)w->record.verb));
	else
		(void)!fault_at(&w->fault, "the %s sent nonsense", w->speaker);
	dispatch(w, EVENT_NONSENSE);
	return false;
}

/* Sockets that nobody has taken. */
static void drop_listeners(struct warden *w)
{
	close_fd(&w->listeners[0]);
	close_fd(&w->listeners[1]);
}

static void look_at(struct warden *w, enum watched which)
{
	static const enum event events[WATCHED] = {
		[ON_SIGNAL] = EVENT_SIGNAL,	   [ON_DEADLINE] = EVENT_DEADLINE,    [SIGNER_PID] = EVENT_SIGNER_ENDED,
		[STORER_PID] = EVENT_STORER_ENDED, [CLIENT_PID] = EVENT_CLIENT_ENDED, [RESPONDER_PID] = EVENT_RESPONDER_ENDED,
	};

	if (which == ON_GATE || which == ON_STORER || which == ON_CLIENT || which == ON_RESPONDER)
		(void)take_record(w, which);
	else
		dispatch(w, events[which]);
	drop_listeners(w);
}

static void loop(struct warden *w)
{
	while (w->state != CLOSING) {
		struct pollfd list[WATCHED];

		for (int i = 0; i < WATCHED; i++)
			list[i] = (struct pollfd){ .fd = w->fd[i], .events = POLLIN };
		if (poll(list, WATCHED, -1) < 0) {
			if (errno == EINTR)
				continue;
			fault_errno(&w->fault, FAULT_FAILED, "waiting");
			give_up(w);
			return;
		}
		/*
		 * One event a round: each may change what there is to wait for. Signals, the deadline and the gate come first.
		 */
		for (int i = 0; i < WATCHED; i++)
			if (list[i].revents) {
				look_at(w, (enum watched)i);
				break;
			}
	}
}

/* --- beginning and end -------------------------------------------------------------------------------------------- */

/* CLOCK_BOOTTIME goes on while the machine sleeps. */
static int make_timer(struct warden *w)
{
	const struct itimerspec run = { .it_value.tv_sec = RUN_SECONDS };

	w->fd[ON_DEADLINE] = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
	if (w->fd[ON_DEADLINE] < 0)
		return -1;
	return timerfd_settime(w->fd[ON_DEADLINE], 0, &run, NULL);
}

/* The storer first: it has more to do before they talk. */
static int start_store(struct warden *w, int channel)
{
	int pair[2], rc;

	if (wire_pair(pair, &w->fault) < 0)
		return -1;
	rc = start_storer(w, channel, pair[0]);
	if (rc == 0)
		rc = start_signer(w, pair[1]);
	close(pair[0]);
	close(pair[1]);
	return rc;
}

static int begin(struct warden *w)
{
	int channel[2], pair[2];
	sigset_t signals;
	int rc;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return fault_errno(&w->fault, FAULT_FAILED, "blocking signals");
	w->fd[ON_SIGNAL] = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->fd[ON_SIGNAL] < 0 || make_timer(w) < 0)
		return fault_errno(&w->fault, FAULT_LATER, "preparing to wait");
	if (wire_pair(pair, &w->fault) < 0)
		return -1;
	w->client_ends[0] = pair[0];
	w->signer_end = pair[1];
	if (make_channel(channel, &w->fault) < 0)
		return -1;
	w->fd[ON_STORER] = channel[0];
	rc = start_store(w, channel[1]);
	close(channel[1]);
	return rc;
}

static void run_deploy_hooks(struct warden *w)
{
	static struct deployed deployed;

	for (uint32_t i = 0; i < w->config->certificates; i++) {
		bool all = w->deploy[i] && deploy_run(w->config, &w->config->certificate[i], &deployed);

		if (w->deploy[i] && !all)
			w->status = STATUS_FAILED;
		if (!w->deploy[i] || (!all && !deployed.length))
			continue;
		if (w->fd[ON_STORER] < 0 || send(w, ON_STORER, VERB_DEPLOYED, i, deployed.text, all ? 0 : deployed.length) < 0)
			log_warning("certificate %s: its hooks will run once more: the storer is gone",
				    w->config->certificate[i].name);
	}
}

/* The storer ends when its channel does; one that does not is killed. */
static void end_storer(struct warden *w)
{
	struct pollfd ended = { .fd = w->fd[STORER_PID], .events = POLLIN };
	int status;

	close_fd(&w->fd[ON_STORER]);
	if (w->fd[STORER_PID] < 0)
		return;
	status = spawn_reap(&w->fd[STORER_PID], poll(&ended, 1, STORER_SECONDS * 1000) <= 0);
	if (status > 128)
		give_up_of(w, "storer", status);
	else if (status != STATUS_DONE && w->status == STATUS_DONE)
		w->status = STATUS_FAILED; /* a certificate could not be looked at: it has said which */
}

static void end(struct warden *w)
{
	struct closed closed;

	(void)shut(w, &closed);
	tidy(w);
	spawn_reap(&w->fd[CLIENT_PID], true);
	spawn_reap(&w->fd[SIGNER_PID], true); /* so that the storer waits for nobody */
	run_deploy_hooks(w);
	end_storer(w);
	w->fd[ON_GATE] = -1;
	for (int i = 0; i < WATCHED; i++)
		close_fd(&w->fd[i]);
	close_fd(&w->client_ends[0]);
	close_fd(&w->client_ends[1]);
	close_fd(&w->signer_end);
	close_fd(&w->responder_end);
}

int warden_run(const struct config *config, struct errand *errand, struct gate *gate, const int tokens[2], int state_fd)
{
	static struct warden w;

	w = (struct warden){ .config = config,
			     .errand = errand,
			     .gate = gate,
			     .state_fd = state_fd,
			     .listeners = { -1, -1 },
			     .client_ends = { -1, tokens[0] },
			     .signer_end = -1,
			     .responder_end = tokens[1],
			     .speaker = "child" };
	for (int i = 0; i < WATCHED; i++)
		w.fd[i] = -1;
	w.fd[ON_GATE] = gate->channel;
	if (begin(&w) < 0)
		give_up(&w);
	loop(&w);
	end(&w);
	return w.status;
}
