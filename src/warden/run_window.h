/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run_window.h - the window of a run, from the client's word to open until the port is shut: handlers of the supervisor's events. */
#ifndef ACMEGATE_WARDEN_RUN_WINDOW_H
#define ACMEGATE_WARDEN_RUN_WINDOW_H

#include "warden/supervise.h"

void run_window_on_open(struct supervisor *);
void run_window_on_prepared(struct supervisor *);
void run_window_on_ready(struct supervisor *);
void run_window_on_opened(struct supervisor *);
void run_window_on_validated(struct supervisor *);
void run_window_on_close(struct supervisor *);
void run_window_on_overtime(struct supervisor *);

/* Ends the run for the fault; a client that waits for its window is told why. */
void run_window_on_refused(struct supervisor *);

/* Work that can wait until the client has its answer. */
void run_window_tidy(struct supervisor *);

#endif
