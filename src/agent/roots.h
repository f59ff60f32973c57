/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * roots.h - the root certificates that a chain must lead up to before it is installed.
 */
#ifndef ACMEGATE_AGENT_ROOTS_H
#define ACMEGATE_AGENT_ROOTS_H

#include "agent/signing.h"

/*
 * A chain that leads to no root may come from anybody who has taken the client over. It is refused unless the configuration says that
 * the CA is private (ca_file) or for tests; then it must be plausible, and not replace a chain that does lead to a root.
 */
int roots_check(struct signer_role *signer, uint32_t index, const struct chain *chain, struct fault *fault) MUST_CHECK;

#endif
