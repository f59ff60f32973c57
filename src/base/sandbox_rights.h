/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sandbox_rights.h - the rights of each role, and the calls that change those of this process. For sandbox.c and sandbox_proof.c. */
#ifndef ACMEGATE_BASE_SANDBOX_RIGHTS_H
#define ACMEGATE_BASE_SANDBOX_RIGHTS_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#define BIT(capability) (UINT64_C(1) << (capability))
#define FIREWALL (BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW)) /* iptables-legacy has a raw socket */

struct role_rights {
	const char *name;
	bool root;
	uint64_t capabilities;
	rlim_t descriptors;
};
extern const struct role_rights sandbox_rights[]; /* by enum role */

/* All return -1 with errno. */
int sandbox_limit(int resource, rlim_t most);
int sandbox_set_capabilities(uint64_t set);
int sandbox_get_capabilities(uint64_t *set);

/* After exec root gets back what the bounding set still holds, so that is what has to shrink. */
int sandbox_bound_capabilities(uint64_t keep);

#endif
