// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The filters of system calls on each architecture: they are built for it here, exported, and evaluated; and the calls that each
 * role can still do in this machine, behind its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "between.h"
#include "has_filters.h"
#include "skip_because.h"
#include "base/confine.h"
#include "base/own.h"
#include "base/refusal.h"
#include "base/wire.h"

#define MIB (1024 * 1024)

/* --- the machine that runs a filter: linux/filter.h, as far as libseccomp uses it --------------------------------- */

struct call {
	uint32_t number, architecture;
	uint64_t argument[6];
};

struct program {
	struct sock_filter step[4096];
	size_t steps;
	bool big;
};

/* struct seccomp_data: number, architecture, instruction pointer, arguments; each of 64 bits in two halves. */
static uint32_t word_at(const struct call *call, uint32_t offset, bool big)
{
	bool high = big ? offset % 8 == 0 : offset % 8 != 0;

	if (offset < 8)
		return offset ? call->architecture : call->number;
	if (offset < 16)
		return 0;
	return (uint32_t)(call->argument[(offset - 16) / 8] >> (high ? 32 : 0));
}

static bool jumps(uint16_t code, uint32_t a, uint32_t k)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == k;
	case BPF_JGT:
		return a > k;
	case BPF_JGE:
		return a >= k;
	case BPF_JSET:
		return a & k;
	default:
		fail_msg("a jump that libseccomp does not use: %#x", code);
		return false;
	}
}

static uint32_t evaluate(const struct program *program, const struct call *call)
{
	uint32_t a = 0;

	for (size_t at = 0; at < program->steps; at++) {
		const struct sock_filter *step = &program->step[at];

		if (step->code == (BPF_LD | BPF_W | BPF_ABS))
			a = word_at(call, step->k, program->big);
		else if (step->code == (BPF_ALU | BPF_AND | BPF_K))
			a &= step->k;
		else if (step->code == (BPF_RET | BPF_K))
			return step->k;
		else if (step->code == (BPF_JMP | BPF_JA))
			at += step->k;
		else if (BPF_CLASS(step->code) == BPF_JMP)
			at += jumps(step->code, a, step->k) ? step->jt : step->jf;
		else
			fail_msg("a step that libseccomp does not use: %#x", step->code);
	}
	fail_msg("no answer");
	return 0;
}

/* --- filters ------------------------------------------------------------------------------------------------------ */

static const struct architecture {
	const char *name;
	uint32_t token;
	bool big;
	bool socketcall; /* sockets, all in one call */
	bool blind;	 /* mmap with its arguments in memory */
} architectures[] = {
	{ "amd64", SCMP_ARCH_X86_64, false, false, false }, { "arm64", SCMP_ARCH_AARCH64, false, false, false },
	{ "armhf", SCMP_ARCH_ARM, false, false, false },    { "i386", SCMP_ARCH_X86, false, true, true },
	{ "s390x", SCMP_ARCH_S390X, true, true, true },
};

/* Behind the roles: those that start programs of others. */
#define STARTING(refusal) (ALL_ROLES + (refusal))
#define FILTERS STARTING(REFUSALS)

static bool is_big_endian(void)
{
	const uint16_t one = 1;

	return *(const uint8_t *)&one == 0;
}

/* A filter is exported in the order of bytes of its architecture. */
static void export(void *filter, const struct architecture *architecture, struct program *program)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(seccomp_export_bpf(filter, fileno(file)), 0);
	rewind(file);
	program->steps = fread(program->step, sizeof(program->step[0]), LENGTH_OF(program->step), file);
	fclose(file);
	assert_between(program->steps, 1, LENGTH_OF(program->step) - 1);
	program->big = architecture->big;
	for (size_t i = 0; i < program->steps && architecture->big != is_big_endian(); i++) {
		program->step[i].code = __builtin_bswap16(program->step[i].code);
		program->step[i].k = __builtin_bswap32(program->step[i].k);
	}
}

