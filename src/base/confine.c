// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/confine.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif

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

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/netlink.h>
#include <seccomp.h>
#include <stdint.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/wire.h"

#define MIB (1024 * 1024)

/* libseccomp's own macros leave the last field out, which clang warns of. */
#define IF(argument, comparison, value) ((struct scmp_arg_cmp){ argument, comparison, value, 0 })

/* --- files -------------------------------------------------------------------------------------------------------- */

/*
 * Kernel headers are older than kernels, and the sizes of these structs tell the kernel how much we know. See
 * Documentation/userspace-api/landlock.rst.
 */
struct known_rights {
	uint64_t files;	 /* handled_access_fs */
	uint64_t net;	 /* handled_access_net, since version 4 */
	uint64_t scoped; /* since version 6 */
};
#define BIND_TCP UINT64_C(1)
#define CONNECT_TCP UINT64_C(2)
#define SCOPES UINT64_C(3) /* abstract sockets and signals of processes outside */

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* Everything that this version knows about files: 13 rights in the first, then one more in 2, 3 and 5. */
static uint64_t rights_of_version(long version)
{
	int bits = 13 + (version >= 2) + (version >= 3) + (version >= 5);

	return (UINT64_C(1) << bits) - 1;
}

static int allow(int ruleset, int fd, uint64_t rights)
{
	struct landlock_path_beneath_attr beneath = { .allowed_access = rights, .parent_fd = fd };

	return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
}

/* Missing paths are skipped. */
static int allow_path(int ruleset, const char *path, uint64_t rights)
{
	OWN_FD int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? 0 : allow(ruleset, fd, rights);
}

/* Names and trust: where the C library, its NSS modules and OpenSSL read, on the distributions that we know. */
static int allow_client(int ruleset)
{
	static const char *const read_only[] = {
		"/etc",
		"/usr",
		"/lib",
		"/lib64",
		"/run/systemd/resolve",
		"/run/NetworkManager",
		"/run/resolvconf",
		"/var/lib/ca-certificates",
		"/proc/sys/net",
	};

	for (size_t i = 0; i < LENGTH_OF(read_only); i++)
		if (allow_path(ruleset, read_only[i], READ) < 0)
			return -1;
	return 0;
}

/* Landlock needs an existing directory: create it. */
static int allow_top(int ruleset, const char *name, uint64_t rights)
{
	OWN_FD int top = -1;

	sandbox_make_top(FD_STATE, name);
	top = openat(FD_STATE, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return top < 0 ? 0 : allow(ruleset, top, rights);
}

/* Files that are in the web server's directory already can be removed, not read. */
static int allow_tokens(int ruleset, int directory, uint64_t all)
{
	const uint64_t rights = LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |
				LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE;

	if (allow_top(ruleset, TOKEN_NOTES, all) < 0)
		return -1;
	return directory < 0 ? 0 : allow(ruleset, directory, rights);
}

/* Not the state directory itself, nor the journal, which lies beside them. */
static int allow_storer(int ruleset, const struct config *config, int tokens, uint64_t all)
{
	const char *eab_key = config->acme.eab_key_file;

	if (config->responder.mode == RESPONDER_WEBROOT && allow_tokens(ruleset, tokens, all) < 0)
		return -1;
	if (allow_top(ruleset, "accounts", all) < 0 || allow_top(ruleset, "certificates", all) < 0 ||
	    allow_top(ruleset, "ledger", all) < 0)
		return -1;
	return eab_key[0] ? allow_path(ruleset, eab_key, LANDLOCK_ACCESS_FS_READ_FILE) : 0;
}

/* The host's tools, which may be scripts, are read and run from anywhere. They keep each other out by /run/xtables.lock, and write nothing else. */
static int allow_tools(int ruleset)
{
	if (allow_path(ruleset, "/", READ | LANDLOCK_ACCESS_FS_EXECUTE) < 0 ||
	    allow_path(ruleset, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE) < 0)
		return -1;
	return allow_path(ruleset, "/run", LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG);
}

/* -1 with errno; 0 also where there is no Landlock. */
static int confine_files(enum role role, const struct config *config, int tokens)
{
	long version = sandbox_landlock();
	struct known_rights handled = { 0 };
	OWN_FD int ruleset = -1;
	int rc = 0;

	if (version <= 0)
		return 0;
	handled.files = rights_of_version(version);
	if (version >= 4)
		handled.net = role == ROLE_CLIENT ? BIND_TCP : BIND_TCP | CONNECT_TCP;
	if (version >= 6)
		handled.scoped = SCOPES;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
	if (ruleset < 0)
		return -1;
	if (role == ROLE_CLIENT)
		rc = allow_client(ruleset);
	else if (role == ROLE_STORER)
		rc = allow_storer(ruleset, config, tokens, handled.files);
	else if (role == ROLE_SWEEPER)
		rc = allow_tokens(ruleset, tokens, handled.files);
	else if (role == ROLE_BUS)
		rc = allow_path(ruleset, "/etc/firewalld/zones", READ);
	else if (role == ROLE_TOOLS)
		rc = allow_tools(ruleset);
	return rc < 0 ? -1 : (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}

/* --- system calls ------------------------------------------------------------------------------------------------- */

/*
 * Calls that an architecture does not have are left out of its filter. i386 and s390x have calls whose arguments lie in memory, where
 * no filter can look: all of sockets in one (socketcall; libseccomp adds it for each call that it stands for), and mmap.
 *
 * Three kinds of filter. What answers on sockets that it was given, and what writes below directories that it was given, has a
 * list of the calls that it may make. libcurl, libsystemd and the C library's name services change from release to release: the
 * client has a list of the calls that it may not make, acmegate-firewalld a list of the calls that read. A call that a list does not
 * have does not exist (ENOSYS): a newer C library then tries an older one.
 */
/* In packed lines: related calls are side by side. */
/* clang-format off */
static const int common_calls[] = {
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64), SCMP_SYS(recv), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
	SCMP_SYS(send), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(close),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(futex_time64),
	SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_nanosleep_time64),
};
/* clang-format on */

