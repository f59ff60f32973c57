/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deploy.h - telling the programs that use a certificate that there is a new one. */
#ifndef ACMEGATE_COMMAND_DEPLOY_H
#define ACMEGATE_COMMAND_DEPLOY_H

#include "base/config.h"

/* Runs the certificate's hook (which it must have), see acmegate.conf(5) for its environment. */
int deploy_run(const struct config *config, const struct certificate *certificate, struct fault *fault) MUST_CHECK;

#endif
