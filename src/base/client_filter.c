// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/client_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/filter.h"

/* Newer than libseccomp 2.5; all architectures that we know have the same numbers for them. */
enum { CALL_FCHMODAT2 = 452, CALL_SETXATTRAT = 463, CALL_REMOVEXATTRAT = 466, CALL_FILE_SETATTR = 469 };

/*
 * Calls that the client does not need: other programs, processes and their memory, identities, mounts, the machine, ways around
 * this filter, connections to it, and changes to any file.
 */
/* In packed lines: related calls are side by side. */
/* clang-format off */
static const int client_calls[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(clone),
	SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(process_madvise),
	SCMP_SYS(kcmp), SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_getfd), SCMP_SYS(pidfd_send_signal), SCMP_SYS(kill),
	SCMP_SYS(tkill), SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(rt_tgsigqueueinfo), SCMP_SYS(setpriority), SCMP_SYS(setpgid),
	SCMP_SYS(setsid), SCMP_SYS(ioprio_set), SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_setattr),
	SCMP_SYS(sched_setparam), SCMP_SYS(sched_setscheduler), SCMP_SYS(migrate_pages), SCMP_SYS(move_pages),
	SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid), SCMP_SYS(setregid), SCMP_SYS(setresuid),
	SCMP_SYS(setresgid), SCMP_SYS(setgroups), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid), SCMP_SYS(capset),
	SCMP_SYS(setuid32), SCMP_SYS(setgid32), SCMP_SYS(setreuid32), SCMP_SYS(setregid32), SCMP_SYS(setresuid32),
	SCMP_SYS(setresgid32), SCMP_SYS(setgroups32), SCMP_SYS(setfsuid32), SCMP_SYS(setfsgid32),
	SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(mount), SCMP_SYS(umount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
	SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsconfig), SCMP_SYS(fsmount),
	SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(open_by_handle_at), SCMP_SYS(name_to_handle_at),
	SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(keyctl), SCMP_SYS(add_key),
	SCMP_SYS(request_key), SCMP_SYS(personality), SCMP_SYS(fanotify_init), SCMP_SYS(memfd_secret),
	SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(acct),
	SCMP_SYS(quotactl), SCMP_SYS(syslog), SCMP_SYS(settimeofday), SCMP_SYS(stime), SCMP_SYS(clock_settime),
	SCMP_SYS(clock_settime64), SCMP_SYS(clock_adjtime), SCMP_SYS(clock_adjtime64), SCMP_SYS(adjtimex), SCMP_SYS(sethostname),
	SCMP_SYS(setdomainname), SCMP_SYS(iopl), SCMP_SYS(ioperm), SCMP_SYS(modify_ldt), SCMP_SYS(vm86), SCMP_SYS(vm86old),
	SCMP_SYS(uselib), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4),
	SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(creat), SCMP_SYS(truncate), SCMP_SYS(truncate64), SCMP_SYS(ftruncate),
	SCMP_SYS(ftruncate64), SCMP_SYS(fallocate), SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(fchmodat), CALL_FCHMODAT2,
	SCMP_SYS(chown), SCMP_SYS(fchown), SCMP_SYS(lchown), SCMP_SYS(fchownat), SCMP_SYS(chown32), SCMP_SYS(fchown32),
	SCMP_SYS(lchown32), SCMP_SYS(setxattr), SCMP_SYS(lsetxattr), SCMP_SYS(fsetxattr), CALL_SETXATTRAT, SCMP_SYS(removexattr),
	SCMP_SYS(lremovexattr), SCMP_SYS(fremovexattr), CALL_REMOVEXATTRAT, CALL_FILE_SETATTR, SCMP_SYS(utime), SCMP_SYS(utimes),
	SCMP_SYS(futimesat), SCMP_SYS(utimensat), SCMP_SYS(utimensat_time64), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(symlink),
	SCMP_SYS(symlinkat), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
	SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(memfd_create), SCMP_SYS(mq_open), SCMP_SYS(mq_unlink),
	SCMP_SYS(shmget), SCMP_SYS(shmat), SCMP_SYS(shmctl), SCMP_SYS(semget), SCMP_SYS(semop), SCMP_SYS(semtimedop),
	SCMP_SYS(semtimedop_time64), SCMP_SYS(semctl),
	SCMP_SYS(msgget), SCMP_SYS(msgsnd), SCMP_SYS(msgrcv), SCMP_SYS(msgctl), SCMP_SYS(ipc), SCMP_SYS(pkey_mprotect),
};
/* clang-format on */