/* false: a build that is not confined. */
static bool build(unsigned int which, const struct architecture *architecture, struct program *program)
{
	void *filter = which < ALL_ROLES ? confine_filter((enum role)which, architecture->token) :
					   refusal_filter((enum refusal)(which - ALL_ROLES), architecture->token);

	if (!filter)
		return false;
	export(filter, architecture, program);
	seccomp_release(filter);
	return true;
}

/* --- what they must say ------------------------------------------------------------------------------------------- */

#define IN(which) (1U << (which))
#define CLIENT (IN(ROLE_CLIENT) | IN(ROLE_EXAMINER) | IN(ROLE_PROVIDER))
#define SIGNING (IN(ROLE_SIGNER) | IN(ROLE_IMPORTER) | IN(ROLE_WATCHER))
#define STORING (IN(ROLE_STORER) | IN(ROLE_SWEEPER) | IN(ROLE_PLACER))
#define ANSWERING (IN(ROLE_RESPONDER) | IN(ROLE_TLS) | IN(ROLE_SURVEYOR))
#define BUS IN(ROLE_BUS)
#define VIEWING IN(ROLE_VIEWER)
#define DNS IN(ROLE_DNS)
#define LISTED (SIGNING | STORING | ANSWERING | BUS | VIEWING | DNS)
#define ALL (CLIENT | LISTED)
#define GATE IN(STARTING(REFUSAL_GATE))
#define WATCHDOG IN(STARTING(REFUSAL_WATCHDOG))
#define TOOLS (WATCHDOG | IN(STARTING(REFUSAL_TOOLS)))
#define COMMAND IN(STARTING(REFUSAL_COMMAND)) /* an administrator's program may need it */
#define DOG (GATE | TOOLS)

