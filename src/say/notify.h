/* SPDX-License-Identifier: GPL-3.0-or-later */
/* notify.h - tells systemd how far a run is (sd_notify(3), without libsystemd). It never waits: a word that is not taken is lost. */
#ifndef ACMEGATE_SAY_NOTIFY_H
#define ACMEGATE_SAY_NOTIFY_H

#include <stdbool.h>

#include "base/fault.h"

/*
 * Takes NOTIFY_SOCKET out of the environment, so that no process which is started from here on has it. wanted: this command speaks to that
 * socket; a hook must not, whose unit is its client's.
 */
void notify_start(bool wanted);
bool notify_is_on(void);

/* "READY=1", "STOPPING=1"; the format is that of STATUS=, one line. */
void notify_say(const char *word, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
