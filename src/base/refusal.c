// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/refusal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/filter.h"

/* Newer than libseccomp 2.5; all architectures that we know have the same numbers for them. */
enum { CALL_FCHMODAT2 = 452, CALL_SETXATTRAT = 463, CALL_REMOVEXATTRAT = 466, CALL_FILE_SETATTR = 469 };

/* In packed lines: related calls are side by side. */
/* clang-format off */

/* The machine, and the memory and descriptors of other processes: no program that opens a firewall needs these. */
static const int machine_calls[] = {
	SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(kcmp), SCMP_SYS(pidfd_getfd), SCMP_SYS(userfaultfd),
	SCMP_SYS(perf_event_open), SCMP_SYS(open_by_handle_at), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(reboot),
	SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(acct), SCMP_SYS(quotactl), SCMP_SYS(settimeofday), SCMP_SYS(stime),
	SCMP_SYS(clock_settime), SCMP_SYS(clock_settime64), SCMP_SYS(clock_adjtime), SCMP_SYS(clock_adjtime64), SCMP_SYS(adjtimex),
	SCMP_SYS(sethostname), SCMP_SYS(setdomainname), SCMP_SYS(iopl), SCMP_SYS(ioperm), SCMP_SYS(move_pages),
	SCMP_SYS(migrate_pages),
};

/* Doors to a lot of kernel, namespaces, mounts, modules. */
static const int kernel_calls[] = {
	SCMP_SYS(ptrace), SCMP_SYS(process_madvise), SCMP_SYS(bpf), SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register), SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(unshare), SCMP_SYS(setns),
	SCMP_SYS(mount), SCMP_SYS(umount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(move_mount),
	SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsmount), SCMP_SYS(fsconfig), SCMP_SYS(fspick), SCMP_SYS(mount_setattr),
	SCMP_SYS(name_to_handle_at), SCMP_SYS(personality), SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(fanotify_init),
	SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(syslog), SCMP_SYS(modify_ldt),
	SCMP_SYS(uselib), SCMP_SYS(vm86), SCMP_SYS(vm86old), SCMP_SYS(accept), SCMP_SYS(accept4),
};

/* Landlock cannot see these: a program of root's that is made setuid would be a way back for anybody. */
static const int attribute_calls[] = {
	SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(fchmodat), CALL_FCHMODAT2, SCMP_SYS(chown), SCMP_SYS(fchown), SCMP_SYS(lchown),
	SCMP_SYS(fchownat), SCMP_SYS(chown32), SCMP_SYS(fchown32), SCMP_SYS(lchown32), SCMP_SYS(setxattr), SCMP_SYS(lsetxattr),
	SCMP_SYS(fsetxattr), CALL_SETXATTRAT, SCMP_SYS(removexattr), SCMP_SYS(lremovexattr), SCMP_SYS(fremovexattr),
	CALL_REMOVEXATTRAT, CALL_FILE_SETATTR, SCMP_SYS(utime), SCMP_SYS(utimes), SCMP_SYS(futimesat), SCMP_SYS(utimensat),
	SCMP_SYS(utimensat_time64),
};

/* The gate starts the surveyor with other groups, and makes the listening sockets. */
static const int surveyor_calls[] = {
	SCMP_SYS(setresuid), SCMP_SYS(setresgid), SCMP_SYS(setgroups), SCMP_SYS(setresuid32), SCMP_SYS(setresgid32),
	SCMP_SYS(setgroups32), SCMP_SYS(listen),
};

static const int identity_calls[] = {
	SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid), SCMP_SYS(setregid), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid),
	SCMP_SYS(setuid32), SCMP_SYS(setgid32), SCMP_SYS(setreuid32), SCMP_SYS(setregid32), SCMP_SYS(setfsuid32),
	SCMP_SYS(setfsgid32),
};
/* clang-format on */

#define NO SCMP_ACT_ERRNO(EPERM)

/* Neither new files nor those without a name. openat2() keeps its flags where a filter cannot look. */
static int deny_setuid_files(scmp_filter_ctx filter)
{
	static const unsigned int making[] = { O_CREAT, O_TMPFILE & ~O_DIRECTORY }, bits[] = { S_ISUID, S_ISGID };
	int rc = filter_rule(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2));

	for (size_t i = 0; i < LENGTH_OF(bits); i++) {
		rc |= filter_rule_if(filter, NO, SCMP_SYS(creat), filter_bits(1, bits[i], bits[i]));
		for (size_t j = 0; j < LENGTH_OF(making); j++) {
			struct scmp_arg_cmp at[] = { filter_bits(2, making[j], making[j]), filter_bits(3, bits[i], bits[i]) };
			struct scmp_arg_cmp here[] = { filter_bits(1, making[j], making[j]), filter_bits(2, bits[i], bits[i]) };

			rc |= seccomp_rule_add_array(filter, NO, SCMP_SYS(openat), LENGTH_OF(at), at) |
			      seccomp_rule_add_array(filter, NO, SCMP_SYS(open), LENGTH_OF(here), here);
		}
	}
	return rc;
}

