/* SPDX-License-Identifier: GPL-3.0-or-later */
/* command.h - one command of acmegate: a row of the table in main.c, and a file of this folder that runs it. */
#ifndef ACMEGATE_COMMAND_COMMAND_H
#define ACMEGATE_COMMAND_COMMAND_H

#include <stdio.h>

#include "command/host.h"

struct command {
	const char *name, *arguments, *help;
	int (*run)(struct host *, int argc, char **argv);	/* the exit status; has logged what happened */
	int (*prepare)(struct host *, struct fault *);		/* before the caller's descriptors, limits and signals are given up */
	enum config_part part;	/* of the configuration that must be complete */
	bool claims;		/* waits for no other acmegate, and closes what an earlier run left, before it runs */
	bool closes;		/* runs although the configuration is wrong */
	bool tolerates;		/* ignores mistakes elsewhere in the configuration: its status is for another program */
	bool tells_client;	/* logs to standard output: ACME clients show the standard error of their hooks as errors */
};

/* Loads the configuration, closes what an earlier run left, runs the command. The exit status; has logged what happened. */
int command_run(const struct command *command, const char *file, int argc, char **argv);

/* Logs that this command takes no arguments; the exit status for that. */
int command_no_arguments(const char *name);

/* Writes how acmegate is called. */
void help_write(FILE *out, const struct command *commands, size_t number);

/* Prints version and licence; the exit status. */
int help_version(void);

int guard_prepare(struct host *host, struct fault *fault) MUST_CHECK;
int guard_run(struct host *host, int argc, char **argv);
int hook_run(struct host *host, int argc, char **argv);
int plan_run(struct host *host, int argc, char **argv);
int recover_run(struct host *host, int argc, char **argv);
int renew_now_run(struct host *host, int argc, char **argv);
int renew_run(struct host *host, int argc, char **argv);

#endif
