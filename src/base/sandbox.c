// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/kernel.h"
#include "base/refusal.h"
#include "base/sandbox_rights.h"

/*
 * The storer gives files to their configured owner (CHOWN) and reads keys back as that owner (SETUID, of whose calls confine.c leaves
 * it setfsuid() alone); in the web server's directory it is, as the sweeper, that directory's owner. It is root without anything else:
 * the store's directories are root's. Descriptors: the responder's connections. No limit of file sizes: stderr may be a file that is
 * large already.
 */
const struct role_rights sandbox_rights[] = {
	[ROLE_CLIENT] = { "client", false, 0, 256 },
	[ROLE_SIGNER] = { "signer", false, 0, 16 },
	[ROLE_STORER] = { "storer", true, BIT(CAP_CHOWN) | BIT(CAP_SETUID), STORING_DESCRIPTORS },
	[ROLE_RESPONDER] = { "responder", false, 0, 512 },
	[ROLE_SWEEPER] = { "sweeper", true, BIT(CAP_SETUID), STORING_DESCRIPTORS },
	[ROLE_TRANSLATOR] = { "translator", true, 0, 16 },
	[ROLE_IMPORTER] = { "importer", false, 0, 16 },
	[ROLE_EXAMINER] = { "examiner", false, 0, 64 },
	[ROLE_PLACER] = { "placer", true, BIT(CAP_SETUID), STORING_DESCRIPTORS },
	[ROLE_WATCHER] = { "watcher", true, 0, 16 }, /* or whoever asks */
	[ROLE_PROVIDER] = { "provider", false, 0, 64 },
	[ROLE_SURVEYOR] = { "surveyor", true, 0, 16 },
	[ROLE_BUS] = { "client of D-Bus", true, 0, 64 },
	[ROLE_VIEWER] = { "viewer", true, 0, 64 }, /* or whoever asks */
	[ROLE_DNS] = { "dns", false, 0, 64 },
	[ROLE_TLS] = { "tls", false, 0, 512 },
	/* SYS_PTRACE: who listens on the port, for a message. SETGID: surveyors. */
	[ROLE_GATE] = { "gate", true,
			FIREWALL | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP) | BIT(CAP_SYS_PTRACE), 256 },
	[ROLE_TOOLS] = { "client of iptables", true, FIREWALL, 256 },
};
_Static_assert(LENGTH_OF(sandbox_rights) == ROLE_TOOLS + 1, "rights for each role");

const char *sandbox_role_name(enum role role)
{
	return sandbox_rights[role].name;
}

int sandbox_limit(int resource, rlim_t most)
{
	struct rlimit old, new = { most, most };

	/* a limit that is lower already stays: raising it would need a right */
	if (getrlimit((__rlimit_resource_t)resource, &old) == 0 && old.rlim_max < most)
		new.rlim_cur = new.rlim_max = old.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &new);
}

int sandbox_set_capabilities(uint64_t set)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)set, (uint32_t)set, 0 },
		{ (uint32_t)(set >> 32), (uint32_t)(set >> 32), 0 },
	};

	return (int)syscall(SYS_capset, &header, data);
}

int sandbox_get_capabilities(uint64_t *set)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	if (syscall(SYS_capget, &header, data) < 0)
		return -1;
	*set = 0;
	for (int i = 0; i < 2; i++)
		*set |= (uint64_t)(data[i].effective | data[i].permitted | data[i].inheritable) << (32 * i);
	return 0;
}

