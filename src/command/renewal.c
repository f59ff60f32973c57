// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/renewal.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/sandbox.h"
#include "base/launch.h"
#include "command/children.h"
#include "command/crew.h"
#include "command/deploy.h"
#include "command/entry.h"
#include "command/progress.h"
#include "command/supervise.h"
#include "command/values.h"

#define RUN_SECONDS 1800 /* for all of a run; nothing adds to it */

struct run {
	struct supervisor s;
	const struct config *config;
	struct errand *errand;
	struct crew crew;
	uint32_t surveyed;
	uint32_t stored;
	uint32_t validated; /* names in this window, and one more: the client tells no fewer */
	int64_t next;	    /* when the first of them will be due */
	struct work work;   /* for the client */
	bool deploy[MAX_CERTIFICATES];
};

static struct run *run_of(struct supervisor *s)
{
	return (void *)s;
}

static int send(struct supervisor *s, int channel, enum verb verb, uint32_t index, const void *data, size_t length)
{
	return wire_send(s->fd[channel], verb, index, data, length, &s->fault);
}

/* Another part of the run follows. */
static bool anything_waits(const struct run *run)
{
	return memchr(run->errand->waits, true, sizeof(run->errand->waits));
}

static uint32_t count_wanted(const struct run *run)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < run->config->certificates; i++)
		n += run->work.wanted[i] == WORK_OBTAIN;
	return n;
}

/* --- the window --------------------------------------------------------------------------------------------------- */

/* Work that can wait until the client has its answer. */
static void tidy(struct supervisor *s)
{
	launch_reap(&s->fd[RESPONDER_PID], true);
	close_fd(&s->fd[ON_RESPONDER]);
	supervise_clear(s);
}

static void give_up(struct supervisor *s)
{
	struct fault ignored;

	if (s->state != STANDING) /* the client waits for its window */
		(void)!wire_send(s->fd[ON_CLIENT], VERB_REFUSED, 0, s->fault.text, strlen(s->fault.text), &ignored);
	supervise_give_up(s);
}

static void on_ready(struct supervisor *s)
{
	if (supervise_let_in(s) < 0)
		give_up(s);
}

static void on_opened(struct supervisor *s)
{
	s->state = STANDING;
	run_of(s)->validated = 0;
	progress_open(s->gate->port, s->gate->seconds);
	if (send(s, ON_CLIENT, VERB_OPENED, 0, NULL, 0) < 0)
		supervise_give_up(s);
}

/* The listening sockets live in the responder only: they end with it, and with them what the rule matches. */
static void on_prepared(struct supervisor *s)
{
	const struct run *run = run_of(s);

	s->state = LISTENING;
	if (run->config->responder.mode == RESPONDER_WEBROOT) /* the host's web server answers */
		on_ready(s);
	else if (crew_start_responder(&run->crew, s->passed, &s->fd[RESPONDER_PID], &s->fd[ON_RESPONDER], &s->fault) < 0)
		give_up(s);
}