/* On every architecture that has the call, unless it cannot be seen there. */
static const struct expectation {
	const char *call;
	unsigned int allowed, refused; /* filters */
	uint64_t argument[4];
	int socket; /* its number in socketcall, linux/net.h */
	bool seen;  /* by its arguments, which socketcall and old mmap hide */
} expectations[] = {
	{ "read", ALL | DOG, 0, { 0 }, 0, false },
	{ "write", ALL | DOG, 0, { 0 }, 0, false },
	{ "send", ALL | DOG, 0, { 0 }, 9, false },
	{ "recv", ALL | DOG, 0, { 0 }, 10, false },
	{ "sendto", ALL | DOG, 0, { 0 }, 11, false },
	{ "recvfrom", ALL | DOG, 0, { 0 }, 12, false },
	{ "sendmsg", ALL | DOG, 0, { 0 }, 16, false },
	{ "recvmsg", ALL | DOG, 0, { 0 }, 17, false },
	{ "setsockopt", CLIENT | ANSWERING | BUS | DNS | DOG, 0, { 0 }, 14, false },
	{ "shutdown", CLIENT | ANSWERING | BUS | DOG, VIEWING | STORING | SIGNING, { 0 }, 13, false },
	{ "accept4", ANSWERING, VIEWING | CLIENT | STORING | BUS | DOG | SIGNING, { 0 }, 18, false },
	{ "accept", COMMAND, ALL | DOG, { 0 }, 5, false },
	{ "listen", GATE | COMMAND, ALL | TOOLS, { 0 }, 4, false },
	{ "connect", CLIENT | BUS | DNS | DOG, VIEWING | ANSWERING | STORING | SIGNING, { 0 }, 3, false },
	{ "socket", CLIENT | BUS | GATE | WATCHDOG, VIEWING | ANSWERING | STORING | SIGNING, { AF_UNIX, SOCK_STREAM, 0, 0 }, 1, false },
	{ "socket", COMMAND, IN(STARTING(REFUSAL_TOOLS)), { AF_UNIX, SOCK_STREAM, 0, 0 }, 1, true },
	{ "prlimit64", COMMAND, DOG | CLIENT, { 1, 1, 0, 0 }, 0, false },
	{ "prlimit64", DOG | COMMAND | CLIENT, 0, { 0, 1, 0, 0 }, 0, false },
	{ "socket", CLIENT | DNS | DOG, VIEWING | ANSWERING | STORING | SIGNING, { AF_INET6, SOCK_STREAM, 0, 0 }, 1, false },
	{ "socket", CLIENT | DNS | DOG, 0, { AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0 }, 1, false },
	{ "socket", CLIENT | DOG, DNS, { AF_INET, SOCK_DGRAM, 0, 0 }, 1, true },
	{ "socket", CLIENT | GATE, DNS, { AF_UNIX, SOCK_STREAM, 0, 0 }, 1, true },
	{ "socket", CLIENT | DOG, 0, { AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, 0 }, 1, false },
	{ "socket", DOG, LISTED | CLIENT, { AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, 0 }, 1, true },
	{ "socket", COMMAND, LISTED | CLIENT | DOG, { AF_PACKET, SOCK_RAW, 0, 0 }, 1, true },
	{ "socket", COMMAND, LISTED | CLIENT | DOG, { AF_VSOCK, SOCK_STREAM, 0, 0 }, 1, true },
	{ "socket", COMMAND, LISTED | DOG, { AF_INET, SOCK_RAW, IPPROTO_TCP, 0 }, 1, true },
	{ "socket", COMMAND, LISTED | DOG, { AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6, 0 }, 1, true },
	{ "socket", COMMAND, LISTED | DOG, { AF_INET, SOCK_PACKET, 0x300, 0 }, 1, true },
	{ "socket", DOG | COMMAND, LISTED, { AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW, 0 }, 1, true },
	{ "socket", DOG | COMMAND, LISTED | CLIENT, { AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG, 0 }, 1, true },
	{ "socket", COMMAND, LISTED | CLIENT | DOG, { AF_NETLINK, SOCK_RAW, NETLINK_XFRM, 0 }, 1, true },
	{ "socket", COMMAND, LISTED | CLIENT | DOG, { AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, 0 }, 1, true },
	{ "poll", ALL | DOG, 0, { 0 }, 0, false },
	{ "ppoll", ALL | DOG, 0, { 0 }, 0, false },
	{ "ppoll_time64", ALL | DOG, 0, { 0 }, 0, false },
	{ "futex", ALL | DOG, 0, { 0 }, 0, false },
	{ "futex_time64", ALL | DOG, 0, { 0 }, 0, false },
	{ "clock_gettime", ALL | DOG, 0, { 0 }, 0, false },
	{ "clock_gettime64", ALL | DOG, 0, { 0 }, 0, false },
	{ "gettimeofday", ALL | DOG, 0, { 0 }, 0, false },
	{ "time", ALL | DOG, 0, { 0 }, 0, false },
	{ "clock_nanosleep", ALL | DOG, 0, { 0 }, 0, false },
	{ "clock_nanosleep_time64", ALL | DOG, 0, { 0 }, 0, false },
	{ "rt_sigreturn", ALL | DOG, 0, { 0 }, 0, false },
	{ "sigreturn", ALL | DOG, 0, { 0 }, 0, false },
	{ "exit_group", ALL | DOG, 0, { 0 }, 0, false },
	{ "munmap", ALL | DOG, 0, { 0 }, 0, false },
	{ "mmap", ALL | DOG, 0, { 0, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS }, 0, true },
	{ "mmap", DOG, ALL, { 0, MIB, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS }, 0, true },
	{ "mmap2", ALL | DOG, 0, { 0, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS }, 0, false },
	{ "mmap2", DOG, ALL, { 0, MIB, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS }, 0, false },
	{ "mmap2", DOG, ALL, { 0, MIB, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS }, 0, false },
	{ "mprotect", ALL | DOG, 0, { 4096, 4096, PROT_READ, 0 }, 0, false },
	{ "mprotect", DOG, ALL, { 4096, 4096, PROT_READ | PROT_EXEC, 0 }, 0, false },
	{ "pwrite64", DNS | CLIENT | DOG, VIEWING | ANSWERING | STORING | SIGNING, { 0 }, 0, false },
	{ "fdatasync", DNS | CLIENT | DOG, VIEWING | ANSWERING | SIGNING, { 0 }, 0, false },
	{ "openat", CLIENT | STORING | BUS | VIEWING, ANSWERING | SIGNING | DNS, { 0 }, 0, false },
	{ "openat", STORING, CLIENT | BUS | VIEWING | ANSWERING | SIGNING, { 0, 0, O_WRONLY | O_CREAT, 0 }, 0, false },
	{ "statx", CLIENT | STORING | BUS | VIEWING, ANSWERING | SIGNING, { 0 }, 0, false },
	{ "fstat64", CLIENT | STORING | BUS | VIEWING, ANSWERING | SIGNING, { 0 }, 0, false },
	{ "_llseek", CLIENT | STORING | BUS | VIEWING, ANSWERING | SIGNING, { 0 }, 0, false },
	{ "setfsuid", STORING, VIEWING | CLIENT | ANSWERING | BUS | SIGNING, { 0 }, 0, false },
	{ "setfsuid32", STORING, CLIENT | ANSWERING | BUS | SIGNING, { 0 }, 0, false },
	{ "fchown", STORING, ALL & ~STORING, { 8, 0, 0, 0 }, 0, false },
	{ "fchown32", STORING, ALL & ~STORING, { 8, 0, 0, 0 }, 0, false },
	{ "fchown32", 0, ALL, { 3, 0, 0, 0 }, 0, false },
	{ "setuid", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "setuid32", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "setgid32", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "setreuid32", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "setregid32", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "setresuid", GATE | COMMAND, ALL | TOOLS, { 0 }, 0, false },
	{ "setresuid32", GATE | COMMAND, ALL | TOOLS, { 0 }, 0, false },
	{ "setresgid32", GATE | COMMAND, ALL | TOOLS, { 0 }, 0, false },
	{ "setgroups", GATE | COMMAND, ALL | TOOLS, { 0 }, 0, false },
	{ "setgroups32", GATE | COMMAND, ALL | TOOLS, { 0 }, 0, false },
	{ "clock_settime", 0, ALL | DOG | COMMAND, { 0 }, 0, false },
	{ "clock_settime64", 0, ALL | DOG | COMMAND, { 0 }, 0, false },
	{ "clock_adjtime64", 0, ALL | DOG | COMMAND, { 0 }, 0, false },
	{ "stime", 0, ALL | DOG | COMMAND, { 0 }, 0, false },
	{ "settimeofday", 0, ALL | DOG | COMMAND, { 0 }, 0, false },
	{ "umount", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "umount2", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "mount", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "unshare", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "ptrace", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "bpf", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "reboot", 0, ALL | DOG | COMMAND, { 0 }, 0, false },
	{ "kexec_load", 0, ALL | DOG | COMMAND, { 0 }, 0, false },
	{ "process_vm_writev", 0, ALL | DOG | COMMAND, { 0 }, 0, false },
	{ "pidfd_getfd", 0, ALL | DOG | COMMAND, { 0 }, 0, false },
	{ "init_module", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "keyctl", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "mknodat", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "chmod", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "fchmod", COMMAND, DOG, { 8, 0, 0, 0 }, 0, false },
	{ "fchmodat", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "fchownat", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "chown32", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "setxattr", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "utimensat", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "utimensat_time64", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "openat2", COMMAND, ALL | DOG, { 0 }, 0, false },
	{ "openat", DOG | COMMAND, 0, { 0, 0, O_WRONLY | O_CREAT, 0600 }, 0, false },
	{ "openat", COMMAND, DOG, { 0, 0, O_WRONLY | O_CREAT, 04755 }, 0, false },
	{ "openat", COMMAND, DOG, { 0, 0, O_RDWR | O_TMPFILE, 02711 }, 0, false },
	{ "openat", DOG | COMMAND, 0, { 0, 0, O_RDONLY, 04755 }, 0, false }, /* nothing is made */
	{ "open", COMMAND, DOG, { 0, O_RDWR | O_CREAT, 02755, 0 }, 0, false },
	{ "creat", COMMAND, DOG, { 0, 06755, 0, 0 }, 0, false },
	{ "rename", DOG | COMMAND, 0, { 0 }, 0, false },
	{ "ioctl", COMMAND, DOG | CLIENT, { 0, TIOCSTI, 0, 0 }, 0, false },
	{ "ipc", DOG, ALL, { 0 }, 0, false },
	{ "uselib", 0, ALL, { 0 }, 0, false },
	{ "vm86", 0, ALL, { 0 }, 0, false },
	{ "execve", DOG, ALL, { 0 }, 0, false },
	{ "fork", DOG, ALL, { 0 }, 0, false },
	{ "clone", DOG, ALL, { 0 }, 0, false },
	{ "clone3", DOG, ALL, { 0 }, 0, false },
	{ "kill", DOG, ALL, { 0 }, 0, false },
};

