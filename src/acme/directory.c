// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/directory.h"

#include <string.h>

#define FETCH_MOST 150000 /* ms, with all retries */

struct fetch {
	struct fault fault;
	struct directory directory;
	int64_t date;
};

/* Without an answer the fault names the URL already. */
static int64_t fetched(struct acme_call *call, const struct exchange *exchange, const struct problem *problem,
		       const struct fault *fault)
{
	struct fetch *fetch = call->context;

	(void)problem;
	if (fault)
		fetch->fault = *fault;
	else if (codec_directory(exchange->data, exchange->used, &fetch->directory, &fetch->fault) < 0)
		fault_at(&fetch->fault, "%s", call->step);
	else
		fetch->date = exchange->date;
	if (fetch->fault.kind != FAULT_NONE && exchange)
		fault_at(&fetch->fault, "%s", call->url);
	return CALL_FINISHED;
}

int directory_fetch(struct acme *acme, const char *url, int64_t *date, struct fault *fault)
{
	struct fetch fetch = { .fault = { .kind = FAULT_NONE } };
	struct acme_call call = { .kind = CALL_PLAIN, .step = "directory", .url = url, .context = &fetch, .done = fetched };

	if (!url_is_valid(url, strnlen(url, URL_SIZE)))
		return fault_set(fault, FAULT_USAGE, "directory in the configuration is not an https URL: %s", url);
	if (acme_run(acme, &call, 1, FETCH_MOST, fault) < 0)
		return -1;
	if (fetch.fault.kind != FAULT_NONE) {
		*fault = fetch.fault;
		return -1;
	}
	acme_set_directory(acme, &fetch.directory);
	*date = fetch.date;
	return 0;
}
