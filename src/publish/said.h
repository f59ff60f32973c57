/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * said.h - what is wrong beside the work of a run is logged once, and not by each run of the timer: STATE/status has the text that was
 * logged last.
 */
#ifndef ACMEGATE_PUBLISH_SAID_H
#define ACMEGATE_PUBLISH_SAID_H

/* what: "metrics" ...; text: what is wrong with it, as one line; "": nothing is. Logs a text that is another than before, as a warning. */
void said_once(int status_fd, const char *what, const char *text);

#endif
