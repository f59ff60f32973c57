/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * webroot.h - tokens as files, for the time of a run, where the host's own web server answers.
 *
 * Which files are ours is known from the directory STATE/webroot, before the first of them is made: a file there for each
 * token, with its name and content, and a symbolic link ".at" that says where they went and how many directories were made for
 * them. So whoever comes later can take them away. What is done below the web server's directory is done as its owner: whatever
 * is put in our way there (links, races), no more can come of it than that user could do.
 */
#ifndef ACMEGATE_WEBROOT_H
#define ACMEGATE_WEBROOT_H

#include "wire.h"

/* Notes a token that came from the client, which parses what a CA sends: so it is looked at once more. */
int webroot_add(int state_fd, const struct token *token, struct fault *fault) MUST_CHECK;

/* Makes DIRECTORY/.well-known/acme-challenge/TOKEN for all that are noted. After a fault webroot_sweep() is to be called. */
int webroot_publish(int state_fd, const char *directory, struct fault *fault) MUST_CHECK;

/* Takes all of it away, by whomever it was made. 1: there was something. 0: there was not. */
int webroot_sweep(int state_fd, struct fault *fault) MUST_CHECK;

#endif
