// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/permission.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/filter.h"
#include "base/wire.h"

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

/* Of both responders and the surveyor. */
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

/* Memory to run code from is mapped by the loader, before this. */
static int allow_data_only(scmp_filter_ctx filter)
{
	int rc = filter_rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap2), filter_bits(2, PROT_EXEC, 0)) |
		 filter_rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), filter_bits(2, PROT_EXEC, 0));

	if (filter_has_old_mmap(filter))
		return rc;
	return rc | (filter_has_blind_mmap(filter) ?
			     filter_rule(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap)) :
			     filter_rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), filter_bits(2, PROT_EXEC, 0)));
}

static int allow_fcntl(scmp_filter_ctx filter, unsigned int command)
{
	return filter_rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), filter_command(1, command)) |
	       filter_rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl64), filter_command(1, command));
}

/* All that the signer needs: its channels, and files of roots that were opened before. */
static int allow_common(scmp_filter_ctx filter)
{
	return filter_rules(filter, SCMP_ACT_ALLOW, common_calls, LENGTH_OF(common_calls)) | allow_data_only(filter) |
	       allow_fcntl(filter, F_GETFD);
}

static int allow_answering(scmp_filter_ctx filter)
{
	return allow_common(filter) | filter_rules(filter, SCMP_ACT_ALLOW, answering_calls, LENGTH_OF(answering_calls));
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
		rc |= filter_rule_if(filter, SCMP_ACT_ALLOW, call, filter_bits(0, bit, bit));
	return rc;
}

static int allow_storing(scmp_filter_ctx filter)
{
	return allow_common(filter) | filter_rules(filter, SCMP_ACT_ALLOW, storing_calls, LENGTH_OF(storing_calls)) |
	       allow_fcntl(filter, F_GETFL) | allow_fcntl(filter, F_SETFD) | own_descriptors_only(filter, SCMP_SYS(fchmod)) |
	       own_descriptors_only(filter, SCMP_SYS(fchown)) | own_descriptors_only(filter, SCMP_SYS(fchown32));
}

static int allow_bus(scmp_filter_ctx filter)
{
	static const unsigned int fcntls[] = { F_GETFL, F_SETFL, F_SETFD, F_DUPFD, F_DUPFD_CLOEXEC, F_ADD_SEALS, F_GET_SEALS };
	int rc = allow_common(filter) | filter_rules(filter, SCMP_ACT_ALLOW, bus_calls, LENGTH_OF(bus_calls)) |
		 filter_rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), filter_command(0, AF_UNIX)) |
		 filter_rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), filter_bits(2, CHANGES, 0)) |
		 filter_rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), filter_bits(1, CHANGES, 0)) |
		 filter_rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), filter_command(0, PR_GET_NAME)) |
		 filter_rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), IF(2, SCMP_CMP_EQ, 0));

	for (size_t i = 0; i < LENGTH_OF(fcntls); i++)
		rc |= allow_fcntl(filter, fcntls[i]);
	return rc;
}

/* Files that are there are read, and standard output is written; json_dumpf() and the C library ask what that is. */
static int allow_viewing(scmp_filter_ctx filter)
{
	static const int calls[] = { SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(newfstatat), SCMP_SYS(fstatat64), SCMP_SYS(statx),
				     SCMP_SYS(lseek), SCMP_SYS(_llseek), SCMP_SYS(pread64),    SCMP_SYS(uname) };

	return allow_common(filter) | filter_rules(filter, SCMP_ACT_ALLOW, calls, LENGTH_OF(calls)) | allow_fcntl(filter, F_GETFL) |
	       filter_rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), filter_bits(2, CHANGES, 0));
}

/* It speaks TCP to name servers, has one file open to write to, and opens none. Its keys are in memory. */
static int allow_dns(scmp_filter_ctx filter)
{
	static const int calls[] = { SCMP_SYS(connect),	 SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(pread64),
				     SCMP_SYS(pwrite64), SCMP_SYS(fdatasync),  SCMP_SYS(ftruncate),  SCMP_SYS(ftruncate64) };
	static const int families[] = { AF_INET, AF_INET6 };
	int rc = allow_common(filter) | filter_rules(filter, SCMP_ACT_ALLOW, calls, LENGTH_OF(calls)) |
		 allow_fcntl(filter, F_GETFL) | allow_fcntl(filter, F_SETFD);

	if (filter_has_socketcall(filter)) /* its arguments lie in memory */
		return rc | filter_rule(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket));
	for (size_t i = 0; i < LENGTH_OF(families); i++) {
		struct scmp_arg_cmp stream[] = { filter_command(0, (unsigned int)families[i]), filter_bits(1, 0xf, SOCK_STREAM) };

		rc |= seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), LENGTH_OF(stream), stream);
	}
	return rc;
}

static int (*const lists[])(scmp_filter_ctx filter) = {
	[ROLE_SIGNER] = allow_common,	[ROLE_STORER] = allow_storing,	  [ROLE_RESPONDER] = allow_answering,
	[ROLE_SWEEPER] = allow_storing, [ROLE_TRANSLATOR] = allow_common, [ROLE_SURVEYOR] = allow_answering,
	[ROLE_PLACER] = allow_storing,	[ROLE_BUS] = allow_bus,		  [ROLE_VIEWER] = allow_viewing,
	[ROLE_IMPORTER] = allow_common, [ROLE_DNS] = allow_dns,		  [ROLE_WATCHER] = allow_common,
	[ROLE_TLS] = allow_answering,
};
_Static_assert(LENGTH_OF(lists) == ALL_ROLES, "a list for each role");

void *permission_filter(enum role role, uint32_t architecture)
{
	scmp_filter_ctx filter = filter_make(SCMP_ACT_ERRNO(ENOSYS), architecture);

	if (!filter || lists[role](filter) == 0)
		return filter;
	seccomp_release(filter);
	return NULL;
}
