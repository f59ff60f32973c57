/* SPDX-License-Identifier: GPL-3.0-or-later */
/* command.h - one command of acmegate: a row of the table in main.c, and a file of this folder that runs it. */
#ifndef ACMEGATE_COMMAND_COMMAND_H
#define ACMEGATE_COMMAND_COMMAND_H

#include <stdio.h>

#include "host/host.h"

#define MOST_OPTIONS 12

struct command_option {
	const char *name, *value, *help; /* value: the word for it in the usage; NULL: the option takes none */
	char letter;			 /* 0: it has only the name */
};

struct call;

struct command {
	const char *name;
	const char *words; /* the arguments, for the usage; NULL: there are none */
	const char *help;
	struct command_option options[MOST_OPTIONS];
	int (*run)(struct host *, const struct call *); /* the exit status; has logged what happened */
	int (*prepare)(struct host *, struct fault *);	/* before the caller's descriptors, limits and signals are given up */
	enum config_part part;				/* of the configuration that must be complete */
	bool others_options;				/* options behind the first argument are those of another program */
	bool looks;	   /* reads the configuration itself, and takes neither gate nor lock: run gets NULL */
	bool explains;	   /* needs no configuration, no rights and no host: run gets NULL */
	bool claims;	   /* closes what an earlier run left before it runs: another acmegate is in its way; has --wait */
	bool closes;	   /* does so although the configuration or the command line is wrong */
	bool tolerates;	   /* ignores mistakes elsewhere in the configuration: its status is for another program */
	bool gateless;	   /* opens nothing, and starts no gate; with `claims` it takes the lock of the store only, if it writes */
	bool asks;	   /* goes on without a gate: another acmegate may have one */
	bool reads;	   /* only reads what the storer has written: no gate, no lock, no right over the firewall */
	bool publishes;	   /* what [status] of the configuration says, at its end */
	bool shows;	   /* how far it is, on a terminal and to systemd */
	bool tells_client; /* logs to standard output: ACME clients show the standard error of their hooks as errors */
};

/* The command line, as main.c has it. Indexes are those of the options. */
struct line {
	struct command program;
	const struct command *commands; /* the one after the last has no name */
};
enum { ACMEGATE_CONFIG, ACMEGATE_QUIET, ACMEGATE_VERBOSE, ACMEGATE_DEBUG, ACMEGATE_VERSION };
enum { CLAIM_WAIT }; /* the first one of every command that claims */
enum { GUARD_MAX = CLAIM_WAIT + 1, GUARD_ON_LISTEN };
enum { RENEW_DRY_RUN = CLAIM_WAIT + 1 };
enum { IMPORT_FROM = CLAIM_WAIT + 1, IMPORT_KEY, IMPORT_URL };
enum { HOOK_CLIENT };
enum {
	SETUP_CA,
	SETUP_CA_FILE,
	SETUP_CONTACT,
	SETUP_WEBROOT,
	SETUP_SERVICE,
	SETUP_HOOKS,
	SETUP_AGREE,
	SETUP_EXTEND,
	SETUP_NO_REHEARSAL,
	SETUP_YES,
	SETUP_UNDO
};
enum { TLSA_PORT };
enum { DNS_IF_CHANGED, DNS_REMOVE, DNS_UNTIL };
enum { CHECK_JSON, CHECK_OUTSIDE };
enum { STATUS_JSON, STATUS_CHECK, STATUS_METRICS, STATUS_HTML };
enum { TERMS_CA };
enum { HISTORY_SINCE, HISTORY_CSV };
enum { REVOKE_REASON = CLAIM_WAIT + 1 };
enum { ACCOUNT_CA = CLAIM_WAIT + 1, ACCOUNT_YES };
enum { REMOVE_FORCE = CLAIM_WAIT + 1 };

/* A command as somebody typed it. */
struct call {
	const struct line *line;
	const struct command *command;
	const char *file;		 /* the configuration */
	const char *value[MOST_OPTIONS]; /* of the options: "" for one without a value, NULL for one that was not given */
	int times[MOST_OPTIONS];	 /* that each was given */
	char **word;			 /* the arguments, and NULL */
	int words;
	unsigned long wait; /* seconds that another acmegate may take to end */
	bool wrong;	    /* a mistake in it was logged */
};

/* Reads the command line and runs the command. The exit status of the program; has logged what happened. */
int line_run(const struct line *line, int argc, char **argv);

/* The command of that name. NULL: there is none, and that was logged with the nearest. */
const struct command *line_find(const struct line *line, const char *name);

/* Loads the configuration, closes what an earlier run left, runs the command. The exit status; has logged what happened. */
int command_run(const struct call *call);

/*
 * Gives up the caller's descriptors from this number on (only a command of guard's gets them), limits, mask for modes, and signals.
 * A limit that the host's firewall would suffer from goes, where we have the right to.
 */
void command_leave_caller(int from);

/* Logs the mistakes in the configuration: as errors, or as warnings if they do not matter. */
void command_say_mistakes(const struct mistakes *mistakes, bool matter);

/* Writes how acmegate or one command of it is called: in a line, or explained. */
void help_write_usage(FILE *out, const struct line *line, const struct command *command);
void help_write(FILE *out, const struct line *line, const struct command *command);

int account_run(struct host *host, const struct call *call);
int check_run(struct host *host, const struct call *call);
int dns_run(struct host *host, const struct call *call);
int guard_prepare(struct host *host, struct fault *fault) MUST_CHECK;
int guard_run(struct host *host, const struct call *call);
int history_run(struct host *host, const struct call *call);
int help_run(struct host *host, const struct call *call);
int hook_run(struct host *host, const struct call *call);
int import_run(struct host *host, const struct call *call);
int plan_run(struct host *host, const struct call *call);
int recover_run(struct host *host, const struct call *call);
int rehearse_run(struct host *host, const struct call *call);
int renew_now_run(struct host *host, const struct call *call);
int setup_run(struct host *host, const struct call *call);
int status_run(struct host *host, const struct call *call);
int renew_run(struct host *host, const struct call *call);
int terms_run(struct host *host, const struct call *call);
int tlsa_run(struct host *host, const struct call *call);
int remove_run(struct host *host, const struct call *call);
int renew_now_run(struct host *host, const struct call *call);
int renew_run(struct host *host, const struct call *call);
int revoke_run(struct host *host, const struct call *call);
int version_run(struct host *host, const struct call *call);

#endif