/* Of responder and surveyor. */
static const int answering_calls[] = { SCMP_SYS(accept4), SCMP_SYS(shutdown), SCMP_SYS(setsockopt) };

/*
 * Of those that keep files. Landlock, or where there is none a file system that is read-only for them (sandbox.h), says which files;
 * neither can be asked about a file's attributes, so these are changed through descriptors only, see own_descriptors_only(). Not
 * linkat(): one name for one file.
 */
static const int storing_calls[] = {
	SCMP_SYS(openat),     SCMP_SYS(fstat),	    SCMP_SYS(fstat64),	 SCMP_SYS(newfstatat), SCMP_SYS(fstatat64),
	SCMP_SYS(statx),      SCMP_SYS(fstatfs),    SCMP_SYS(fstatfs64), SCMP_SYS(getdents64), SCMP_SYS(getdents),
	SCMP_SYS(readlinkat), SCMP_SYS(pread64),    SCMP_SYS(lseek),	 SCMP_SYS(_llseek),    SCMP_SYS(fsync),
	SCMP_SYS(mkdirat),    SCMP_SYS(unlinkat),   SCMP_SYS(renameat),	 SCMP_SYS(renameat2),  SCMP_SYS(symlinkat),
	SCMP_SYS(setfsuid),   SCMP_SYS(setfsuid32), SCMP_SYS(geteuid),	 SCMP_SYS(geteuid32),
};

/* Of libsystemd's client of D-Bus: a socket, and files that it reads. */
/* In packed lines: related calls are side by side. */
/* clang-format off */
static const int bus_calls[] = {
	SCMP_SYS(connect), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
	SCMP_SYS(shutdown), SCMP_SYS(recvmmsg), SCMP_SYS(recvmmsg_time64), SCMP_SYS(sendmmsg), SCMP_SYS(writev), SCMP_SYS(readv), SCMP_SYS(pread64),
	SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(newfstatat), SCMP_SYS(fstatat64), SCMP_SYS(statx), SCMP_SYS(stat),
	SCMP_SYS(lstat), SCMP_SYS(stat64), SCMP_SYS(lstat64), SCMP_SYS(statfs), SCMP_SYS(statfs64), SCMP_SYS(fstatfs),
	SCMP_SYS(fstatfs64), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64), SCMP_SYS(getdents), SCMP_SYS(lseek), SCMP_SYS(_llseek), SCMP_SYS(getuid), SCMP_SYS(geteuid),
	SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getuid32), SCMP_SYS(geteuid32), SCMP_SYS(getgid32), SCMP_SYS(getegid32),
	SCMP_SYS(getgroups), SCMP_SYS(getgroups32), SCMP_SYS(getresuid), SCMP_SYS(getresgid), SCMP_SYS(getresuid32),
	SCMP_SYS(getresgid32), SCMP_SYS(getppid), SCMP_SYS(getsid), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(clock_getres),
	SCMP_SYS(clock_getres_time64),
	SCMP_SYS(getrlimit), SCMP_SYS(ugetrlimit), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield),
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2),
	SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_settime64), SCMP_SYS(eventfd2), SCMP_SYS(pipe2),
	SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(memfd_create), SCMP_SYS(sigaltstack),
};
/* clang-format on */

