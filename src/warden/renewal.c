// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/renewal.h"

#include <poll.h>
#include <time.h>

#include "base/launch.h"
#include "base/log.h"
#include "warden/deploy.h"
#include "say/entry.h"
#include "say/progress.h"
#include "warden/run_window.h"
#include "warden/run_work.h"
#include "warden/values.h"

#define NOTING_SECONDS 10 /* for a client that has nothing else to do */
#define RUN_SECONDS 1800  /* for all of a run; nothing adds to it */

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
	status = children_reap_client(s);
	if (status == STATUS_DONE && only_asked(run))
		run_work_say_idle(s);
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
		CHILDREN_WATCHED,
		[ON_RESPONDER - ON_OWN] = { EVENT_RESPONDER_ENDED, "responder", RESPONDER_PID },
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
		[EVENT_REFUSED] = run_window_on_refused,
		[EVENT_OVERTIME] = run_window_on_overtime,
		[EVENT_CLIENT_ENDED] = on_client_ended,
		[EVENT_SIGNER_ENDED] = children_on_signer_ended,
		[EVENT_STORER_ENDED] = children_on_storer_ended,
		[EVENT_RESPONDER_ENDED] = on_responder_ended,
		[EVENT_DNS_ENDED] = on_dns_ended,
		[EVENT_DEADLINE] = on_deadline,
	},
	.table = {
		[SURVEYING] = { [EVENT_SURVEY] = run_work_on_survey },
		[NOTING] = { [EVENT_ATTEMPTED] = run_work_on_attempted },
		[WORKING] = { [EVENT_OPEN] = run_window_on_open, [EVENT_VALIDATED] = run_window_on_validated, [EVENT_STORED] = run_work_on_stored },
		[PREPARING] = { [EVENT_PREPARED] = run_window_on_prepared },
		[LISTENING] = { [EVENT_READY] = run_window_on_ready },
		[OPENING] = { [EVENT_OPENED] = run_window_on_opened },
		[STANDING] = { [EVENT_CLOSE] = run_window_on_close, [EVENT_VALIDATED] = run_window_on_validated },
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
		if (s->fd[ON_STORER] < 0 || run_send(s, ON_STORER, VERB_DEPLOYED, i, deployed.text, all ? 0 : deployed.length) < 0)
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

/* The port is closed. A client that heard the reason of a refusal has it written into the ledger, which takes it longer on a busy machine. */
static void let_client_note(const struct run *run)
{
	struct pollfd ended = { .fd = run->s.fd[CLIENT_PID], .events = POLLIN };

	if (run->refused && ended.fd >= 0)
		(void)!poll(&ended, 1, NOTING_SECONDS * 1000);
}

static void end(struct run *run)
{
	struct supervisor *s = &run->s;
	struct closed closed;

	run->errand->stopped = !supervise_shut(s, false, &closed);
	progress_shut();
	run_window_tidy(s);
	let_client_note(run);
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
	if (children_begin(&run.s, &for_renewal, gate, seconds_left(errand), &run.crew, true) < 0)
		supervise_give_up(&run.s);
	supervise(&run.s);
	end(&run);
	errand->stopped |= !ended_well(&run.s);
	return run.s.status;
}
