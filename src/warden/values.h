/* SPDX-License-Identifier: GPL-3.0-or-later */
/* values.h - acmegate-dns, and the notes of the values that it has put into the DNS. */
#ifndef ACMEGATE_WARDEN_VALUES_H
#define ACMEGATE_WARDEN_VALUES_H

#include "base/config.h"

/*
 * Starts it for a client, with the writers that certificates need; wanted: enum work_kind of each. *pid becomes its pidfd, *channel the end
 * that the client gets. While it runs it has the notes locked: nobody else removes its values.
 */
int values_start(const struct config *config, const uint8_t *wanted, int state_fd, int *pid, int *channel,
		 struct fault *fault) MUST_CHECK;

/* The same to look into the DNS alone: it has no notes, and so adds nothing. */
int values_look(const struct config *config, int *pid, int *channel, struct fault *fault) MUST_CHECK;

/* Waits until it has removed its values: the client has ended. */
void values_end(int *pid);

/* Removes what an earlier run has left. Failures are logged. */
void values_sweep(struct config *config, int state_fd);

bool values_are_left(int state_fd);

#endif