/*
 * The C library asks the kernel for its addresses (NETLINK_ROUTE), and looks names up through sockets of other services. Where it
 * makes sockets by socketcall, their kind cannot be seen.
 */
static int limit_sockets(scmp_filter_ctx filter, uint32_t no)
{
	struct scmp_arg_cmp other_netlink[] = { IF(0, SCMP_CMP_EQ, AF_NETLINK), IF(2, SCMP_CMP_NE, NETLINK_ROUTE) };

	return filter_has_socketcall(filter) ?
		       0 :
		       filter_limit_families(filter, no) |
			       seccomp_rule_add_array(filter, no, SCMP_SYS(socket), LENGTH_OF(other_netlink), other_netlink);
}

/*
 * Ways to reach others that look harmless: to type on the terminal that stderr may be, to have the kernel send a signal when
 * a descriptor has news, to set another process's limits or signal it by thread.
 */
static int deny_reach(scmp_filter_ctx filter, uint32_t no)
{
	static const unsigned int ioctls[] = { TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP };
	static const unsigned int fcntls[] = { F_SETOWN, F_SETOWN_EX, F_SETSIG };
	int rc = filter_rule_if(filter, no, SCMP_SYS(tgkill), IF(0, SCMP_CMP_NE, (scmp_datum_t)getpid())) |
		 filter_rule_if(filter, no, SCMP_SYS(prlimit64), IF(0, SCMP_CMP_NE, 0));

	for (size_t i = 0; i < LENGTH_OF(ioctls); i++)
		rc |= filter_rule_if(filter, no, SCMP_SYS(ioctl), filter_command(1, ioctls[i]));
	for (size_t i = 0; i < LENGTH_OF(fcntls); i++)
		rc |= filter_rule_if(filter, no, SCMP_SYS(fcntl), filter_command(1, fcntls[i])) |
		      filter_rule_if(filter, no, SCMP_SYS(fcntl64), filter_command(1, fcntls[i]));
	return rc;
}

/* openat2() keeps its flags where a filter cannot look. */
static int deny_changes(scmp_filter_ctx filter, uint32_t no)
{
	int rc = filter_rule(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2));

	for (unsigned int bit = 1; bit && bit <= CHANGES; bit <<= 1)
		if (bit & CHANGES)
			rc |= filter_rule_if(filter, no, SCMP_SYS(openat), filter_bits(2, bit, bit)) |
			      filter_rule_if(filter, no, SCMP_SYS(open), filter_bits(1, bit, bit));
	return rc;
}

/* Name services are libraries, which the C library loads when it needs them: code may come from files, and stays as it is there. */
static int deny_new_code(scmp_filter_ctx filter, uint32_t no)
{
	const int maps[] = { SCMP_SYS(mmap2), SCMP_SYS(mmap) };
	const bool old = filter_has_old_mmap(filter), blind = filter_has_blind_mmap(filter);
	struct scmp_arg_cmp writable[] = { filter_bits(2, PROT_EXEC | PROT_WRITE, PROT_EXEC | PROT_WRITE) };
	struct scmp_arg_cmp anonymous[] = { filter_bits(2, PROT_EXEC, PROT_EXEC), filter_bits(3, MAP_ANONYMOUS, MAP_ANONYMOUS) };
	int rc = filter_rule_if(filter, no, SCMP_SYS(mprotect), filter_bits(2, PROT_EXEC, PROT_EXEC)) |
		 (old ? filter_rule(filter, no, SCMP_SYS(mmap)) : 0);

	for (size_t i = 0; i < LENGTH_OF(maps) - (old || blind); i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): there are two of them */
		rc |= seccomp_rule_add_array(filter, no, maps[i], LENGTH_OF(writable), writable) |
		      seccomp_rule_add_array(filter, no, maps[i], LENGTH_OF(anonymous), anonymous);
	return rc;
}

/* A C library that makes processes with clone3() tries clone() then; its arguments cannot be looked at. */
static int deny_much(scmp_filter_ctx filter)
{
	const uint32_t no = SCMP_ACT_ERRNO(EPERM);

	return filter_rules(filter, no, client_calls, LENGTH_OF(client_calls)) |
	       filter_rule(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3)) | deny_reach(filter, no) | deny_changes(filter, no) |
	       deny_new_code(filter, no) | limit_sockets(filter, no);
}

void *client_filter(uint32_t architecture)
{
	scmp_filter_ctx filter = filter_make(SCMP_ACT_ALLOW, architecture);

	if (!filter || deny_much(filter) == 0)
		return filter;
	seccomp_release(filter);
	return NULL;
}
