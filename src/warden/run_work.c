// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/run_work.h"

#include "base/log.h"
#include "base/moment.h"
#include "say/entry.h"
#include "say/progress.h"
#include "warden/values.h"

static bool needs_dns(const struct run *run)
{
	for (uint32_t i = 0; i < run->config->certificates; i++)
		if (run->work.wanted[i] != WORK_NONE && config_answers_by_dns(&run->config->certificate[i]))
			return true;
	return false;
}

/* Without acmegate-dns the client goes on: other certificates may not need it. */
static int start_client(struct supervisor *s)
{
	struct run *run = run_of(s);
	OWN_FD int dns = -1;

	progress_step(PROGRESS_ORDERING, 0, run_wanted(run));
	if (needs_dns(run) &&
	    values_start(run->config, run->work.wanted, run->errand->host_state, &s->fd[DNS_PID], &dns, &s->fault) < 0)
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
	if (!renewal->limited || run->errand->only_due)
		return false;
	entry_log(LOG_LEVEL_WARNING, &(struct entry){ .occasion = OCCASION_CERTIFICATE_WAITS, .certificate = name },
		  "certificate %s: not tried before %s, because validations of one of its names have failed five times in an hour, and the "
		  "CA refuses more",
		  name, moment_utc(renewal->limited).text);
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

void run_work_say_idle(struct supervisor *s)
{
	const struct run *run = run_of(s);

	if (run_waits(run))
		return;
	if (run->errand->backs_off && s->status == STATUS_DONE)
		s->status = STATUS_LATER;
	if (!run->errand->backs_off)
		log_idle("nothing is due");
}

static void stop_idle(struct supervisor *s)
{
	const struct run *run = run_of(s);

	run_work_say_idle(s);
	run->errand->next = run_waits(run) ? 0 : run->next;
	supervise_close(s);
}

void run_work_on_survey(struct supervisor *s)
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
	if (run_send(s, ON_STORER, VERB_ATTEMPT, 0, &run->work, sizeof(run->work)) < 0)
		supervise_give_up(s);
}

/* Only now may the CA be asked: a run that is killed from here on is known to have tried. */
void run_work_on_attempted(struct supervisor *s)
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

void run_work_on_stored(struct supervisor *s)
{
	struct run *run = run_of(s);
	const struct certificate *certificate = &run->config->certificate[s->record.index];
	uint32_t i = s->record.index;

	if (i >= run->config->certificates || run->work.wanted[i] == WORK_NONE || run->errand->stored[i]) {
		supervise_give_up_because(s, FAULT_FAILED, "the storer stored a certificate that was not to be stored, or twice");
		return;
	}
	run->errand->stored[i] = true;
	progress_step(PROGRESS_ISSUING, ++run->stored, run_wanted(run));
	if (run->errand->rehearsal)
		log_notice("certificate %s: the CA for rehearsals has issued it", certificate->name);
	else
		entry_log(LOG_LEVEL_NOTICE,
			  &(struct entry){ .occasion = OCCASION_CERTIFICATE_STORED, .certificate = certificate->name },
			  "certificate %s is stored in %s/certificates/%s/live", certificate->name, run->config->gate.state,
			  certificate->name);
	run->deploy[i] = certificate->hooks > 0;
}