static const char *name_of(unsigned int which)
{
	static const char *const starting[] = {
		[REFUSAL_COMMAND] = "command", [REFUSAL_GATE] = "gate", [REFUSAL_WATCHDOG] = "watchdog", [REFUSAL_TOOLS] = "tools"
	};

	return which < ALL_ROLES ? sandbox_role_name((enum role)which) : starting[which - ALL_ROLES];
}

/* 1: as expected. */
static int agrees(const struct program *program, const struct call *call, const struct expectation *e, unsigned int which,
		  const struct architecture *architecture)
{
	const bool allowed = evaluate(program, call) == SECCOMP_RET_ALLOW;

	if (!(IN(which) & (allowed ? e->refused : e->allowed)))
		return 1;
	fprintf(stderr, "# %s, %s: %s(%#llx, %#llx, %#llx) is %s\n", architecture->name, name_of(which), e->call,
		(unsigned long long)call->argument[0], (unsigned long long)call->argument[1], (unsigned long long)call->argument[2],
		allowed ? "allowed" : "refused");
	return 0;
}

static int check(const struct program *program, unsigned int which, const struct architecture *architecture,
		 const struct expectation *e)
{
	const int number = seccomp_syscall_resolve_name_arch(architecture->token, e->call);
	struct call call = { (uint32_t)number, architecture->token, { 0 } };
	const bool hidden = (e->socket && architecture->socketcall) || (!strcmp(e->call, "mmap") && architecture->blind);
	int bad = 0;

	memcpy(call.argument, e->argument, sizeof(e->argument));
	if (number >= 0 && !(e->seen && hidden))
		bad += !agrees(program, &call, e, which, architecture);
	if (!e->socket || !architecture->socketcall || e->seen)
		return bad;
	call.number = (uint32_t)seccomp_syscall_resolve_name_arch(architecture->token, "socketcall");
	call.argument[0] = (uint64_t)e->socket;
	call.argument[1] = 0xbfff0000;
	return bad + !agrees(program, &call, e, which, architecture);
}