/* A raw socket is the tools' way to ask for the tables of iptables-legacy: with this protocol it receives nothing. */
static int deny_listening_in(scmp_filter_ctx filter, int family)
{
	const unsigned int types = 0xf; /* the others are flags */
	struct scmp_arg_cmp raw[] = { filter_command(0, (unsigned int)family), filter_bits(1, types, SOCK_RAW),
				      IF(2, SCMP_CMP_NE, IPPROTO_RAW) };
	struct scmp_arg_cmp packet[] = { filter_command(0, (unsigned int)family), filter_bits(1, types, SOCK_PACKET) };

	return seccomp_rule_add_array(filter, NO, SCMP_SYS(socket), LENGTH_OF(raw), raw) |
	       seccomp_rule_add_array(filter, NO, SCMP_SYS(socket), LENGTH_OF(packet), packet);
}

/* The rights over the firewall reach farther than the firewall: IPsec, tunnels, WireGuard, packets of others. */
static int deny_other_netlink(scmp_filter_ctx filter)
{
	int rc = 0;

	for (unsigned int protocol = 0; protocol <= NETLINK_NETFILTER; protocol++) {
		struct scmp_arg_cmp other[] = { filter_command(0, AF_NETLINK), filter_command(2, protocol) };

		if (protocol != NETLINK_ROUTE && protocol != NETLINK_SOCK_DIAG && protocol != NETLINK_NETFILTER)
			rc |= seccomp_rule_add_array(filter, NO, SCMP_SYS(socket), LENGTH_OF(other), other);
	}
	return rc | seccomp_rule_add_array(filter, NO, SCMP_SYS(socket), 2,
					   (struct scmp_arg_cmp[]){ filter_command(0, AF_NETLINK),
								    IF(2, SCMP_CMP_GT, NETLINK_NETFILTER) });
}

static int deny_sockets(scmp_filter_ctx filter)
{
	return filter_has_socketcall(filter) ? 0 :
					       filter_limit_families(filter, NO) | deny_listening_in(filter, AF_INET) |
						       deny_listening_in(filter, AF_INET6) | deny_other_netlink(filter);
}

/* By a UNIX socket root may ask others, systemd for example, for what it has no capability for. No tool of iptables needs one. */
static int deny_requests(scmp_filter_ctx filter)
{
	return filter_has_socketcall(filter) ? 0 : filter_rule_if(filter, NO, SCMP_SYS(socket), filter_command(0, AF_UNIX));
}

/* A program of another architecture has calls by other numbers; the administrator's may be one. */
static int deny_to_command(scmp_filter_ctx filter)
{
	return seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW) |
	       seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) | filter_rules(filter, NO, machine_calls, LENGTH_OF(machine_calls));
}

static int deny_to_gate(scmp_filter_ctx filter)
{
	return seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, NO) |
	       filter_rules(filter, NO, machine_calls, LENGTH_OF(machine_calls)) |
	       filter_rules(filter, NO, kernel_calls, LENGTH_OF(kernel_calls)) |
	       filter_rules(filter, NO, attribute_calls, LENGTH_OF(attribute_calls)) |
	       filter_rules(filter, NO, identity_calls, LENGTH_OF(identity_calls)) | deny_setuid_files(filter) |
	       deny_sockets(filter) | filter_rule_if(filter, NO, SCMP_SYS(prlimit64), IF(0, SCMP_CMP_NE, 0)) |
	       filter_rule_if(filter, NO, SCMP_SYS(ioctl), filter_command(1, TIOCSTI)) |
	       filter_rule_if(filter, NO, SCMP_SYS(ioctl), filter_command(1, TIOCLINUX));
}

static int deny_to_watchdog(scmp_filter_ctx filter)
{
	return deny_to_gate(filter) | filter_rules(filter, NO, surveyor_calls, LENGTH_OF(surveyor_calls));
}

static int deny_to_tools(scmp_filter_ctx filter)
{
	return deny_to_watchdog(filter) | deny_requests(filter);
}

static int (*const lists[])(scmp_filter_ctx filter) = {
	[REFUSAL_COMMAND] = deny_to_command,
	[REFUSAL_GATE] = deny_to_gate,
	[REFUSAL_WATCHDOG] = deny_to_watchdog,
	[REFUSAL_TOOLS] = deny_to_tools,
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
#ifdef SANITIZED
	if (refusal == REFUSAL_GATE || refusal == REFUSAL_COMMAND) /* a search for leaks is a tracer */
		return 0;
#endif
	return filter_load(refusal_filter(refusal, seccomp_arch_native()));
}
