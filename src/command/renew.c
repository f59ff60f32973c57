// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/command.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "command/due.h"
#include "base/log.h"
#include "command/tokens.h"
#include "command/renewal.h"

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

/* One run, and what its storer could not take away. */
static int obtain(struct host *host, struct errand *errand)
{
	int status;

	if (!has_room())
		return STATUS_USAGE;
	status = renewal_run(host->config, errand, &host->gate, host->tokens, host->state_fd);

	tokens_sweep(host->config, host->state_fd);
	return status;
}

int renew_run(struct host *host, const struct call *call)
{
	struct errand errand = { .only_due = true };
	struct due due;
	int status;

	(void)call;
	due_take_grounds(&due, host->config, host->state_fd);
	if (!log_is_verbose() && due_recall(&due, host->state_fd, time(NULL))) {
		log_idle("nothing is due, and nothing has changed since all certificates were looked at; acmegate -v renew does so "
			 "in any case");
		return STATUS_DONE;
	}
	memset(errand.named, true, sizeof(errand.named));
	status = obtain(host, &errand);
	due.until = errand.next;
	if (status == STATUS_DONE && due.until) /* who owes a hook that failed is not done, and one that succeeded changes the grounds */
		due_note(&due, host->state_fd, time(NULL));
	return status;
}

int renew_now_run(struct host *host, const struct call *call)
{
	struct errand errand = { .only_due = false };

	memset(errand.named, call->words == 0, sizeof(errand.named));
	for (int i = 0; i < call->words; i++) {
		int index = config_find(host->config, call->word[i]);

		if (index < 0) {
			log_error("there is no [certificate %s] in %s that can be used", call->word[i], host->config->file);
			return STATUS_USAGE;
		}
		errand.named[index] = true;
	}
	return obtain(host, &errand);
}
