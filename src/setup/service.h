/* SPDX-License-Identifier: GPL-3.0-or-later */
/* service.h - the services that setup knows: which are on this host, and what makes them read a new certificate. */
#ifndef ACMEGATE_SETUP_SERVICE_H
#define ACMEGATE_SETUP_SERVICE_H

#include "base/config.h"

#define MOST_SERVICES 11
#define SERVICES_SIZE 160 /* all their names with commas between */

struct service {
	const char *name;    /* for --service */
	const char *program; /* it is here if this file is */
	const char *group;   /* that must be able to read the key, or NULL: it reads as root */
	const char *hook;    /* the file in /usr/share/acmegate/deploy, and its arguments */
};

/* The names of those on this host, separated by commas, or "none". */
void service_find(char names[SERVICES_SIZE]);

/* Those in a list of names. The number; -1: one is unknown, or two want different groups (FAULT_USAGE). "none" is an empty list. */
int service_choose(const char *names, const struct service *chosen[MOST_SERVICES], struct fault *fault) MUST_CHECK;

#endif