static void on_overtime(struct supervisor *s)
{
	fault_set(&s->fault, FAULT_LATER, "the validation did not end in the time that [gate] max_open allows");
	give_up(s);
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

static void on_open(struct supervisor *s)
{
	struct run *run = run_of(s);
	/* A hook has the rights that its administrator wants, and another part of the run opens files. */
	const bool confined = !run->config->hooks && !anything_waits(run);

	run->errand->windows++;
	note_asker(run);
	progress_step(PROGRESS_OPENING, 0, 0);
	if (supervise_prepare(s, (const void *)s->record.data) < 0 || (confined && sandbox_warden(&s->fault) < 0))
		give_up(s);
}

/* Forwards only: it cannot keep this process busy. */
static void on_validated(struct supervisor *s)
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

static void on_close(struct supervisor *s)
{
	const struct run *run = run_of(s);
	struct closed closed = { 0 };

	s->state = WORKING;
	if (!supervise_shut(s, false, &closed))
		s->state = CLOSING;
	else if (send(s, ON_CLIENT, VERB_CLOSED, 0, &closed, sizeof(closed)) < 0)
		supervise_give_up(s);
	progress_shut();
	progress_step(PROGRESS_ISSUING, run->stored, count_wanted(run));
	tidy(s);
}

/* --- the work ----------------------------------------------------------------------------------------------------- */

static bool needs_dns(const struct run *run)
{
	for (uint32_t i = 0; i < run->config->certificates; i++)
		if (run->work.wanted[i] != WORK_NONE && config_answers(&run->config->certificate[i], CHALLENGE_DNS))
			return true;
	return false;
}

/* Without acmegate-dns the client goes on: other certificates may not need it. */
static int start_client(struct supervisor *s)
{
	struct run *run = run_of(s);
	OWN_FD int dns = -1;

	progress_step(PROGRESS_ORDERING, 0, count_wanted(run));
	if (needs_dns(run) && values_start(run->config, run->errand->host_state, &s->fd[DNS_PID], &dns, &s->fault) < 0)
		log_error("%s", s->fault.text);
	if (crew_start_client(&run->crew, &s->fd[CLIENT_PID], &s->fd[ON_CLIENT], &s->fault) < 0)
		return -1;
	return wire_send_with(s->fd[ON_CLIENT], VERB_WORK, 0, &run->work, sizeof(run->work), (const int[2]){ dns, -1 }, &s->fault);
}

static bool anything_wanted(const struct run *run)
{
	for (uint32_t i = 0; i < run->config->certificates; i++)
		if (run->work.wanted[i] != WORK_NONE)
			return true;
	return false;
}

/* true: the CA would refuse it, which the operator has to wait for too. */
static bool is_limited(const struct run *run, const char *name, const struct renewal *renewal)
{
	time_t seconds = (time_t)renewal->limited;
	char until[32] = "";
	struct tm parts;

	if (!renewal->limited || run->errand->only_due)
		return false;
	if (gmtime_r(&seconds, &parts))
		(void)strftime(until, sizeof(until), "%Y-%m-%d %H:%M UTC", &parts);
	entry_log(LOG_LEVEL_WARNING, &(struct entry){ .occasion = OCCASION_CERTIFICATE_WAITS, .certificate = name },
		  "certificate %s: not tried before %s, because validations of one of its names have failed five times in an hour, and the "
		  "CA refuses more",
		  name, until);
	return true;
}

/* A certificate that this part of the run is about. */
static void take_on(struct run *run, uint32_t i, enum work_kind kind, const struct renewal *renewal)
{
	const char *name = run->config->certificate[i].name;

	run->deploy[i] = renewal->deploy;
	run->errand->backs_off |= renewal->backs_off;
	if (is_limited(run, name, renewal)) {
		run->errand->backs_off = true;
		return;
	}
	run->work.wanted[i] = (uint8_t)kind;
	run->s.gate->traced |= renewal->unproved;
	if (kind == WORK_OBTAIN)
		entry_log(LOG_LEVEL_NOTICE, &(struct entry){ .occasion = OCCASION_CERTIFICATE_DUE, .certificate = name },
			  "certificate %s: %s", name, renewal->reason);
	else if (renewal->backs_off)
		entry_log(LOG_LEVEL_WARNING, &(struct entry){ .occasion = OCCASION_CERTIFICATE_WAITS, .certificate = name },
			  "certificate %s: %s", name, renewal->reason);
	else
		log_idle("certificate %s: %s", name, renewal->reason);
}

static void note_survey(struct run *run, uint32_t i, const struct renewal *renewal)
{
	struct errand *errand = run->errand;
	const bool obtain = renewal->due || !errand->only_due;
	const enum work_kind kind = obtain ? WORK_OBTAIN : renewal->ask ? WORK_ASK : WORK_NONE;
	const uint32_t ca = obtain ? renewal->ca : renewal->asked_ca;

	if (errand->named[i] && kind != WORK_NONE && ca != run->config->turn) {
		errand->waits[ca % MAX_CAS] = true;
	} else if (errand->named[i]) {
		errand->named[i] = false;
		take_on(run, i, kind, renewal);
	}
	if (i == 0 || renewal->from < run->next) /* 0, the least of all: it could not be looked at */
		run->next = renewal->from;
	run->surveyed++;
}

static void say_idle(struct supervisor *s)
{
	const struct run *run = run_of(s);

	if (anything_waits(run))
		return;
	if (run->errand->backs_off && s->status == STATUS_DONE)
		s->status = STATUS_LATER;
	if (!run->errand->backs_off)
		log_idle("nothing is due");
}

static void stop_idle(struct supervisor *s)
{
	const struct run *run = run_of(s);

	say_idle(s);
	run->errand->next = anything_waits(run) ? 0 : run->next;
	supervise_close(s);
}

static void on_survey(struct supervisor *s)
{
	struct run *run = run_of(s);
	uint32_t i = s->record.index;

	if (i != run->surveyed || i >= run->config->certificates) {
		supervise_give_up_because(s, FAULT_FAILED, "the storer told of certificates in the wrong order");
		return;
	}
	note_survey(run, i, (const void *)s->record.data);
	progress_step(PROGRESS_LOOKING, run->surveyed, run->config->certificates);
	if (run->surveyed < run->config->certificates)
		return;
	if (!anything_wanted(run)) {
		stop_idle(s);
		return;
	}
	s->state = NOTING;
	if (send(s, ON_STORER, VERB_ATTEMPT, 0, &run->work, sizeof(run->work)) < 0)
		supervise_give_up(s);
}

/* Only now may the CA be asked: a run that is killed from here on is known to have tried. */
static void on_attempted(struct supervisor *s)
{
	struct run *run = run_of(s);
	const struct work *noted = (const void *)s->record.data;

	for (uint32_t i = 0; i < run->config->certificates; i++)
		if (run->work.wanted[i] == WORK_OBTAIN && noted->wanted[i] != WORK_OBTAIN)
			run->work.wanted[i] = WORK_NONE;
	s->state = WORKING;
	if (!anything_wanted(run))
		supervise_close(s); /* the storer has said why, and ends with a status that does */
	else if (start_client(s) < 0)
		supervise_give_up(s);
}

static void on_stored(struct supervisor *s)
{
	struct run *run = run_of(s);
	const struct certificate *certificate = &run->config->certificate[s->record.index];
	uint32_t i = s->record.index;

	if (i >= run->config->certificates || run->work.wanted[i] == WORK_NONE || run->errand->stored[i]) {
		supervise_give_up_because(s, FAULT_FAILED, "the storer stored a certificate that was not to be stored, or twice");
		return;
	}
	run->errand->stored[i] = true;
	progress_step(PROGRESS_ISSUING, ++run->stored, count_wanted(run));
	if (run->errand->rehearsal)
		log_notice("certificate %s: the CA for rehearsals has issued it", certificate->name);
	else
		entry_log(LOG_LEVEL_NOTICE,
			  &(struct entry){ .occasion = OCCASION_CERTIFICATE_STORED, .certificate = certificate->name },
			  "certificate %s is stored in %s/certificates/%s/live", certificate->name, run->config->gate.state,
			  certificate->name);
	run->deploy[i] = certificate->hooks > 0;
}

/* --- ends --------------------------------------------------------------------------------------------------------- */

/* The CA was only asked when to renew, and nothing came of it. */
static bool only_asked(const struct run *run)
{
	for (uint32_t i = 0; i < run->config->certificates; i++)
		if (run->work.wanted[i] == WORK_OBTAIN || run->errand->stored[i])
			return false;
	return true;
}

/* Records of the storer from before the client's end still count: at most one for each certificate. */
static void on_client_ended(struct supervisor *s)
{
	const struct run *run = run_of(s);
	struct pollfd storer = { .fd = s->fd[ON_STORER], .events = POLLIN };
	int status;

	for (uint32_t i = 0; i < run->config->certificates; i++)
		if (poll(&storer, 1, 0) <= 0 || !(storer.revents & POLLIN) || !supervise_take(s, ON_STORER))
			break;
	status = launch_reap(&s->fd[CLIENT_PID], false);
	close_fd(&s->fd[ON_CLIENT]);
	if (status != STATUS_DONE && status != STATUS_FAILED && status != STATUS_USAGE && status != STATUS_LATER)
		children_failed(s, "client", status); /* it has not said why */
	else if (status != STATUS_DONE && s->status == STATUS_DONE)
		s->status = status;
	else if (status == STATUS_DONE && only_asked(run))
		say_idle(s);
	if (!s->prepared && (status == STATUS_LATER || status == STATUS_FAILED || (status != STATUS_DONE && run->errand->windows)))
		gate_explain(s->gate);
	s->state = CLOSING;
}

/* It ends well when the client's end of their channel does, and may be seen to end before the client. */
static void on_responder_ended(struct supervisor *s)
{
	int status = launch_reap(&s->fd[RESPONDER_PID], false);

	if (status == STATUS_DONE && supervise_ends_soon(s, CLIENT_PID))
		on_client_ended(s);
	else
		children_failed(s, "responder", status);
}

/* The client notices by its channel, and names that need no value go on. */
static void on_dns_ended(struct supervisor *s)
{
	values_end(&s->fd[DNS_PID]);
}

static void on_deadline(struct supervisor *s)
{
	fault_set(&s->fault, FAULT_LATER, "the run did not end within %d minutes", RUN_SECONDS / 60);
	supervise_give_up(s);
}

static const struct job for_renewal = {
	.watch = {
		[ON_STORER - ON_OWN] = { EVENT_STORER_ENDED, "storer", STORER_PID },
		[ON_CLIENT - ON_OWN] = { EVENT_CLIENT_ENDED, "client", CLIENT_PID },
		[ON_RESPONDER - ON_OWN] = { EVENT_RESPONDER_ENDED, "responder", RESPONDER_PID },
		[SIGNER_PID - ON_OWN] = { EVENT_SIGNER_ENDED, NULL, 0 },
		[STORER_PID - ON_OWN] = { EVENT_STORER_ENDED, NULL, 0 },
		[CLIENT_PID - ON_OWN] = { EVENT_CLIENT_ENDED, NULL, 0 },
		[RESPONDER_PID - ON_OWN] = { EVENT_RESPONDER_ENDED, NULL, 0 },
		[DNS_PID - ON_OWN] = { EVENT_DNS_ENDED, NULL, 0 },
	},
	.heard = {
		{ ON_STORER, VERB_RENEWAL, EVENT_SURVEY },
		{ ON_STORER, VERB_ATTEMPTED, EVENT_ATTEMPTED },
		{ ON_STORER, VERB_STORED, EVENT_STORED },
		{ ON_CLIENT, VERB_OPEN, EVENT_OPEN },
		{ ON_CLIENT, VERB_CLOSE, EVENT_CLOSE },
		{ ON_CLIENT, VERB_VALIDATED, EVENT_VALIDATED },
		{ ON_RESPONDER, VERB_READY, EVENT_READY },
	},
	.always = {
		[EVENT_REFUSED] = give_up,
		[EVENT_OVERTIME] = on_overtime,
		[EVENT_CLIENT_ENDED] = on_client_ended,
		[EVENT_SIGNER_ENDED] = children_on_signer_ended,
		[EVENT_STORER_ENDED] = children_on_storer_ended,
		[EVENT_RESPONDER_ENDED] = on_responder_ended,
		[EVENT_DNS_ENDED] = on_dns_ended,
		[EVENT_DEADLINE] = on_deadline,
	},
	.table = {
		[SURVEYING] = { [EVENT_SURVEY] = on_survey },
		[NOTING] = { [EVENT_ATTEMPTED] = on_attempted },
		[WORKING] = { [EVENT_OPEN] = on_open, [EVENT_VALIDATED] = on_validated, [EVENT_STORED] = on_stored },
		[PREPARING] = { [EVENT_PREPARED] = on_prepared },
		[LISTENING] = { [EVENT_READY] = on_ready },
		[OPENING] = { [EVENT_OPENED] = on_opened },
		[STANDING] = { [EVENT_CLOSE] = on_close, [EVENT_VALIDATED] = on_validated },
	},
};

/* --- beginning and end -------------------------------------------------------------------------------------------- */

/* Of the whole run. */
static int seconds_left(struct errand *errand)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	if (!errand->end)
		errand->end = now.tv_sec + RUN_SECONDS;
	return errand->end > now.tv_sec ? (int)(errand->end - now.tv_sec) : 1;
}

