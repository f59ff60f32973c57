// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/refusal.h"

#include <errno.h>

#include "base/filter.h"

/* Calls that neither recovery nor a firewall's tool needs: other processes' memory, the machine, mounts, identities, serving. */
/* In packed lines: related calls are side by side. */
/* clang-format off */
static const int tool_calls[] = {
	SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(kcmp), SCMP_SYS(userfaultfd),
	SCMP_SYS(perf_event_open), SCMP_SYS(bpf), SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
	SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(mount),
	SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen),
	SCMP_SYS(fsmount), SCMP_SYS(fsconfig), SCMP_SYS(open_by_handle_at), SCMP_SYS(name_to_handle_at), SCMP_SYS(personality),
	SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(fanotify_init),
	SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load), SCMP_SYS(reboot),
	SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(acct), SCMP_SYS(quotactl), SCMP_SYS(syslog), SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime), SCMP_SYS(clock_adjtime), SCMP_SYS(adjtimex), SCMP_SYS(sethostname), SCMP_SYS(setdomainname),
	SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setresuid), SCMP_SYS(setresgid), SCMP_SYS(setreuid), SCMP_SYS(setregid),
	SCMP_SYS(setgroups), SCMP_SYS(setuid32), SCMP_SYS(setgid32), SCMP_SYS(setresuid32), SCMP_SYS(setresgid32),
	SCMP_SYS(setreuid32), SCMP_SYS(setregid32), SCMP_SYS(setgroups32), SCMP_SYS(umount), SCMP_SYS(stime),
	SCMP_SYS(clock_settime64), SCMP_SYS(clock_adjtime64), SCMP_SYS(kexec_file_load), SCMP_SYS(fspick), SCMP_SYS(mount_setattr),
};
/* clang-format on */

static int deny_to_tools(scmp_filter_ctx filter)
{
	return seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM)) |
	       filter_rules(filter, SCMP_ACT_ERRNO(EPERM), tool_calls, LENGTH_OF(tool_calls));
}

static int (*const lists[])(scmp_filter_ctx filter) = {
	[REFUSAL_TOOLS] = deny_to_tools,
	[REFUSAL_WATCHDOG] = deny_to_tools,
};
_Static_assert(LENGTH_OF(lists) == REFUSALS, "a list for each kind");

void *refusal_filter(enum refusal refusal, uint32_t architecture)
{
	scmp_filter_ctx filter = filter_make(SCMP_ACT_ALLOW, architecture);

	if (!filter || lists[refusal](filter) == 0)
		return filter;
	seccomp_release(filter);
	return NULL;
}

int refusal_take(enum refusal refusal)
{
	return filter_load(refusal_filter(refusal, seccomp_arch_native()));
}