/* Newer than libseccomp 2.5; all architectures that we know have the same numbers for them. */
enum { CALL_FCHMODAT2 = 452, CALL_SETXATTRAT = 463, CALL_REMOVEXATTRAT = 466, CALL_FILE_SETATTR = 469 };

/*
 * Calls that the client does not need: other programs, processes and their memory, identities, mounts, the machine, ways around
 * this filter, connections to it, and changes to any file.
 */
/* In packed lines: related calls are side by side. */
/* clang-format off */
static const int denied_calls[] = {
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

static bool is_for(scmp_filter_ctx filter, uint32_t architecture)
{
	return seccomp_arch_exist(filter, architecture) == 0;
}

/* The oldest mmap there, beside mmap2; and the only one there is. */
static bool has_old_mmap(scmp_filter_ctx filter)
{
	return is_for(filter, SCMP_ARCH_X86);
}
static bool has_blind_mmap(scmp_filter_ctx filter)
{
	return is_for(filter, SCMP_ARCH_S390X) || is_for(filter, SCMP_ARCH_S390);
}
static bool has_socketcall(scmp_filter_ctx filter)
{
	return has_old_mmap(filter) || has_blind_mmap(filter);
}

/* libseccomp knows no name for CALL_*, and so no number of theirs on other architectures: only a test asks. */
static int rule(scmp_filter_ctx filter, uint32_t action, int call)
{
	int rc = seccomp_rule_add(filter, action, call, 0);

	return rc == -EFAULT && !is_for(filter, seccomp_arch_native()) ? 0 : rc;
}

static int rule_if(scmp_filter_ctx filter, uint32_t action, int call, struct scmp_arg_cmp condition)
{
	return seccomp_rule_add_array(filter, action, call, 1, &condition);
}

static int rules(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		rc |= rule(filter, action, calls[i]);
	return rc;
}

/* The kernel looks at 32 bits only of a command, of flags and of a descriptor. */
static struct scmp_arg_cmp is_command(unsigned int argument, unsigned int command)
{
	return SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, UINT32_MAX, command);
}

static struct scmp_arg_cmp has_bits(unsigned int argument, unsigned int mask, unsigned int bits)
{
	return SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, bits);
}

/* Memory to run code from is mapped by the loader, before this. */
static int allow_data_only(scmp_filter_ctx filter)
{
	int rc = rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap2), has_bits(2, PROT_EXEC, 0)) |
		 rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), has_bits(2, PROT_EXEC, 0));

	if (has_old_mmap(filter))
		return rc;
	return rc | (has_blind_mmap(filter) ? rule(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap)) :
					      rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), has_bits(2, PROT_EXEC, 0)));
}

static int allow_fcntl(scmp_filter_ctx filter, unsigned int command)
{
	return rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), is_command(1, command)) |
	       rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl64), is_command(1, command));
}

/* All that the signer needs: its channels, and files of roots that were opened before. */
static int allow_common(scmp_filter_ctx filter)
{
	return rules(filter, SCMP_ACT_ALLOW, common_calls, LENGTH_OF(common_calls)) | allow_data_only(filter) |
	       allow_fcntl(filter, F_GETFD);
}

static int allow_answering(scmp_filter_ctx filter)
{
	return allow_common(filter) | rules(filter, SCMP_ACT_ALLOW, answering_calls, LENGTH_OF(answering_calls));
}

/*
 * Those below FD_AGENT_END, and with them stderr, came from the warden; there are no more than 64 (sandbox.c). So a number is one's own
 * if it has one of three bits.
 */