static int begin(struct run *run, struct gate *gate)
{
	struct supervisor *s = &run->s;

	if (supervise_begin(s, &for_renewal, gate, (const int[]){ SIGINT, SIGTERM, SIGHUP, 0 }) < 0 ||
	    supervise_limit(s, seconds_left(run->errand)) < 0)
		return -1;
	return crew_start_store(&run->crew, &s->fd[STORER_PID], &s->fd[SIGNER_PID], &s->fd[ON_STORER], &s->fault);
}

static void run_deploy_hooks(struct run *run)
{
	static struct deployed deployed;
	struct supervisor *s = &run->s;

	for (uint32_t i = 0; i < run->config->certificates; i++) {
		const struct certificate *certificate = &run->config->certificate[i];
		bool all;

		if (!run->deploy[i])
			continue;
		progress_step(PROGRESS_DEPLOYING, 0, 0);
		all = deploy_run(run->config, certificate, &deployed);
		if (!all)
			s->status = STATUS_FAILED;
		if (!all && !deployed.length)
			continue;
		if (s->fd[ON_STORER] < 0 || send(s, ON_STORER, VERB_DEPLOYED, i, deployed.text, all ? 0 : deployed.length) < 0)
			log_warning("certificate %s: its hooks will run once more: the storer is gone", certificate->name);
	}
}

