// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/confine.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/client_filter.h"
#include "base/filter.h"
#include "base/landlock.h"
#include "base/permission.h"
#include "base/refusal.h"

#ifdef SANITIZED

int confine(enum role role, const struct config *config, int tokens, struct fault *fault)
{
	(void)role, (void)config, (void)tokens, (void)fault;
	return 0;
}

void *confine_filter(enum role role, uint32_t architecture)
{
	(void)role, (void)architecture;
	return NULL;
}

#else

#define MIB (1024 * 1024)
#define EACH_CERTIFICATE (rlim_t)(64 * 1024) /* the chain in use with the signer, the ledger with the viewer */

void *confine_filter(enum role role, uint32_t architecture)
{
	if (role == ROLE_TOOLS)
		return refusal_filter(REFUSAL_TOOLS, architecture);
	return role == ROLE_CLIENT || role == ROLE_EXAMINER || role == ROLE_PROVIDER ? client_filter(architecture) :
										       permission_filter(role, architecture);
}

static int confine_calls(enum role role, struct fault *fault)
{
	int rc = filter_load(confine_filter(role, seccomp_arch_native()));

	return rc == 0 ? 0 :
			 fault_set(fault, FAULT_FAILED,
				   "filtering the system calls of the %s failed (%d); a kernel with "
				   "CONFIG_SECCOMP_FILTER is needed",
				   sandbox_role_name(role), rc);
}

/* Ten times what it needs: a child that goes wild must not take the warden with it when the machine runs out of memory. */
static int confine_memory(enum role role, const struct config *config)
{
	const rlim_t each = (config ? config->certificates + config->watched : 0) * EACH_CERTIFICATE;
	const rlim_t most = (role == ROLE_CLIENT || role == ROLE_EXAMINER ? 128 : 64) * (rlim_t)MIB + each;
	const struct rlimit limit = { most, most };

	/* a ruleset may be of any size */
	return role == ROLE_SURVEYOR || role == ROLE_TOOLS ? 0 : setrlimit(RLIMIT_DATA, &limit);
}

int confine(enum role role, const struct config *config, int tokens, struct fault *fault)
{
	/*
	 * Client and responder are the same user: neither may look into the other through /proc or ptrace. In acmegate-iptables a watchdog
	 * looks for the tag (helper_end()), and nobody else can who has fewer rights.
	 */
	if ((role != ROLE_TOOLS && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) || confine_memory(role, config) < 0 ||
	    landlock_confine(role, config, tokens) < 0)
		return fault_errno(fault, FAULT_FAILED, "confining the %s", sandbox_role_name(role));
	return confine_calls(role, fault);
}

#endif
