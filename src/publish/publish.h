/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * publish.h - after a run: what [status] of the configuration asks for. acmegate-view, which has no right, writes it (publish/view.h);
 * acmegate gives it a file, and reads nothing of that.
 */
#ifndef ACMEGATE_PUBLISH_PUBLISH_H
#define ACMEGATE_PUBLISH_PUBLISH_H

#include "host/host.h"

/* With the port closed and the gate gone. Takes some seconds at most, logs what is wrong once, and changes no exit status. */
void publish(const struct host *host);

#endif
