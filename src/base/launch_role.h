/* SPDX-License-Identifier: GPL-3.0-or-later */
/* launch_role.h - starts a role with its part of the configuration, its user, and where there is no Landlock in seclusion. */
#ifndef ACMEGATE_BASE_LAUNCH_ROLE_H
#define ACMEGATE_BASE_LAUNCH_ROLE_H

#include "base/config.h"
#include "base/launch.h"

/* As launch_start(). config: NULL for a role that needs neither it nor a user: root without capabilities and without files is nobody. */
int launch_role(enum role role, const struct config *config, const struct descriptor *given, size_t n, struct fault *fault) MUST_CHECK;

#endif