static int own_descriptors_only(scmp_filter_ctx filter, int call)
{
	int rc = 0;

	_Static_assert(FD_AGENT_END == 8, "the bits below");
	for (unsigned int bit = FD_AGENT_END; bit < STORING_DESCRIPTORS; bit <<= 1)
		rc |= rule_if(filter, SCMP_ACT_ALLOW, call, has_bits(0, bit, bit));
	return rc;
}

static int allow_storing(scmp_filter_ctx filter)
{
	return allow_common(filter) | rules(filter, SCMP_ACT_ALLOW, storing_calls, LENGTH_OF(storing_calls)) |
	       allow_fcntl(filter, F_GETFL) | allow_fcntl(filter, F_SETFD) | own_descriptors_only(filter, SCMP_SYS(fchmod)) |
	       own_descriptors_only(filter, SCMP_SYS(fchown)) | own_descriptors_only(filter, SCMP_SYS(fchown32));
}

/* O_TMPFILE without O_DIRECTORY, of which it contains the bit. */
#define CHANGES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))

static int allow_bus(scmp_filter_ctx filter)
{
	static const unsigned int fcntls[] = { F_GETFL, F_SETFL, F_SETFD, F_DUPFD, F_DUPFD_CLOEXEC, F_ADD_SEALS, F_GET_SEALS };
	int rc = allow_common(filter) | rules(filter, SCMP_ACT_ALLOW, bus_calls, LENGTH_OF(bus_calls)) |
		 rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), is_command(0, AF_UNIX)) |
		 rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), has_bits(2, CHANGES, 0)) |
		 rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), has_bits(1, CHANGES, 0)) |
		 rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), is_command(0, PR_GET_NAME)) |
		 rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), IF(2, SCMP_CMP_EQ, 0));

	for (size_t i = 0; i < LENGTH_OF(fcntls); i++)
		rc |= allow_fcntl(filter, fcntls[i]);
	return rc;
}

/* --- the client's ------------------------------------------------------------------------------------------------- */

/*
 * The C library asks the kernel for its addresses (NETLINK_ROUTE), and looks names up through sockets of other services. Where it
 * makes sockets by socketcall, their kind cannot be seen.
 */
static int limit_sockets(scmp_filter_ctx filter, uint32_t no)
{
	static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
	struct scmp_arg_cmp other_netlink[] = { IF(0, SCMP_CMP_EQ, AF_NETLINK), IF(2, SCMP_CMP_NE, NETLINK_ROUTE) };
	int rc;

	if (has_socketcall(filter))
		return 0;
	rc = rule_if(filter, no, SCMP_SYS(socket), IF(0, SCMP_CMP_GT, AF_NETLINK));
	for (int family = 0, i = 0; family <= AF_NETLINK; family++)
		if (family == families[i])
			i++;
		else
			rc |= rule_if(filter, no, SCMP_SYS(socket), IF(0, SCMP_CMP_EQ, (scmp_datum_t)family));
	return rc | seccomp_rule_add_array(filter, no, SCMP_SYS(socket), LENGTH_OF(other_netlink), other_netlink);
}

/*
 * Ways to reach others that look harmless: to type on the terminal that stderr may be, to have the kernel send a signal when
 * a descriptor has news, to set another process's limits or signal it by thread.
 */
static int deny_reach(scmp_filter_ctx filter, uint32_t no)
{
	static const unsigned int ioctls[] = { TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP };
	static const unsigned int fcntls[] = { F_SETOWN, F_SETOWN_EX, F_SETSIG };
	int rc = rule_if(filter, no, SCMP_SYS(tgkill), IF(0, SCMP_CMP_NE, (scmp_datum_t)getpid())) |
		 rule_if(filter, no, SCMP_SYS(prlimit64), IF(0, SCMP_CMP_NE, 0));

	for (size_t i = 0; i < LENGTH_OF(ioctls); i++)
		rc |= rule_if(filter, no, SCMP_SYS(ioctl), is_command(1, ioctls[i]));
	for (size_t i = 0; i < LENGTH_OF(fcntls); i++)
		rc |= rule_if(filter, no, SCMP_SYS(fcntl), is_command(1, fcntls[i])) |
		      rule_if(filter, no, SCMP_SYS(fcntl64), is_command(1, fcntls[i]));
	return rc;
}

