/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view.h - becoming acmegate-view, which alone looks into the ledgers. */
#ifndef ACMEGATE_PUBLISH_VIEW_H
#define ACMEGATE_PUBLISH_VIEW_H

#include <stdbool.h>

#include "base/config.h"

struct show {
	const char *file;   /* the configuration, which is read anew */
	const char *form;   /* "table", "metrics" ... */
	char *const *names; /* of certificates */
	int count;
	bool ledgers_alone;					   /* whatever is wrong with the configuration */
	void (*say)(const struct mistakes *mistakes, bool matter); /* NULL: nothing is logged */
};

/* For a process that has no other task: gives all rights up, and writes to standard output. Comes back with a fault only. */
void view_become(const struct show *show, struct fault *fault);

#endif
