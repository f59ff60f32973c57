/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * webroot.h - tokens as files, for the time of a run, where the host's own web server answers.
 *
 * The directory TOKEN_NOTES in the state directory names our files before the first of them is made: an empty file for each token,
 * with its name, and a symbolic link ".at" that says where they are and how many directories were made for them. A later run can so
 * remove them. All work below the web server's directory is done as its owner: links and races there can do no more than that user.
 */
#ifndef ACMEGATE_AGENT_WEBROOT_H
#define ACMEGATE_AGENT_WEBROOT_H

#include "base/config.h"
#include "base/sandbox.h"
#include "base/wire.h"

struct webroot {
	const char *directory; /* the web server's */
	int notes, challenge;  /* TOKEN_NOTES and where the tokens are, since the first of them; else -1 */
	unsigned int tokens;
};

/*
 * Makes DIRECTORY/.well-known/acme-challenge/TOKEN. The token came from the client, which parses what a CA sends: so it is looked
 * at once more. After a fault webroot_sweep() is to be called.
 */
int webroot_put(struct webroot *webroot, int state_fd, const struct token *token, struct fault *fault) MUST_CHECK;

/* Takes all of it away, by whomever it was made. 1: there was something. 0: there was not. */
int webroot_sweep(int state_fd, struct fault *fault) MUST_CHECK;

/* Before that, whoever has put something there: the next token is the first again. */
void webroot_forget(struct webroot *webroot);

/*
 * One file for acmegate check, beside whatever a renewal does at the same time, and so without a note: if its process is killed, the file
 * stays until the next trial, which removes what begins with TRIAL_BEGIN.
 */
#define TRIAL_BEGIN "acmegate-check-"
#define TRIAL_LEVELS 3
struct trial {
	int dir[TRIAL_LEVELS]; /* the web server's, and the two that lead to the tokens; -1: not there */
	int made;	       /* how many of them are ours */
};

/* Makes DIRECTORY/.well-known/acme-challenge/TOKEN. trial_end() follows in any case. */
int trial_begin(struct trial *trial, const char *directory, const struct token *token, struct fault *fault) MUST_CHECK;

/* Removes it; and the directories that were made for it, unless somebody else may be using them by now. */
void trial_end(struct trial *trial, const struct token *token, bool used);

/*
 * O_PATH, for confine(): the web server's directory, if this role has to do with it; else -1. For the sweeper it is the one that the
 * notes name: the configuration may name another by now.
 */
int webroot_open(enum role role, const struct config *config);

#endif
