// SPDX-License-Identifier: GPL-3.0-or-later
#include "confine.h"

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

#include "wire.h"

#define MIB (1024 * 1024)

/* libseccomp's own macros leave the last field out, which clang warns of. */
#define IF(argument, comparison, value) ((struct scmp_arg_cmp){ argument, comparison, value, 0 })

/* --- files -------------------------------------------------------------------------------------------------------- */

/*
 * Kernel headers are older than kernels, and the sizes of these structs tell the kernel how much we know. See
 * Documentation/userspace-api/landlock.rst.
 */
struct known_rights {
	uint64_t files;		/* handled_access_fs */
	uint64_t net;		/* handled_access_net, since version 4 */
	uint64_t scoped;	/* since version 6 */
};
#define BIND_TCP    UINT64_C(1)
#define CONNECT_TCP UINT64_C(2)
#define SCOPES	    UINT64_C(3) /* abstract sockets and signals of processes outside */

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* Everything that this version knows about files: 13 rights in the first, then one more in 2, 3 and 5. */
static uint64_t rights_of_version(long version)
{
	int bits = 13 + (version >= 2) + (version >= 3) + (version >= 5);

	return (UINT64_C(1) << bits) - 1;
}

/* What is not there need not be allowed. */
static int allow(int ruleset, int fd, uint64_t rights)
{
	struct landlock_path_beneath_attr beneath = { .allowed_access = rights, .parent_fd = fd };

	return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
}

static int allow_path(int ruleset, const char *path, uint64_t rights)
{
	OWN_FD int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? 0 : allow(ruleset, fd, rights);
}

/* Names and trust: where the C library, its NSS modules and OpenSSL read, on the distributions that we know. */
static int allow_client(int ruleset)
{
	static const char *const read_only[] = {
		"/etc", "/usr", "/lib", "/lib64", "/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf",
		"/var/lib/ca-certificates", "/proc/sys/net",
	};

	for (size_t i = 0; i < LENGTH_OF(read_only); i++)
		if (allow_path(ruleset, read_only[i], READ) < 0)
			return -1;
	return 0;
}

/* Rules are for what exists, so it is made here. Where that fails, the store will say why it cannot work. */
static int allow_top(int ruleset, const char *name, uint64_t rights)
{
	OWN_FD int state = openat(FD_STATE, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	OWN_FD int top = -1;

	if (mkdirat(FD_STATE, name, 0700) == 0 && state >= 0)
		(void)fsync(state);
	top = openat(FD_STATE, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return top < 0 ? 0 : allow(ruleset, top, rights);
}

/* What lies in the web server's directory already can be removed, not read. */
static int allow_tokens(int ruleset, int directory, uint64_t all)
{
	const uint64_t rights = LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |
				LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE;

	if (allow(ruleset, FD_STATE, LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR) < 0 ||
	    allow_top(ruleset, TOKEN_NOTES, all) < 0)
		return -1;
	return directory < 0 ? 0 : allow(ruleset, directory, rights);
}

/* Not the journal, which lies beside them. The time zone: OpenSSL calls mktime(). */
static int allow_keeper(int ruleset, const struct config *config, int tokens, uint64_t all)
{
	const char *eab_key = config->acme.eab_key_file;

	if (config->responder.mode == RESPONDER_WEBROOT && allow_tokens(ruleset, tokens, all) < 0)
		return -1;
	if (allow(ruleset, FD_STATE, LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR) < 0 ||
	    allow_top(ruleset, "accounts", all) < 0 || allow_top(ruleset, "certificates", all) < 0 ||
	    allow_path(ruleset, "/etc/localtime", LANDLOCK_ACCESS_FS_READ_FILE) < 0)
		return -1;
	return eab_key[0] ? allow_path(ruleset, eab_key, LANDLOCK_ACCESS_FS_READ_FILE) : 0;
}

/* -1 with errno; 0 also where there is no Landlock. */
static int confine_files(enum role role, const struct config *config, int tokens)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
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
	else if (role == ROLE_KEEPER)
		rc = allow_keeper(ruleset, config, tokens, handled.files);
	else if (role == ROLE_SWEEPER)
		rc = allow_tokens(ruleset, tokens, handled.files);
	else if (role == ROLE_BUS)
		rc = allow_path(ruleset, "/etc/firewalld/zones", READ);
	return rc < 0 ? -1 : (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}

/* --- system calls ------------------------------------------------------------------------------------------------- */

/* All that responder and surveyor need: they answer on sockets that they were given. */
static const int answering_calls[] = {
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(accept4), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto),
	SCMP_SYS(sendmsg), SCMP_SYS(shutdown), SCMP_SYS(setsockopt), SCMP_SYS(read),
	SCMP_SYS(write), SCMP_SYS(close), SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(brk),
	SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(getrandom), SCMP_SYS(getpid),
	SCMP_SYS(gettid), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_nanosleep_time64),
};

/*
 * What the others do not do, however libcurl, OpenSSL, libsystemd and the C library change: other programs, processes and their
 * memory, identities, mounts, the machine, ways around this filter. Not setfsuid(), see file.c: it needs a capability, which
 * keeper and sweeper alone have, and there it reaches no file that Landlock does not leave.
 */
