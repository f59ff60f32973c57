/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * config_share.h - gives each role of the agent the part of the configuration that it uses, as a read-only file (memfd).
 */
#ifndef ACMEGATE_BASE_CONFIG_SHARE_H
#define ACMEGATE_BASE_CONFIG_SHARE_H

#include "base/config.h"
#include "base/sandbox.h"

/* Does this role use any of it? */
bool config_share_has(enum role role);

/* A sealed memfd (close-on-exec) with a struct config in which all that the role does not use is zero; the caller owns it. */
int config_share(const struct config *config, enum role role, struct fault *fault) MUST_CHECK;

/* Maps the file of config_share() for the life of the process. NULL: the descriptor is another file. */
const struct config *config_share_receive(int fd);

#endif
