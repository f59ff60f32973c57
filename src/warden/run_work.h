/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run_work.h - which certificates a run obtains, or asks the CA about, and those that are stored: handlers of the storer's records. */
#ifndef ACMEGATE_WARDEN_RUN_WORK_H
#define ACMEGATE_WARDEN_RUN_WORK_H

#include "warden/run.h"

void run_work_on_survey(struct supervisor *);
void run_work_on_attempted(struct supervisor *); /* starts the client */
void run_work_on_stored(struct supervisor *);

/* Nothing is due: says so, and sets the status if only a failure of before keeps it so. */
void run_work_say_idle(struct supervisor *);

#endif
