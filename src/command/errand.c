// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/errand.h"

#include <string.h>
#include <sys/resource.h>

#include "base/cas.h"
#include "base/log.h"
#include "say/progress.h"
#include "host/tokens.h"

#define LEAST_FILES 64 /* descriptors */
#define LEAST_BYTES (1024 * 1024)

/* Asked before the CA is: a run that cannot store its certificate is in vain. */
static bool has_room(void)
{
	struct rlimit files = { 0 }, bytes = { 0 };

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || getrlimit(RLIMIT_FSIZE, &bytes) < 0 ||
	    (files.rlim_cur >= LEAST_FILES && bytes.rlim_cur >= LEAST_BYTES))
		return true;
	log_error("acmegate may open %llu files, of %llu bytes each, and a renewal needs %d files of %d bytes: raise the limits (ulimit "
		  "-n and -f, or LimitNOFILE= and LimitFSIZE= of a unit)",
		  (unsigned long long)files.rlim_cur, (unsigned long long)bytes.rlim_cur, LEAST_FILES, LEAST_BYTES);
	return false;
}

/* Turns to a CA that has something to do. Each has one turn in a run. */
static bool turn(struct config *config, struct errand *errand, bool had[MAX_CAS])
{
	had[config->turn] = true;
	for (uint32_t i = 0; i < config->cas; i++) {
		if (!errand->waits[i] || had[i])
			continue;
		errand->waits[i] = false;
		cas_turn_to(config, i);
		return true;
	}
	return false;
}

/* CA after CA: processes that have to do with one of them know nothing of the others. And what the storers could not take away. */
int errand_do(struct errand *errand, struct config *config, int store_fd, struct host *host)
{
	int status = STATUS_DONE, part = 0;
	bool had[MAX_CAS] = { false };
	struct fault fault;

	if (!has_room())
		return STATUS_USAGE;
	if (host_wait(host, host_lock_store, &fault) < 0) {
		log_error("%s", fault.text);
		return fault_status(&fault);
	}
	errand->host_state = host->state_fd;
	do {
		const int its = renewal_run(config, errand, &host->gate, host->tokens[part++], store_fd);

		status = status == STATUS_DONE ? its : status;
	} while (!errand->stopped && turn(config, errand, had));
	progress_end();
	tokens_sweep(host->config, host->state_fd);
	return status;
}

int errand_choose(struct errand *errand, const struct config *config, const struct call *call)
{
	memset(errand->named, call->words == 0, sizeof(errand->named));
	for (int i = 0; i < call->words; i++) {
		int index = config_find(config, call->word[i]);

		if (index < 0) {
			log_error("there is no [certificate %s] in %s that can be used", call->word[i], config->file);
			return -1;
		}
		errand->named[index] = true;
	}
	return 0;
}
