/* SPDX-License-Identifier: GPL-3.0-or-later */
/* setup.h - acmegate setup: from nothing to a certificate. */
#ifndef ACMEGATE_SETUP_SETUP_H
#define ACMEGATE_SETUP_SETUP_H

#include "base/process.h"
#include "command/command.h"
#include "setup/service.h"
#include "setup/trail.h"

struct setup {
	const struct call *call;
	bool yes;		   /* nobody is asked */
	struct config *config;	   /* as it was before */
	struct paper before;	   /* its file */
	char label[LABEL_SIZE];	   /* of the certificate, "": there are no names */
	bool known;		   /* it was in the configuration */
	bool agreed;		   /* to the terms of service */
	bool replaces_hooks;	   /* those of certbot that open the port */
	char holder[PROCESS_NAME]; /* the program that listens on port 80, or "" */
	const struct service *service[MOST_SERVICES];
	int services;
	char draft[PATH_SIZE + 32]; /* the configuration to be, for what is asked before it is written */
	struct trail trail;
};

/* The configuration to be: what is there and what it lacks for these names. The text is the caller's to free. */
int draft_write(const struct setup *setup, struct paper *draft, struct fault *fault) MUST_CHECK;

/* Checks the arguments, and looks for the names in the configuration. FAULT_USAGE. */
int draft_check(struct setup *setup, struct fault *fault) MUST_CHECK;

/* Has the services show the certificate. The exit status. */
int serve_run(struct setup *setup);

/* Prints the hooks of certbot that open the port; how many there are. certbot_run() puts acmegate's in their place; the exit status. */
int certbot_show(struct fault *fault) MUST_CHECK;
int certbot_run(struct setup *setup);

#endif
