/* SPDX-License-Identifier: GPL-3.0-or-later */
/* persist.h - the records of dns-persist-01: acmegate dns persist, and for check. */
#ifndef ACMEGATE_COMMAND_PERSIST_H
#define ACMEGATE_COMMAND_PERSIST_H

#include "base/wire.h"
#include "command/command.h"

/* acmegate dns persist; the words are names of certificates. */
int persist_run(struct host *host, const struct call *call);

/* Those of the named certificates that this CA may issue. false: there is none. */
bool persist_choose(const struct config *config, const bool *named, uint32_t ca, struct work *work);

#endif