static void each_filter_says_so_on(const struct architecture *architecture)
{
	static struct program program;
	int bad = 0;

	for (unsigned int which = 0; which < FILTERS; which++) {
		if (!build(which, architecture, &program)) {
			assert_int_equal(which, 0);
			skip_because("a build with sanitizers is not confined");
		}
		for (size_t i = 0; i < LENGTH_OF(expectations); i++)
			bad += check(&program, which, architecture, &expectations[i]);
	}
	assert_int_equal(bad, 0);
}

static void on_architecture(void **state)
{
	each_filter_says_so_on(*state);
}

static uint32_t answer_to(unsigned int which, const struct architecture *architecture, const char *name, uint64_t first,
			  uint64_t third)
{
	static struct program program;
	struct call call = { (uint32_t)seccomp_syscall_resolve_name_arch(architecture->token, name),
			     architecture->token,
			     { first, 0, third, 0, 0, 0 } };

	if (!build(which, architecture, &program))
		skip_because("a build with sanitizers is not confined");
	return evaluate(&program, &call);
}

/* No filter can read the arguments of old mmap: i386 refuses it, as it has another call; s390x has no other. */
static void old_mmap(void **state)
{
	(void)state;
	for (unsigned int which = 0; which < ALL_ROLES; which++) {
		assert_int_not_equal(answer_to(which, &architectures[3], "mmap", 0xbfff0000, 0), SECCOMP_RET_ALLOW);
		assert_int_equal(answer_to(which, &architectures[4], "mmap", 0x3fff0000, PROT_EXEC), SECCOMP_RET_ALLOW);
	}
}

