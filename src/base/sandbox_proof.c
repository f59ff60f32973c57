// SPDX-License-Identifier: GPL-3.0-or-later
/* sandbox_proof.c - of sandbox.h what the gate needs not: the proof that rights are gone, and the rights of the warden and acmegate-iptables. */
#include "base/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sandbox_rights.h"
#include "base/seam.h"

bool sandbox_find_role(const char *name, enum role *role)
{
	for (unsigned int i = 0; i < ROLES; i++)
		if (!strcmp(name, sandbox_rights[i].name)) {
			*role = (enum role)i;
			return true;
		}
	return false;
}

long sandbox_landlock(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (version <= 0 || seam("no-landlock"))
		return 0;
	return seam("landlock-1") ? 1 : seam("landlock-2") && version > 2 ? 2 : version;
}

int sandbox_prove(enum role role, struct fault *fault)
{
	const struct role_rights *r = &sandbox_rights[role];
	uint64_t capabilities;
	uid_t real, effective, saved;

	if (getresuid(&real, &effective, &saved) < 0 || sandbox_get_capabilities(&capabilities) < 0)
		return fault_errno(fault, FAULT_FAILED, "reading the rights of the %s", r->name);
	if (capabilities & ~r->capabilities)
		return fault_set(fault, FAULT_FAILED, "the %s still has capabilities (%#llx)", r->name,
				 (unsigned long long)capabilities);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return fault_set(fault, FAULT_FAILED, "the %s may still gain privileges", r->name);
	if (real != effective || real != saved || ((real == 0) != r->root && role != ROLE_WATCHER))
		return fault_set(fault, FAULT_FAILED, "the %s runs as users %u, %u, %u", r->name, real, effective, saved);
	if (!r->root && (setuid(0) == 0 || getgid() == 0 || getgroups(0, NULL) != 0))
		return fault_set(fault, FAULT_FAILED, "the %s can become root or has groups", r->name);
	return 0;
}

#define WARDEN (BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP) | BIT(CAP_CHOWN) | BIT(CAP_KILL))

/* SYS_ADMIN: seclusion_enter() of a child to come. */
int sandbox_warden(bool mounts, struct fault *fault)
{
	const uint64_t keep = WARDEN | (mounts && sandbox_landlock() <= 0 ? BIT(CAP_SYS_ADMIN) : 0);
	uint64_t now;

	if (sandbox_limit(RLIMIT_CORE, 0) < 0 || sandbox_get_capabilities(&now) < 0 || sandbox_bound_capabilities(keep) < 0 ||
	    sandbox_set_capabilities(now & keep) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fault_errno(fault, FAULT_FAILED, "taking rights from the warden");
	return 0;
}

/* A watchdog has no right to change the bounding set; no_new_privs does without. */
int sandbox_tools(struct fault *fault)
{
	uint64_t now;

	if (sandbox_limit(RLIMIT_CORE, 0) < 0 || sandbox_get_capabilities(&now) < 0 ||
	    (sandbox_bound_capabilities(FIREWALL) < 0 && errno != EPERM) || sandbox_set_capabilities(now & FIREWALL) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fault_errno(fault, FAULT_FAILED, "taking rights from the %s", sandbox_rights[ROLE_TOOLS].name);
	return sandbox_prove(ROLE_TOOLS, fault);
}