/* EINVAL: the last one is passed. */
int sandbox_bound_capabilities(uint64_t keep)
{
	for (int capability = 0; capability < 64; capability++)
		if (!(keep & BIT(capability)) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return errno == EINVAL ? 0 : -1;
	return 0;
}

/* --- giving rights up ----------------------------------------------------------------------------------------------- */

int sandbox_drop(enum role role, uid_t uid, gid_t gid, struct fault *fault)
{
	const struct role_rights *r = &sandbox_rights[role];
	gid_t group = r->root ? 0 : gid;
	uid_t user = r->root ? 0 : uid;

	if (sandbox_limit(RLIMIT_CORE, 0) < 0 || sandbox_limit(RLIMIT_NOFILE, r->descriptors) < 0)
		return fault_errno(fault, FAULT_FAILED, "limiting the %s", r->name);
	if (sandbox_bound_capabilities(r->capabilities) < 0)
		return fault_errno(fault, FAULT_FAILED, "taking capabilities from the %s", r->name);
	if (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 || setresuid(user, user, user) < 0)
		return fault_errno(fault, FAULT_FAILED, "giving the %s the user %u", r->name, user);
	if (sandbox_set_capabilities(r->capabilities) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fault_errno(fault, FAULT_FAILED, "taking rights from the %s", r->name);
	return 0;
}

int sandbox_disarm(struct fault *fault)
{
	if (sandbox_limit(RLIMIT_CORE, 0) < 0 || sandbox_limit(RLIMIT_NOFILE, sandbox_rights[ROLE_BUS].descriptors) < 0 ||
	    (sandbox_bound_capabilities(0) < 0 && errno != EPERM) || sandbox_set_capabilities(0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fault_errno(fault, FAULT_FAILED, "taking rights from the %s", sandbox_rights[ROLE_BUS].name);
	return 0;
}

/* --- the gate ------------------------------------------------------------------------------------------------------- */

static int filter_calls(enum refusal refusal)
{
	int rc = refusal_take(refusal);

	errno = -rc;
	return rc;
}

/* In acmegate-recover.service the bounding set cannot be changed: there no_new_privs keeps exec from giving anything back. */
int sandbox_gate(struct fault *fault)
{
	const uint64_t keep = sandbox_rights[ROLE_GATE].capabilities;
	uint64_t now;

	if (sandbox_limit(RLIMIT_CORE, 0) < 0 || sandbox_get_capabilities(&now) < 0 ||
	    (sandbox_bound_capabilities(keep) < 0 && errno != EPERM) || sandbox_set_capabilities(now & keep) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_calls(REFUSAL_GATE) < 0)
		return fault_errno(fault, FAULT_FAILED, "taking rights from the gate");
	if (sandbox_get_capabilities(&now) < 0 || (now & ~keep))
		return fault_set(fault, FAULT_FAILED, "the gate still has capabilities (%#llx)", (unsigned long long)now);
	return 0;
}

/* The program may become another user (sudo), so that there is no no_new_privs; without that a filter takes CAP_SYS_ADMIN. */
void sandbox_gate_with_command(void)
{
	(void)filter_calls(REFUSAL_COMMAND);
}

/* Without CAP_SETPCAP the bounding set stays as it is, and exec would give all of it back unless no_new_privs says no. */
int sandbox_give_up_firewall(struct fault *fault)
{
	const bool bounded = prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN, 0, 0, 0) == 0 && prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0) == 0;
	uint64_t now;

	if (sandbox_get_capabilities(&now) < 0 || sandbox_set_capabilities(now & ~FIREWALL) < 0 ||
	    (!bounded && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0))
		return fault_errno(fault, FAULT_FAILED, "giving up the rights over the firewall");
	if (sandbox_get_capabilities(&now) < 0 || (now & FIREWALL) ||
	    (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 &&
	     (prctl(PR_CAPBSET_READ, CAP_NET_ADMIN, 0, 0, 0) != 0 || prctl(PR_CAPBSET_READ, CAP_NET_RAW, 0, 0, 0) != 0)))
		return fault_set(fault, FAULT_FAILED, "acmegate still has rights over the firewall");
	return 0;
}

int sandbox_watchdog(struct fault *fault)
{
	uint64_t now;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || sandbox_limit(RLIMIT_CORE, 0) < 0 || sandbox_get_capabilities(&now) < 0 ||
	    sandbox_bound_capabilities(FIREWALL) < 0 || sandbox_set_capabilities(now & FIREWALL) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_calls(REFUSAL_WATCHDOG) < 0)
		return fault_errno(fault, FAULT_FAILED, "taking rights from the watchdog");
	if (sandbox_get_capabilities(&now) < 0 || (now & ~FIREWALL) || prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) != 0)
		return fault_set(fault, FAULT_FAILED, "the watchdog still has capabilities (%#llx)", (unsigned long long)now);
	return 0;
}
