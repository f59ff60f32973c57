/* SPDX-License-Identifier: GPL-3.0-or-later */
/* watch.h - the certificates of the sections [watch NAME]: acmegate reads their files, and a process without rights looks at them. */
#ifndef ACMEGATE_PUBLISH_WATCH_H
#define ACMEGATE_PUBLISH_WATCH_H

#include "base/config.h"

/*
 * A memfd of structs watched (base/watched.h), whose number config->watched becomes; -1 with FAULT_NONE: there is no such section. Call it
 * without capabilities: what acmegate reads for the page after a run is then what it reads for root's acmegate status.
 */
int watch_look(struct config *config, struct fault *fault) MUST_CHECK;

#endif