/* For the journal; to people the client has said why. */
static void note_failures(const struct run *run)
{
	for (uint32_t i = 0; i < run->config->certificates && !run->errand->rehearsal; i++)
		if (run->work.wanted[i] == WORK_OBTAIN && !run->errand->stored[i])
			entry_note(LOG_LEVEL_ERROR,
				   &(struct entry){ .occasion = OCCASION_CERTIFICATE_FAILED,
						    .certificate = run->config->certificate[i].name },
				   "certificate %s was not obtained", run->config->certificate[i].name);
}

static void end(struct run *run)
{
	struct supervisor *s = &run->s;
	struct closed closed;

	run->errand->stopped = !supervise_shut(s, false, &closed);
	progress_shut();
	tidy(s);
	launch_reap(&s->fd[CLIENT_PID], true);
	values_end(&s->fd[DNS_PID]);
	launch_reap(&s->fd[SIGNER_PID], true); /* so that the storer waits for nobody */
	note_failures(run);
	run_deploy_hooks(run);
	children_end_storer(s);
	close_fd(&s->fd[ON_CLIENT]);
	supervise_finish(s);
	crew_leave(&run->crew);
}

/* The port is closed, and what happened concerns the CA at hand alone. */
static bool ended_well(const struct supervisor *s)
{
	return !s->gate->died && !s->gate->overtime &&
	       (s->event == EVENT_CLIENT_ENDED || s->event == EVENT_RESPONDER_ENDED || s->event == EVENT_SURVEY ||
		s->event == EVENT_ATTEMPTED);
}

int renewal_run(const struct config *config, struct errand *errand, struct gate *gate, const int tokens[2], int state_fd)
{
	static struct run run;

	gate->traced = false;
	run = (struct run){ .config = config, .errand = errand, .crew = CREW(config, state_fd, tokens) };
	if (begin(&run, gate) < 0)
		supervise_give_up(&run.s);
	supervise(&run.s);
	end(&run);
	errand->stopped |= !ended_well(&run.s);
	return run.s.status;
}
