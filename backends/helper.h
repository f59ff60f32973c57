/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * helper.h - firewalls that a program opens and closes: a program of acmegate, or the administrator's ([gate] command). All are asked alike:
 *
 *	PROGRAM [WORDS OF ITS OWN] plan		prints what open would do: a line for each rule, as a command that a person could type
 *	PROGRAM [WORDS OF ITS OWN] open		opens where it is not open, and reads back
 *	PROGRAM [WORDS OF ITS OWN] close	removes whatever carries the tag, and reads back
 *	PROGRAM [WORDS OF ITS OWN] digest	prints what tells one state of the firewall from another; rules with a tag of acmegate do not count
 *
 * with ACMEGATE_ACTION (the same word), ACMEGATE_TAG (empty, for close: any tag of acmegate), ACMEGATE_PORT and ACMEGATE_SECONDS in the
 * environment. Each verb may come at any time, any number of times, from a process that never asked before. Exit status: 0: done. 75: try
 * again. A program of acmegate prints for open and close how many rules it made or removed, a fault in one line otherwise, and
 * ends with one of the statuses below too. The administrator's program is not asked for a plan or a digest; what it prints goes to the log.
 *
 * An outside change while the port is open. digest is asked of acmegate-iptables, for the tables of iptables-legacy, which tell nobody of a
 * change; open is asked again four times a second. The others have none:
 *
 *	firewalld	its rules are in nf_tables, which the gate reads, digests and watches itself (backend = auto). After a change there, a
 *			reload for example, open is asked again: it adds what is missing. A digest of its own could tell nothing more, and
 *			its signals come for our own rule as well. With backend = firewalld alone nothing is compared or put back: a rule
 *			that a reload has taken is gone, the port is shut, and the CA's answer ends the run
 *	[gate] command	a cloud takes seconds for an answer, and would be asked before and after each window, for one line in the log;
 *			programs of administrators know two verbs. open may come again, and close goes by the tag, whatever has changed
 *
 * With acmegate --debug ACMEGATE_DEBUG is set for a program of acmegate, and lines of its log come before all else that it prints.
 *
 * A helper runs for one verb, is killed when its time is up or acmegate dies, and what it prints is taken for hostile.
 */
#ifndef ACMEGATE_BACKENDS_HELPER_H
#define ACMEGATE_BACKENDS_HELPER_H

#include "backends/backend.h"

enum {
	HELPER_NOBODY = 3,  /* there is no such firewall here, or it does not run */
	HELPER_REFUSED = 4, /* it has said no */
	HELPER_LOOK = 5,    /* the firewall is another one than the gate has seen: look again. Nothing was changed */
	HELPER_MADE = 6,    /* the same, after a rule was made */
};

#define HELPER_DEBUG "ACMEGATE_DEBUG"

/* A row for each helper. The administrator's program has all rights. */
struct helper {
	const char *program;   /* "-firewalld": acmegate-firewalld. NULL: [gate] command, in use where that is set */
	const char *plan_line; /* what each line of a plan begins with */
	unsigned int seconds;  /* for one verb */
	bool armed;	       /* it is started with the gate's rights over the firewall; else it is root, and has none */
	size_t most;	       /* bytes that it may print; 0: as many as a plan has */
	bool outside; /* of this host: sees the port as the world does, and half of an opening's time is for the validation */
	int (*before_close)(const char *tag, struct fault *fault); /* NULL: nothing */
	/* After close, unless that was refused: removes what the program could not. 1, 0, -1. NULL: nothing can be done without it. */
	int (*sweep)(const char *tag, struct fault *fault);
};

/* A question to a program of acmegate. */
struct question {
	const char *verb, *tag; /* NULL: any */
	uint16_t port;
	uint32_t seconds;
	char *own[2]; /* variables of its own protocol; NULL behind the last */
};

/*
 * The caller frees *answer, the program's output, in any case. 0, AGAIN, or -1 with the fault in the program's words. With AGAIN the code of
 * the fault is HELPER_LOOK or HELPER_MADE.
 */
int helper_ask(const struct helper *helper, const struct question *question, char **answer, struct fault *fault) MUST_CHECK;

/* The fault of an answer that makes no sense, which -1 returns. */
int helper_is_nonsense(const struct helper *helper, int status, const char *answer, struct fault *fault);

/* Adds the plan's lines of an answer, which must be commands, and nothing that a terminal would obey. */
int helper_take_plan(const struct helper *helper, char *answer, struct plan *plan, struct fault *fault) MUST_CHECK;

/*
 * A helper that opens does not always end with the process that ran it: the kernel kills the helper then, but not at once, and not what
 * the helper has started: that could open after we have closed. Kills what has this tag in its environment. 1: there was some, and it is gone.
 */
int helper_end(const char *tag, struct fault *fault) MUST_CHECK;

/* Of struct backend, for all helpers but for attach(), whose row is the backend's. */
int helper_attach(struct ruleset **out, const struct helper *helper, const struct means *means, struct fault *fault) MUST_CHECK;
int helper_plan(struct ruleset *ruleset, const struct opening *opening, struct plan *plan, struct fault *fault) MUST_CHECK;
int helper_open(struct ruleset *ruleset, const struct opening *opening, struct fault *fault) MUST_CHECK;
int helper_mend(struct ruleset *ruleset, const struct opening *opening, struct fault *fault) MUST_CHECK;
int helper_close(struct ruleset *ruleset, const char *tag, struct fault *fault) MUST_CHECK;
void helper_detach(struct ruleset *ruleset);

#endif
