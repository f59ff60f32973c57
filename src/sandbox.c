// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define BIT(capability) (UINT64_C(1) << (capability))

/*
 * The keeper gives files to their configured owner (CHOWN) and reads keys back as that owner (SETUID, of whose calls
 * confine.c leaves it setfsuid() alone).
 * It is root without anything else: the store's directories are root's. Descriptors: the responder's connections.
 * No limit of file sizes: stderr may be a file that is large already.
 */
static const struct role_rights {
	const char *name;
	bool root;
	uint64_t capabilities;
	rlim_t descriptors;
} rights[] = {
	[ROLE_CLIENT] = { "client", false, 0, 256 },
	[ROLE_KEEPER] = { "keeper", true, BIT(CAP_CHOWN) | BIT(CAP_SETUID), 64 },
	[ROLE_RESPONDER] = { "responder", false, 0, 512 },
};
_Static_assert(LENGTH_OF(rights) == ROLES, "rights for each role");

const char *sandbox_role_name(enum role role)
{
	return rights[role].name;
}

bool sandbox_find_role(const char *name, enum role *role)
{
	for (unsigned int i = 0; i < ROLES; i++)
		if (!strcmp(name, rights[i].name)) {
			*role = (enum role)i;
			return true;
		}
	return false;
}

static int limit(int resource, rlim_t most)
{
	struct rlimit old, new = { most, most };

	/* a limit that is lower already stays: raising it would need a right */
	if (getrlimit((__rlimit_resource_t)resource, &old) == 0 && old.rlim_max < most)
		new.rlim_cur = new.rlim_max = old.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &new);
}

static int set_capabilities(uint64_t set)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)set, (uint32_t)set, 0 },
		{ (uint32_t)(set >> 32), (uint32_t)(set >> 32), 0 },
	};

	return (int)syscall(SYS_capset, &header, data);
}

static int get_capabilities(uint64_t *set)
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

/* After exec root gets back what the bounding set still holds, so that is what has to shrink. EINVAL: the last one is passed. */
static int bound_capabilities(uint64_t keep)
{
	for (int capability = 0; capability < 64; capability++)
		if (!(keep & BIT(capability)) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return errno == EINVAL ? 0 : -1;
	return 0;
}

int sandbox_drop(enum role role, uid_t uid, gid_t gid, struct fault *fault)
{
	const struct role_rights *r = &rights[role];
	gid_t group = r->root ? 0 : gid;
	uid_t user = r->root ? 0 : uid;

	if (limit(RLIMIT_CORE, 0) < 0 || limit(RLIMIT_NOFILE, r->descriptors) < 0)
		return fault_errno(fault, FAULT_FAILED, "limiting the %s", r->name);
	if (bound_capabilities(r->capabilities) < 0)
		return fault_errno(fault, FAULT_FAILED, "taking capabilities from the %s", r->name);
	if (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 || setresuid(user, user, user) < 0)
		return fault_errno(fault, FAULT_FAILED, "giving the %s the user %u", r->name, user);
	if (set_capabilities(r->capabilities) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fault_errno(fault, FAULT_FAILED, "taking rights from the %s", r->name);
	return 0;
}

int sandbox_prove(enum role role, struct fault *fault)
{
	const struct role_rights *r = &rights[role];
	uint64_t capabilities;
	uid_t real, effective, saved;

	if (getresuid(&real, &effective, &saved) < 0 || get_capabilities(&capabilities) < 0)
		return fault_errno(fault, FAULT_FAILED, "reading the rights of the %s", r->name);
	if (capabilities & ~r->capabilities)
		return fault_set(fault, FAULT_FAILED, "the %s still has capabilities (%#llx)", r->name,
				 (unsigned long long)capabilities);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return fault_set(fault, FAULT_FAILED, "the %s may still gain privileges", r->name);
	if (real != effective || real != saved || (real == 0) != r->root)
		return fault_set(fault, FAULT_FAILED, "the %s runs as users %u, %u, %u", r->name, real, effective, saved);
	if (!r->root && (setuid(0) == 0 || getgid() == 0 || getgroups(0, NULL) != 0))
		return fault_set(fault, FAULT_FAILED, "the %s can become root or has groups", r->name);
	return 0;
}

/* --- the watchdog --------------------------------------------------------------------------------------------------- */

#define FIREWALL (BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW)) /* iptables-legacy has a raw socket */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__i386__)
#define ARCHITECTURE AUDIT_ARCH_I386
#elif defined(__arm__)
#define ARCHITECTURE AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#endif

/* What neither recovery nor any tool of a firewall does. Filters of more than a number are not needed for that. */
static const int denied_calls[] = {
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_userfaultfd, SYS_perf_event_open, SYS_bpf,
	SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_unshare,
	SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_move_mount, SYS_open_tree, SYS_fsopen, SYS_fsmount,
	SYS_fsconfig, SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_personality, SYS_listen, SYS_accept4, SYS_mknodat,
	SYS_fanotify_init, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_reboot, SYS_swapon,
	SYS_swapoff, SYS_acct, SYS_quotactl, SYS_syslog, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_sethostname,
	SYS_setdomainname, SYS_setuid, SYS_setgid, SYS_setresuid, SYS_setresgid, SYS_setreuid, SYS_setregid, SYS_setgroups,
};

/* On a processor that is not named above there is no filter; the capabilities are gone there too. */
static int filter_calls(void)
{
#ifdef ARCHITECTURE
	enum { CALLS = LENGTH_OF(denied_calls), FIRST = 4, DENY = FIRST + CALLS + 1 };
	struct sock_filter filter[DENY + 1] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, DENY - 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		/* x32 has numbers of its own; nothing else begins so high */
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, DENY - 4, 0),
		[FIRST + CALLS] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		[DENY] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	const struct sock_fprog program = { LENGTH_OF(filter), filter };

	for (unsigned int i = 0; i < CALLS; i++)
		filter[FIRST + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)denied_calls[i],
								 (unsigned char)(CALLS - i), 0);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
#else
	return 0;
#endif
}

int sandbox_watchdog(struct fault *fault)
{
	uint64_t now;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || limit(RLIMIT_CORE, 0) < 0 || get_capabilities(&now) < 0 ||
	    bound_capabilities(FIREWALL) < 0 || set_capabilities(now & FIREWALL) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_calls() < 0)
		return fault_errno(fault, FAULT_FAILED, "taking rights from the watchdog");
	if (get_capabilities(&now) < 0 || (now & ~FIREWALL) || prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) != 0)
		return fault_set(fault, FAULT_FAILED, "the watchdog still has capabilities (%#llx)", (unsigned long long)now);
	return 0;
}
