// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

#include <stdio.h>
#include <string.h>

#include "base/cas.h"
#include "base/log.h"
#include "command/errand.h"
#include "host/stage.h"
#include "warden/values.h"

/* The CA that a certificate prefers: it is rehearsed at the staging of that one. */
static const struct ca *preferred(const struct config *config, uint32_t certificate)
{
	return &config->ca[config->certificate[certificate].ca[0]];
}

/* The configuration of the rehearsal: no hook runs, and no root is known that has signed what comes. */
static void cast(struct config *staged, const struct errand *errand)
{
	uint32_t first = 0;

	for (uint32_t i = 0; i < staged->cas; i++) {
		struct ca *ca = &staged->ca[i];
		const char *staging = config_staging(ca);

		snprintf(ca->directory, sizeof(ca->directory), "%s", staging ? staging : "");
		memcpy(ca->staging, ca->directory, sizeof(ca->staging));
		memset(ca->trust_file, 0, sizeof(ca->trust_file));
		memset(ca->chain, 0, sizeof(ca->chain));
	}
	for (uint32_t i = 0; i < staged->certificates; i++) {
		memset(staged->certificate[i].own_chain, 0, sizeof(staged->certificate[i].own_chain));
		staged->certificate[i].cas = 1;
		staged->certificate[i].hooks = 0;
		staged->certificate[i].reuse = 0; /* what a rehearsal makes is not kept */
	}
	while (first < staged->certificates && !errand->named[first])
		first++;
	cas_turn_to(staged, staged->certificate[first].ca[0]);
}

/* The CA of a certificate to be rehearsed whose staging is not known, or NULL. */
static const struct ca *find_missing(const struct config *config, const struct errand *errand)
{
	for (uint32_t i = 0; i < config->certificates; i++)
		if (errand->named[i] && !config_staging(preferred(config, i)))
			return preferred(config, i);
	return NULL;
}

static void say_deployment(const struct config *config, const struct errand *errand)
{
	for (uint32_t i = 0; i < config->certificates; i++) {
		const struct certificate *certificate = &config->certificate[i];

		if (!errand->stored[i])
			continue;
		log_notice("rehearsal: certificate %s would be stored in %s/certificates/%s/live%s", certificate->name,
			   config->gate.state, certificate->name, certificate->hooks ? "" : "; no deploy hook would run");
		for (uint32_t j = 0; j < certificate->hooks; j++)
			log_notice("rehearsal: certificate %s: this would run then: %s", certificate->name,
				   config->hook[certificate->first_hook + j]);
	}
}

/* Has the ruleset changed since that reading? */
static void say_ruleset(struct gate *gate, const struct reading *before)
{
	static const struct reading nothing;
	struct reading after;
	struct fault fault;

	if (gate_read(gate, &after, &fault) < 0)
		log_warning("rehearsal: the ruleset could not be compared with what it was before: %s", fault.text);
	else if (!memcmp(before, &nothing, sizeof(nothing)))
		log_notice("rehearsal: what [gate] command opened and closed cannot be read, and so not compared");
	else if (!memcmp(before, &after, sizeof(after)))
		log_notice("rehearsal: the ruleset is byte for byte what it was before");
	else
		log_warning("rehearsal: no rule of acmegate is left in the ruleset, but another program has changed it meanwhile");
}

static int perform(struct host *host, struct errand *errand, struct config *staged, int stage)
{
	struct reading before;
	struct fault fault;
	int status;

	if (gate_read(&host->gate, &before, &fault) < 0) {
		log_error("%s", fault.text);
		return fault_status(&fault);
	}
	log_notice("rehearsal: asking %s; nothing in %s is replaced, no deploy hook runs", staged->acme.directory,
		   host->config->gate.state);
	status = errand_do(errand, staged, stage, host);
	if (status == STATUS_DONE && !errand->windows)
		log_notice("rehearsal: the port was not opened, since this CA remembers that it has validated these names");
	say_deployment(host->config, errand);
	say_ruleset(&host->gate, &before);
	return status;
}

int rehearse_run(struct host *host, const struct call *call)
{
	static struct config staged;
	struct errand errand = { .only_due = false, .rehearsal = true };
	const struct ca *missing;
	struct fault fault;
	OWN_FD int stage = -1;
	int status;

	if (errand_choose(&errand, host->config, call) < 0)
		return STATUS_USAGE;
	missing = find_missing(host->config, &errand);
	if (missing) {
		log_error("%s: a rehearsal needs staging = URL in [%s%s], the directory for tests of the CA at %s; that of Let's Encrypt "
			  "alone is known without",
			  host->config->file, CA_SECTION(missing), missing->directory);
		return STATUS_USAGE;
	}
	values_sweep(host->config, host->state_fd);
	stage = stage_set(host->config, host->state_fd, &staged, &fault);
	if (stage < 0) {
		log_error("%s", fault.text);
		return fault_status(&fault);
	}
	cast(&staged, &errand);
	status = perform(host, &errand, &staged, stage);
	stage_strike(stage);
	return status;
}
