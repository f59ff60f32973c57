/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dealing.h - the warden of a task that is not a renewal: storer, signer and client as there, without a gate, a window and a responder.
 * Only the storer removes a certificate.
 */
#ifndef ACMEGATE_WARDEN_DEALING_H
#define ACMEGATE_WARDEN_DEALING_H

#include "base/config.h"
#include "base/wire.h"

/* Does config->task. Returns the exit status; has logged what happened. */
int dealing_run(const struct config *config, int state_fd);

/* The client's words about a record of dns-persist-01. */
struct told_record {
	bool good; /* each server of the zone that answers gives one that is */
	const char *name, *record, *text;
};
typedef void dealing_told(void *context, const struct told_record *record);

/* TASK_PERSIST for these certificates, at the CA at hand. */
int dealing_look(const struct config *config, int state_fd, const struct work *work, dealing_told *told, void *context);

#endif
