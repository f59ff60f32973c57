/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deploy.h - telling the programs that use a certificate that there is a new one. */
#ifndef ACMEGATE_WARDEN_DEPLOY_H
#define ACMEGATE_WARDEN_DEPLOY_H

#include <stdbool.h>

#include "base/config.h"

/* The hooks that have succeeded for a certificate, in this run or an earlier one, each with a newline. */
struct deployed {
	size_t length;
	char text[HOOKS_SIZE + 1];
};

/*
 * Runs the hooks of the certificate that have not succeeded for it yet, in their order; one that fails stops no other. See acmegate(8)
 * for their environment. Has logged how each ended. true: all have succeeded now.
 */
bool deploy_run(const struct config *config, const struct certificate *certificate, struct deployed *deployed);

#endif
