/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guest.h - runs a program of the administrator without rights: as a user who is not root, with no capability and no way to one, in a process
 * group of its own, with the descriptors 0 to 2 and the variables that it is given. execve, never a shell. Time and output have bounds.
 */
#ifndef ACMEGATE_HOST_GUEST_H
#define ACMEGATE_HOST_GUEST_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/fault.h"

struct guest {
	const char *who; /* for the log */
	char *const *words;
	char *const *variables;
	const char *home; /* its working directory */
	int input;	  /* its standard input; -1: /dev/null */
	uid_t uid;
	gid_t gid;
	mode_t mask;	      /* umask(2) */
	unsigned int seconds; /* that it may take */
	const char *remedy;   /* behind the words that it took longer */
	int channel[2];	      /* it is killed when the other end of one of these has gone; -1: no such channel */
	bool quiet;	      /* what it prints is logged at debug, however it ends */
};

/*
 * Runs it. One whose time is up is killed with its group. What it prints is logged: at debug if it succeeds, as errors if not. 0: it ended with
 * status 0. -1: anything else, the fault says what; status 75 is FAULT_LATER.
 */
int guest_run(const struct guest *guest, struct fault *fault) MUST_CHECK;

/*
 * For a process that has no other children than guests: from now on nothing that a guest has started outlives it. What leaves its group becomes
 * a child of this process.
 */
int guest_adopt(struct fault *fault) MUST_CHECK;

/*
 * Waits for the end of this child, which runs guests, and kills what it leaves: for its parent, which adopts, and does nothing else. who: for
 * the log.
 */
void guest_keep(pid_t pid, const char *who);

#endif
