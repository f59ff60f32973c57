// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * gate [RUNS [BACKEND]] - prints the median cost of planning (before the window), opening and closing (around it) in
 * process, in milliseconds, in the ruleset of this namespace. The backend is nftables if none is named.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "window.h"

#define MOST 1001

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int measure(const struct backend *backend, struct ruleset *ruleset, double *plan, double *open, double *close,
		   struct fault *fault)
{
	static struct plan lines;
	struct opening opening;
	double first = monotonic_seconds(), start, middle;

	if (opening_make(&opening, 80, 60, fault) < 0 || backend->plan(ruleset, &opening, &lines, fault) < 0)
		return -1;
	start = monotonic_seconds();
	if (backend->open(ruleset, &opening, fault) < 0)
		return -1;
	middle = monotonic_seconds();
	if (backend->close(ruleset, opening.tag, fault) < 0)
		return -1;
	*plan = (start - first) * 1e3;
	*open = (middle - start) * 1e3;
	*close = (monotonic_seconds() - middle) * 1e3;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct config config; /* no backend that is measured here reads it */
	static double plan[MOST], open[MOST], close[MOST];
	int runs = argc > 1 ? atoi(argv[1]) : 101;
	const char *name = argc > 2 ? argv[2] : "nftables";
	const struct backend *backend = NULL;
	struct ruleset *ruleset = NULL;
	struct fault fault;

	for (int i = 0; backends[i]; i++)
		backend = strcmp(backends[i]->name, name) ? backend : backends[i];
	if (runs < 1 || runs > MOST || !backend)
		return STATUS_USAGE;
	if (backend->attach(&ruleset, &config, &fault) != 1) {
		fprintf(stderr, "no %s here\n", name);
		return STATUS_FAILED;
	}
	for (int i = 0; i < runs; i++)
		if (measure(backend, ruleset, &plan[i], &open[i], &close[i], &fault) < 0) {
			fprintf(stderr, "%s\n", fault.text);
			return STATUS_FAILED;
		}
	backend->detach(ruleset);
	qsort(plan, (size_t)runs, sizeof(plan[0]), by_size);
	qsort(open, (size_t)runs, sizeof(open[0]), by_size);
	qsort(close, (size_t)runs, sizeof(close[0]), by_size);
	printf("plan %.3f ms open %.3f ms close %.3f ms (medians of %d)\n", plan[runs / 2], open[runs / 2], close[runs / 2], runs);
	return STATUS_DONE;
}