static const int denied_calls[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(clone),
	SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(process_madvise),
	SCMP_SYS(kcmp), SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_getfd), SCMP_SYS(pidfd_send_signal), SCMP_SYS(kill),
	SCMP_SYS(tkill), SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(rt_tgsigqueueinfo), SCMP_SYS(setpriority), SCMP_SYS(setpgid),
	SCMP_SYS(setsid), SCMP_SYS(ioprio_set), SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_setattr),
	SCMP_SYS(sched_setparam), SCMP_SYS(sched_setscheduler), SCMP_SYS(migrate_pages), SCMP_SYS(move_pages),
	SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid), SCMP_SYS(setregid), SCMP_SYS(setresuid),
	SCMP_SYS(setresgid), SCMP_SYS(setgroups), SCMP_SYS(setfsgid), SCMP_SYS(capset),
	SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
	SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsconfig), SCMP_SYS(fsmount),
	SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(open_by_handle_at), SCMP_SYS(name_to_handle_at),
	SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(keyctl), SCMP_SYS(add_key),
	SCMP_SYS(request_key), SCMP_SYS(personality), SCMP_SYS(fanotify_init), SCMP_SYS(memfd_secret),
	SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(acct),
	SCMP_SYS(quotactl), SCMP_SYS(syslog), SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(clock_adjtime),
	SCMP_SYS(adjtimex), SCMP_SYS(sethostname), SCMP_SYS(setdomainname), SCMP_SYS(iopl), SCMP_SYS(ioperm),
	SCMP_SYS(modify_ldt), SCMP_SYS(mknod), SCMP_SYS(mknodat),
};

static const int serving_calls[] = { SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4) };
static const int network_calls[] = { SCMP_SYS(socket), SCMP_SYS(bind), SCMP_SYS(connect), SCMP_SYS(socketcall) };

static int rule(scmp_filter_ctx filter, uint32_t action, int call)
{
	return seccomp_rule_add(filter, action, call, 0);
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

static struct scmp_arg_cmp is_command(unsigned int argument, unsigned int command)
{
	return SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, UINT32_MAX, command); /* the kernel looks at 32 bits only */
}

/* Memory to run code from is mapped by the loader, before this. */
static int allow_data_only(scmp_filter_ctx filter)
{
	return rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) |
	       rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* The C library asks the kernel for its addresses (NETLINK_ROUTE), and looks names up through sockets of other services. */
static int limit_sockets(scmp_filter_ctx filter, uint32_t no)
{
	static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
	int rc = rule_if(filter, no, SCMP_SYS(socket), IF(0, SCMP_CMP_GT, AF_NETLINK));
	struct scmp_arg_cmp other_netlink[] = { IF(0, SCMP_CMP_EQ, AF_NETLINK), IF(2, SCMP_CMP_NE, NETLINK_ROUTE) };

	for (int family = 0, i = 0; family <= AF_NETLINK; family++)
		if (family == families[i])
			i++;
		else
			rc |= rule_if(filter, no, SCMP_SYS(socket), IF(0, SCMP_CMP_EQ, (scmp_datum_t)family));
	return rc | seccomp_rule_add_array(filter, no, SCMP_SYS(socket), LENGTH_OF(other_netlink), other_netlink);
}

static int limit_network(scmp_filter_ctx filter, enum role role, uint32_t no)
{
	if (role == ROLE_CLIENT)
		return limit_sockets(filter, no);
	if (role == ROLE_BUS)
		return rule_if(filter, no, SCMP_SYS(socket), IF(0, SCMP_CMP_NE, AF_UNIX)) | rule(filter, no, SCMP_SYS(bind));
	return rules(filter, no, network_calls, LENGTH_OF(network_calls));
}

/*
 * Ways to reach others that look harmless: to type on the terminal that stderr may be, to have the kernel send a signal when
 * a descriptor has news, to set another process's limits or signal it by thread. The keeper is root's, as the warden is, and so is the client of D-Bus.
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

static int allow_answering(scmp_filter_ctx filter)
{
	return rules(filter, SCMP_ACT_ALLOW, answering_calls, LENGTH_OF(answering_calls)) | allow_data_only(filter) |
	       rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), is_command(1, F_GETFD)) |
	       rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl64), is_command(1, F_GETFD));
}

static bool only_answers(enum role role)
{
	return role == ROLE_RESPONDER || role == ROLE_SURVEYOR;
}

static int add_rules(scmp_filter_ctx filter, enum role role)
{
	const uint32_t no = SCMP_ACT_ERRNO(EPERM);
	int rc;

	if (only_answers(role))
		return allow_answering(filter);
	/* A C library that makes processes with clone3() tries clone() then; its arguments cannot be looked at. */
	rc = rules(filter, no, denied_calls, LENGTH_OF(denied_calls)) |
	     rule(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3)) | deny_reach(filter, no) |
	     rules(filter, no, serving_calls, LENGTH_OF(serving_calls));
	return rc | limit_network(filter, role, no);
}

static int confine_calls(enum role role, struct fault *fault)
{
	scmp_filter_ctx filter = seccomp_init(only_answers(role) ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW);
	int rc = filter ? add_rules(filter, role) : -ENOMEM;

	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc == 0 ? 0 : fault_set(fault, FAULT_FAILED, "filtering the system calls of the %s failed (%d); a kernel with "
							   "CONFIG_SECCOMP_FILTER is needed", sandbox_role_name(role), rc);
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

/* Ten times what it needs: a child that goes wild must not take the warden with it when the machine runs out of memory. */
static int confine_memory(enum role role)
{
	const rlim_t most = (role == ROLE_CLIENT ? 128 : 64) * (rlim_t)MIB;
	const struct rlimit limit = { most, most };

	return role == ROLE_SURVEYOR ? 0 : setrlimit(RLIMIT_DATA, &limit); /* a ruleset may be of any size */
}

int confine(enum role role, const struct config *config, int tokens, struct fault *fault)
{
	/* client and responder are the same user: neither may look into the other through /proc or ptrace */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || confine_memory(role) < 0 || confine_files(role, config, tokens) < 0)
		return fault_errno(fault, FAULT_FAILED, "confining the %s", sandbox_role_name(role));
	return confine_calls(role, fault);
}

#endif
