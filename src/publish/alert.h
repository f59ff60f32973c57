/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * alert.h - [status] alert: the administrator's program, once for each change that somebody has to know. acmegate-view says what has changed
 * since STATE/status/told, one change at a time, and what that file is once it was told; acmegate reads neither.
 */
#ifndef ACMEGATE_PUBLISH_ALERT_H
#define ACMEGATE_PUBLISH_ALERT_H

#include "base/config.h"

/*
 * Runs the program for each change, for a minute at most. What it could not be told is told by the next run, three times in all. folder:
 * STATE/status. Logs what is wrong once.
 */
void alert_give(struct config *config, int folder);

#endif