/* So that a C library takes an older call instead. */
static void what_is_not_listed_does_not_exist(void **state)
{
	static struct program program;
	struct call call = { 4000, SCMP_ARCH_X86_64, { 0 } };

	(void)state;
	for (unsigned int which = 0; which < ALL_ROLES; which++) {
		if (!build(which, &architectures[0], &program))
			skip_because("a build with sanitizers is not confined");
		if (IN(which) & LISTED)
			assert_int_equal(evaluate(&program, &call), SECCOMP_RET_ERRNO | ENOSYS);
	}
}

static void another_architecture_is_refused(void **state)
{
	static struct program program;
	struct call call = { 39, SCMP_ARCH_X86, { 0 } };

	(void)state;
	for (unsigned int which = 0; which < FILTERS; which++) {
		if (!build(which, &architectures[0], &program))
			skip_because("a build with sanitizers is not confined");
		if (IN(which) & COMMAND) /* the administrator's program may be one */
			assert_int_equal(evaluate(&program, &call), SECCOMP_RET_ALLOW);
		else
			assert_int_not_equal(evaluate(&program, &call), SECCOMP_RET_ALLOW);
	}
}

/* --- what a role does, behind its own filter ---------------------------------------------------------------------- */

static int wrong(int bad, const char *what)
{
	if (bad)
		fprintf(stderr, "# %s: %s\n", what, strerror(errno));
	return bad != 0;
}

static int uses_memory(void)
{
	char *volatile memory = malloc(MIB);
	int bad = wrong(!memory, "no memory");

	if (memory)
		memset(memory, 1, MIB);
	free(memory);
	memory = malloc(1000);
	bad += wrong(!memory, "little memory");
	free(memory);
	return bad;
}

static int uses_channel(const int channel[2])
{
	struct pollfd readable = { channel[1], POLLIN, 0 };
	char text[4] = "";
	struct iovec io = { text, sizeof(text) };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1 };

	return wrong(send(channel[0], "abc", 4, MSG_NOSIGNAL) != 4, "send") + wrong(poll(&readable, 1, 1000) != 1, "poll") +
	       wrong(recv(channel[1], text, sizeof(text), 0) != 4 || strcmp(text, "abc"), "recv") +
	       wrong(sendmsg(channel[0], &message, MSG_NOSIGNAL) != 4, "sendmsg") +
	       wrong(recvmsg(channel[1], &message, 0) != 4, "recvmsg") + wrong(poll(&readable, 1, 1) != 0, "poll");
}

static int uses_time(void)
{
	struct timespec moment = { 0, 1000 };

	return wrong(time(NULL) <= 0, "time") + wrong(clock_gettime(CLOCK_REALTIME, &moment) < 0, "clock_gettime") +
	       wrong(clock_gettime(CLOCK_BOOTTIME, &moment) < 0, "clock_gettime") +
	       wrong(nanosleep(&(struct timespec){ 0, 1000 }, NULL) < 0, "nanosleep");
}

static int keeps_files(void)
{
	OWN_FD int top = openat(FD_STATE, "certificates", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	OWN_FD int file = openat(top, "new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct stat s;
	int bad = wrong(top < 0 || file < 0, "a new file");

	bad += wrong(write(file, "x", 1) != 1 || fchmod(file, 0640) < 0 || fchown(file, 0, 0) < 0 || fsync(file) < 0,
		     "its attributes");
	bad += wrong(fstat(file, &s) < 0 || s.st_size != 1 || fstatat(top, "new", &s, AT_SYMLINK_NOFOLLOW) < 0, "stat");
	bad += wrong(mkdirat(top, "dir", 0700) < 0 || symlinkat("new", top, "link") < 0, "names");
	bad += wrong(renameat(top, "new", top, "dir/new") < 0 || unlinkat(top, "dir/new", 0) < 0, "rename");
	return bad + wrong(unlinkat(top, "dir", AT_REMOVEDIR) < 0 || unlinkat(top, "link", 0) < 0, "unlink");
}

static int answers(int listener)
{
	OWN_FD int connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct timeval second = { 1, 0 };

	return wrong(connection < 0, "accept4") +
	       wrong(setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)) < 0, "setsockopt") +
	       wrong(shutdown(connection, SHUT_WR) < 0, "shutdown");
}

