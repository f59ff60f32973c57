/* SPDX-License-Identifier: GPL-3.0-or-later */
/* publication.h - [status] of the configuration: where the state of the certificates is told after each run. "" where it is not. */
#ifndef ACMEGATE_BASE_PUBLICATION_H
#define ACMEGATE_BASE_PUBLICATION_H

#include <sys/types.h>

#include "base/ca.h"
#include "base/policy.h"

struct publication {
	char metrics[PATH_SIZE];  /* absolute, for node-exporter: mode 0644 */
	char page[PATH_SIZE];	  /* absolute, for browsers */
	mode_t mode;		  /* of the page, 0644 by default */
	gid_t group;		  /* of the page */
	char alert[COMMAND_SIZE]; /* absolute program and its arguments; split at white space, never a shell */
};

#endif