/* openat2() keeps its flags where a filter cannot look. */
static int deny_changes(scmp_filter_ctx filter, uint32_t no)
{
	int rc = rule(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2));

	for (unsigned int bit = 1; bit && bit <= CHANGES; bit <<= 1)
		if (bit & CHANGES)
			rc |= rule_if(filter, no, SCMP_SYS(openat), has_bits(2, bit, bit)) |
			      rule_if(filter, no, SCMP_SYS(open), has_bits(1, bit, bit));
	return rc;
}

/* Name services are libraries, which the C library loads when it needs them: code may come from files, and stays as it is there. */
static int deny_new_code(scmp_filter_ctx filter, uint32_t no)
{
	const int maps[] = { SCMP_SYS(mmap2), SCMP_SYS(mmap) };
	const bool old = has_old_mmap(filter), blind = has_blind_mmap(filter);
	struct scmp_arg_cmp writable[] = { has_bits(2, PROT_EXEC | PROT_WRITE, PROT_EXEC | PROT_WRITE) };
	struct scmp_arg_cmp anonymous[] = { has_bits(2, PROT_EXEC, PROT_EXEC), has_bits(3, MAP_ANONYMOUS, MAP_ANONYMOUS) };
	int rc = rule_if(filter, no, SCMP_SYS(mprotect), has_bits(2, PROT_EXEC, PROT_EXEC)) |
		 (old ? rule(filter, no, SCMP_SYS(mmap)) : 0);

	for (size_t i = 0; i < LENGTH_OF(maps) - (old || blind); i++)
		rc |= seccomp_rule_add_array(filter, no, maps[i], LENGTH_OF(writable), writable) |
		      seccomp_rule_add_array(filter, no, maps[i], LENGTH_OF(anonymous), anonymous);
	return rc;
}

/* A C library that makes processes with clone3() tries clone() then; its arguments cannot be looked at. */
static int deny_much(scmp_filter_ctx filter)
{
	const uint32_t no = SCMP_ACT_ERRNO(EPERM);

	return rules(filter, no, denied_calls, LENGTH_OF(denied_calls)) | rule(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3)) |
	       deny_reach(filter, no) | deny_changes(filter, no) | deny_new_code(filter, no) | limit_sockets(filter, no);
}

/* --- by role ------------------------------------------------------------------------------------------------------ */

static const struct {
	int (*add)(scmp_filter_ctx filter);
	bool denies; /* what is not in the filter is allowed */
} filters[] = {
	[ROLE_CLIENT] = { deny_much, true },	      [ROLE_SIGNER] = { allow_common, false },
	[ROLE_STORER] = { allow_storing, false },     [ROLE_RESPONDER] = { allow_answering, false },
	[ROLE_SWEEPER] = { allow_storing, false },    [ROLE_TRANSLATOR] = { allow_common, false },
	[ROLE_SURVEYOR] = { allow_answering, false }, [ROLE_BUS] = { allow_bus, false },
};
_Static_assert(LENGTH_OF(filters) == ALL_ROLES, "a filter for each role");

void *confine_filter(enum role role, uint32_t architecture)
{
	scmp_filter_ctx filter = sandbox_filter(filters[role].denies ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(ENOSYS), architecture);

	if (!filter || filters[role].add(filter) == 0)
		return filter;
	seccomp_release(filter);
	return NULL;
}

static int confine_calls(enum role role, struct fault *fault)
{
	const uint32_t here = seccomp_arch_native();
	scmp_filter_ctx filter = role == ROLE_TOOLS ? sandbox_watchdog_filter(here) : confine_filter(role, here);
	int rc = filter ? seccomp_load(filter) : -ENOMEM;

	seccomp_release(filter);
	return rc == 0 ? 0 :
			 fault_set(fault, FAULT_FAILED,
				   "filtering the system calls of the %s failed (%d); a kernel with "
				   "CONFIG_SECCOMP_FILTER is needed",
				   sandbox_role_name(role), rc);
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

/* Ten times what it needs: a child that goes wild must not take the warden with it when the machine runs out of memory. */
static int confine_memory(enum role role)
{
	const rlim_t most = (role == ROLE_CLIENT ? 128 : 64) * (rlim_t)MIB;
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
	if ((role != ROLE_TOOLS && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) || confine_memory(role) < 0 ||
	    confine_files(role, config, tokens) < 0)
		return fault_errno(fault, FAULT_FAILED, "confining the %s", sandbox_role_name(role));
	return confine_calls(role, fault);
}

#endif
