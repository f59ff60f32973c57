// SPDX-License-Identifier: GPL-3.0-or-later
/* persist.c - acmegate dns persist: the records of dns-persist-01, ready to paste, and whether they are there. */
#include "command/persist.h"

#include <string.h>

#include "base/cas.h"
#include "base/date.h"
#include "base/log.h"
#include "warden/dealing.h"
#include "command/errand.h"

/* A remark begins with ";", so that all of it may be pasted. */
static void print(void *context, const struct told_record *record)
{
	(void)context;
	printf("%s\n; %s%s\n", record->record, record->good ? "" : "not yet: ", record->text);
}

static bool is_of(const struct certificate *certificate, uint32_t ca)
{
	return memchr(certificate->ca, (int)ca, certificate->cas) != NULL;
}

bool persist_choose(const struct config *config, const bool *named, uint32_t ca, struct work *work)
{
	bool any = false;

	memset(work, 0, sizeof(*work));
	for (uint32_t i = 0; i < config->certificates; i++) {
		if (!named[i] || !is_of(&config->certificate[i], ca))
			continue;
		work->wanted[i] = WORK_ASK;
		any = true;
	}
	return any;
}

/* Without names on the command line: those that may use it. false: there is none. */
static bool choose(struct errand *errand, struct config *config, const struct call *call, int64_t until)
{
	bool any = false;

	for (uint32_t i = 0; i < config->certificates; i++) {
		errand->named[i] = errand->named[i] &&
				   (call->words > 0 || config_answers(&config->certificate[i], CHALLENGE_DNS_PERSIST));
		any |= errand->named[i];
		if (call->value[DNS_UNTIL])
			config->certificate[i].persist_until = until;
	}
	return any;
}

int persist_run(struct host *host, const struct call *call)
{
	const char *date = call->value[DNS_UNTIL];
	struct config *config = host->config;
	struct errand errand = { 0 };
	int status = STATUS_DONE;
	int64_t until = 0;

	if (date && date_read(date, &until) < 0) {
		log_error("--until %s: expected a date as in 2027-12-31", date);
		return STATUS_USAGE;
	}
	if (errand_choose(&errand, config, call) < 0)
		return STATUS_USAGE;
	if (!choose(&errand, config, call, until)) {
		log_notice("no certificate has challenge = dns-persist-01");
		return STATUS_DONE;
	}
	config->task.kind = TASK_PERSIST;
	for (uint32_t ca = 0; ca < config->cas; ca++) {
		struct work work;
		int rc;

		if (!persist_choose(config, errand.named, ca, &work))
			continue;
		cas_turn_to(config, ca);
		printf("; --- for the CA at %s\n", config->acme.directory);
		fflush(stdout);
		rc = dealing_look(config, host->state_fd, &work, print, NULL);
		status = status == STATUS_DONE ? rc : status;
	}
	return status;
}