static int connects(const struct sockaddr_in *to)
{
	OWN_FD int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return wrong(out < 0, "socket") + wrong(connect(out, (const void *)to, sizeof(*to)) < 0, "connect");
}

/* A listener that has a connection waiting. */
static int make_listener(struct sockaddr_in *address)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(*address);
	int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (listener < 0 || bind(listener, (const void *)address, sizeof(*address)) < 0 || listen(listener, 4) < 0 ||
	    getsockname(listener, (void *)address, &length) < 0 || connect(out, (const void *)address, sizeof(*address)) < 0)
		return -1;
	return listener;
}

static char directory[PATH_SIZE];

static int play(enum role role)
{
	static struct config config;
	struct sockaddr_in address;
	struct fault fault = { 0 };
	int channel[2], listener, bad;
	int state = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* the numbers of one's own files begin behind FD_AGENT_END */
	while (dup(state) < FD_AGENT_END)
		;
	listener = make_listener(&address);
	config.dnses = 1; /* what the provider may connect to */
	snprintf(config.dns[0].url, sizeof(config.dns[0].url), "http://127.0.0.1:%u/api", ntohs(address.sin_port));
	bad = wrong(listener < 0 || state < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel) < 0, "preparing");
	bad += wrong(mkdirat(state, "certificates", 0700) < 0 && errno != EEXIST, "preparing");
	bad += wrong(dup2(state, FD_STATE) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0, "preparing");
	if (bad)
		return bad;
	if (confine(role, &config, -1, &fault) < 0) {
		fprintf(stderr, "# %s\n", fault.text);
		return 1;
	}
	bad = uses_memory() + uses_channel(channel) + uses_time();
	if (IN(role) & STORING)
		bad += role == ROLE_STORER ? keeps_files() : 0;
	if (IN(role) & ANSWERING)
		bad += answers(listener);
	if (IN(role) & CLIENT)
		bad += connects(&address);
	if (IN(role) & BUS)
		bad += wrong(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0, "socket");
	return bad;
}

static void each_role_can_do_its_work(void **state)
{
	const char *temporary = getenv("TMPDIR");
	char command[PATH_SIZE + 16];

	(void)state;
	if (getenv("UNDER_VALGRIND") || !has_filters() || geteuid() != 0) {
		skip_because("no filters of system calls here, or not root");
	}
	snprintf(directory, sizeof(directory), "%s/test-filter-XXXXXX", temporary ? temporary : "/tmp");
	assert_non_null(mkdtemp(directory));
	/* confine() makes it where there is Landlock, and the store elsewhere */
	snprintf(command, sizeof(command), "%s/certificates", directory);
	assert_int_equal(mkdir(command, 0700), 0);
	for (unsigned int role = 0; role < ALL_ROLES; role++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(play((enum role)role));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status)
			fail_msg("the %s: status %#x", sandbox_role_name((enum role)role), (unsigned int)status);
	}
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	assert_int_equal(system(command), 0);
}

#define ON(index) \
	{ \
		.name = architectures[index].name, .test_func = on_architecture, \
		.initial_state = (void *)(uintptr_t)&architectures[index] \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(0),
		ON(1),
		ON(2),
		ON(3),
		ON(4),
		cmocka_unit_test(old_mmap),
		cmocka_unit_test(what_is_not_listed_does_not_exist),
		cmocka_unit_test(another_architecture_is_refused),
		cmocka_unit_test(each_role_can_do_its_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
