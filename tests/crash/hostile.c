// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * hostile - acmegate-agent, or acmegate-tls, with one role that turns against the others: at once, or on SIGUSR1. Under the name of acmegate-iptables that program,
 * which turns when it is asked for a plan ("start"), or behind the rules that the real one beside it has made ("later"); its words go into the
 * file "said".
 *
 * The file "orders" beside the program says "ROLE ACT start|later confined|readable|loose". The other roles, and this one until it turns, are the real
 * ones, and the start is the real start; "loose" leaves confine() out, to show that these attacks can succeed; "readable" does not ask
 * whether other files can be read, which they can without Landlock. Each
 * thing that must not have worked is a line "gained: ..." on stderr; "gained: nothing" ends an attack of which none did.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "agent/agent.h"
#include "base/config_share.h"
#include "base/confine.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "base/watched.h"
#include "agent/webroot.h"
#include "base/wire.h"
#include "tls/names.h"
#include "tls/handshake.h"

static enum role role;
static const struct config *config;
static char act[32];
static bool confined, readable;
static bool signals; /* a process of root's may send them, to root's: before Linux 6.12 Landlock knew no signals */
static char state_path[PATH_MAX - 64], www[PATH_MAX - 64]; /* the state directory, and the web server's of mode webroot */
static char outside[PATH_MAX];				   /* a directory of files that are nobody's business here */
static int gains;

static void say(const char *format, ...) PRINTF_LIKE(1, 2);

/* One write, as the responder may do no more: stdio would ask what stderr is. */
static void say(const char *format, ...)
{
	char text[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (write(STDERR_FILENO, text, (size_t)n) != n)
		_exit(4);
}

#define gained(format, ...) (gains++, say("gained: " format "\n", __VA_ARGS__))

/* Those that talk to the network: what they may not do is listed, what others may do. */
static bool reaches_network(void)
{
	return role == ROLE_CLIENT || role == ROLE_EXAMINER || role == ROLE_PROVIDER;
}

/* --- the network -------------------------------------------------------------------------------------------------- */

static void try_listen(int family, uint16_t port)
{
	struct sockaddr_in6 address = { .sin6_family = (sa_family_t)family, .sin6_port = htons(port) };
	socklen_t length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(address);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	(void)bind(fd, (struct sockaddr *)&address, length);
	if (listen(fd, 5) == 0)
		gained("a listening socket of family %d, wanted on port %u", family, port);
	close(fd);
}

static void try_sockets(void)
{
	static const struct {
		int family, type, protocol;
	} powerful[] = {
		{ AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT },
		{ AF_NETLINK, SOCK_RAW, NETLINK_XFRM },
		{ AF_NETLINK, SOCK_RAW, NETLINK_GENERIC },
		{ AF_PACKET, SOCK_RAW, 0 },
		{ AF_INET, SOCK_RAW, IPPROTO_TCP },
		{ AF_INET6, SOCK_RAW, IPPROTO_TCP },
		{ AF_ALG, SOCK_SEQPACKET, 0 },
		{ AF_VSOCK, SOCK_STREAM, 0 },
		{ AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER }, /* what acmegate-iptables works with */
		{ AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG },
	};
	const size_t denied = LENGTH_OF(powerful) - (role == ROLE_TOOLS ? 2 : 0);

	try_listen(AF_INET, 80);
	try_listen(AF_INET6, 80);
	try_listen(AF_INET, 8080);
	for (size_t i = 0; i < denied; i++) {
		int fd = socket(powerful[i].family, powerful[i].type | SOCK_CLOEXEC, powerful[i].protocol);

		if (fd < 0)
			continue;
		gained("a socket of family %d, protocol %d", powerful[i].family, powerful[i].protocol);
		close(fd);
	}
	if (!reaches_network() && role != ROLE_TOOLS && socket(AF_INET, SOCK_STREAM, 0) >= 0)
		gained("a network socket for the %s", sandbox_role_name(role));
	if (!reaches_network() && socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
		gained("a UNIX socket for the %s", sandbox_role_name(role));
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static void try_open(const char *path, int flags)
{
	int fd = readable && (flags & O_ACCMODE) == O_RDONLY ? -1 : open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);

	if (fd < 0)
		return;
	gained("%s opened for %s", path, (flags & O_ACCMODE) == O_RDONLY ? "reading" : "writing");
	if (strstr(path, "/hostile"))
		unlink(path);
	close(fd);
}

static void try_in_state(const char *name, int flags)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", state_path, name);
	try_open(path, flags);
	if (role != ROLE_STORER)
		return;
	fd = openat(FD_STATE, name, flags | O_CLOEXEC, 0600);
	if (fd >= 0)
		gained("%s by the descriptor of the state directory", name);
	if (renameat(FD_STATE, name, FD_STATE, "elsewhere") == 0)
		gained("%s renamed", name);
	if (unlinkat(FD_STATE, name, 0) == 0)
		gained("%s removed", name);
}

static void try_files(void)
{
	static const char *const secrets[] = { "/etc/shadow", "/proc/1/mem", "/proc/kcore", "/dev/mem" };
	static const char *const targets[] = { "/etc/passwd",
					       "/usr/bin/hostile",
					       "/tmp/hostile",
					       "/dev/shm/hostile",
					       "/root/hostile",
					       "/etc/cron.d/hostile",
					       "/proc/sys/net/ipv4/ip_forward" };
	static const char *const of_warden[] = { "mem", "maps", "environ", "fd/3" };
	char path[PATH_MAX];

	for (size_t i = 0; i < LENGTH_OF(secrets); i++)
		try_open(secrets[i], O_RDONLY);
	for (size_t i = 0; i < LENGTH_OF(targets); i++)
		try_open(targets[i], O_WRONLY | O_CREAT);
	for (size_t i = 0; i < LENGTH_OF(of_warden); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)getppid(), of_warden[i]);
		try_open(path, O_RDONLY);
	}
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)getppid());
	try_open(path, O_WRONLY);
	snprintf(path, sizeof(path), "%s/page", www);
	try_open(path, O_RDONLY);
	try_in_state("journal", O_RDWR);
	try_in_state("lock", O_RDWR | O_CREAT);
	if (role != ROLE_STORER) {
		try_in_state("certificates", O_RDONLY);
		try_in_state("accounts", O_RDONLY);
		try_in_state("ledger", O_RDONLY);
	}
}

/* --- changes to files that are not its own ------------------------------------------------------------------------ */

enum { FCHMODAT2 = 452, SETXATTRAT = 463 };

static const struct timespec long_ago[2] = { { 1, 0 }, { 1, 0 } };

static void tell(long result, const char *what, const char *path)
{
	if (result >= 0)
		gained("%s of %s", what, path);
}

static void try_attributes(const char *path)
{
	static const struct timeval then[2] = { { 1, 0 }, { 1, 0 } };
	const struct {
		const void *value;
		uint32_t size, flags;
	} attribute = { "x", 1, 0 };
	uid_t uid = geteuid();
	gid_t gid = getegid();

	tell(chmod(path, 0777), "chmod", path);
	tell(fchmodat(AT_FDCWD, path, 0777, 0), "fchmodat", path);
	tell(syscall(FCHMODAT2, AT_FDCWD, path, 0777, 0), "fchmodat2", path);
	tell(chown(path, uid, gid), "chown", path);
	tell(lchown(path, uid, gid), "lchown", path);
	tell(fchownat(AT_FDCWD, path, uid, gid, 0), "fchownat", path);
	tell(setxattr(path, "user.hostile", "x", 1, 0), "setxattr", path);
	tell(lsetxattr(path, "user.hostile", "x", 1, 0), "lsetxattr", path);
	tell(syscall(SETXATTRAT, AT_FDCWD, path, 0, "user.hostile", &attribute, sizeof(attribute)), "setxattrat", path);
	tell(removexattr(path, "user.theirs"), "removexattr", path);
	tell(utimensat(AT_FDCWD, path, long_ago, 0), "utimensat", path);
	tell(utimes(path, then), "utimes", path);
}

static void try_file(const char *path)
{
	char other[PATH_MAX + 16];
	static const int flags[] = { O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC, O_WRONLY | O_APPEND };

	try_attributes(path);
	for (size_t i = 0; i < LENGTH_OF(flags); i++)
		tell(open(path, flags[i] | O_CLOEXEC), "open for writing", path);
	tell(truncate(path, 0), "truncate", path);
	snprintf(other, sizeof(other), "%s.hard", path);
	tell(link(path, other), "link", path);
	tell(linkat(AT_FDCWD, path, AT_FDCWD, other, AT_SYMLINK_FOLLOW), "linkat", path);
	snprintf(other, sizeof(other), "%s.soft", path);
	tell(symlink(path, other), "symlink", path);
	snprintf(other, sizeof(other), "%s.fifo", path);
	tell(mkfifo(other, 0600), "mkfifo beside", path);
	snprintf(other, sizeof(other), "%s.new", path);
	tell(creat(other, 0600), "creat beside", path);
	tell(rename(path, other), "rename", path);
	tell(renameat2(AT_FDCWD, path, AT_FDCWD, other, 0), "renameat2", path);
	tell(unlink(path), "unlink", path);
}

static void try_directory(const char *path)
{
	char inner[PATH_MAX + 16];
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	try_attributes(path);
	if (fd >= 0) {
		tell(fchmod(fd, 0777), "fchmod", path);
		tell(fchown(fd, geteuid(), getegid()), "fchown", path);
		tell(futimens(fd, long_ago), "futimens", path);
		tell(fsetxattr(fd, "user.hostile", "x", 1, 0), "fsetxattr", path);
		close(fd);
	}
	tell(open(path, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600), "O_TMPFILE", path);
	snprintf(inner, sizeof(inner), "%s/made", path);
	tell(mkdir(inner, 0700), "mkdir in", path);
	snprintf(inner, sizeof(inner), "%s/empty", path);
	tell(rmdir(inner), "rmdir in", path);
	snprintf(inner, sizeof(inner), "%s.moved", path);
	tell(rename(path, inner), "rename", path);
}

/* Those that it was given, and what lies beside its own in the directory behind one of them. */
static void try_given(void)
{
	char number[8];

	for (int fd = 0; fd < (role == ROLE_TOOLS ? 0 : FD_AGENT_END); fd++) {
		snprintf(number, sizeof(number), "%d", fd);
		tell(fchmod(fd, 0777), "fchmod", number);
		tell(fchown(fd, geteuid(), getegid()), "fchown", number);
		tell(syscall(SYS_fchmod, UINT64_C(0x100000000) | (unsigned int)fd, 0777), "fchmod with high bits", number);
		tell(futimens(fd, long_ago), "futimens", number);
		tell(fsetxattr(fd, "user.hostile", "x", 1, 0), "fsetxattr", number);
		tell(fd > STDERR_FILENO ? ftruncate(fd, 0) : -1, "ftruncate", number); /* what we say goes to stderr */
	}
	if (role != ROLE_STORER && role != ROLE_SWEEPER)
		return;
	tell(fchmodat(FD_STATE, "journal", 0777, 0), "fchmodat", "journal");
	tell(fchownat(FD_STATE, "journal", 1, 1, 0), "fchownat", "journal");
	tell(linkat(FD_STATE, "journal", FD_STATE, "certificates/journal", 0), "linkat", "journal");
	tell(symlinkat("x", FD_STATE, "soft"), "symlinkat", "the state directory");
	tell(mkdirat(FD_STATE, "made", 0700), "mkdirat", "the state directory");
	tell(renameat(FD_STATE, "journal", FD_STATE, "certificates/journal"), "renameat", "journal");
	tell(renameat(FD_STATE, "journal", FD_STATE, "moved"), "renameat", "journal");
	tell(renameat(FD_STATE, "certificates", FD_STATE, "moved"), "renameat", "certificates");
	tell(unlinkat(FD_STATE, "journal", 0), "unlinkat", "journal");
	tell(openat(FD_STATE, "journal", O_WRONLY | O_CLOEXEC), "openat", "journal");
	tell(mkdirat(FD_STATE, "../made", 0700), "mkdirat", "above the state directory");
}

static void try_changes(void)
{
	static const char *const owners[] = { "root", "user" };
	char path[PATH_MAX + 32];

	for (size_t i = 0; i < LENGTH_OF(owners); i++) {
		snprintf(path, sizeof(path), "%s/%s/file", outside, owners[i]);
		try_file(path);
		snprintf(path, sizeof(path), "%s/%s", outside, owners[i]);
		try_directory(path);
	}
	snprintf(path, sizeof(path), "%s/journal", state_path);
	try_file(path);
	try_directory(state_path);
	try_given();
}

/* A program of root's, a new one, and one in the directory where acmegate-iptables may write: to be found setuid by whoever comes later. */
static void try_setuid(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/hostile-%d", (int)getppid());
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 04755);
	if (fd >= 0)
		gained("a new setuid file, %s", path);
	close(fd);
	fd = open("/run", O_TMPFILE | O_WRONLY | O_CLOEXEC, 02755);
	if (fd >= 0)
		gained("%s", "a setgid file without a name");
	close(fd);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	tell(fd < 0 ? -1 : fchmod(fd, 04755), "fchmod", path);
	tell(chmod(path, 04755), "chmod", path);
	close(fd);
	(void)unlink(path);
}

static void try_ipc(void)
{
	tell(shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600), "a segment", "shared memory");
	tell(semget(IPC_PRIVATE, 1, IPC_CREAT | 0600), "a set", "semaphores");
	tell(msgget(IPC_PRIVATE, IPC_CREAT | 0600), "a queue", "messages");
	tell(syscall(SYS_mq_open, "hostile", O_CREAT | O_RDWR, 0600, NULL), "a POSIX queue", "messages");
	tell(syscall(SYS_memfd_create, "hostile", 0), "a file", "memory");
}

static void try_code(void)
{
	const int pages[] = { PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC };
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < LENGTH_OF(pages); i++) {
		if (mmap(NULL, 4096, pages[i], MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
			gained("memory to run code from (%d)", pages[i]);
		if (page != MAP_FAILED && mprotect(page, 4096, pages[i]) == 0)
			gained("mprotect(PROT_EXEC) (%d)", pages[i]);
	}
}

/* --- other processes ---------------------------------------------------------------------------------------------- */

static void try_process(pid_t pid)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)(uintptr_t)&config, 1 };
	struct rlimit64 none = { 0, 0 };
	int fd;

	if (!signals && (syscall(SYS_kill, pid, 0) == 0 || syscall(SYS_tgkill, pid, pid, 0) == 0 || syscall(SYS_tkill, pid, 0) == 0))
		gained("the right to kill process %d", (int)pid);
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0)
		gained("process %d as a tracer", (int)pid);
	if (syscall(SYS_process_vm_readv, pid, &here, 1UL, &there, 1UL, 0UL) == 1)
		gained("memory of process %d", (int)pid);
	if (syscall(SYS_prlimit64, pid, RLIMIT_CORE, &none, NULL) == 0)
		gained("the limits of process %d", (int)pid);
	if (role != ROLE_TOOLS && setpriority(PRIO_PROCESS, (id_t)pid, 19) == 0)
		gained("the priority of process %d", (int)pid);
	if (role != ROLE_TOOLS && fcntl(FD_WARDEN, F_SETOWN, pid) == 0 && fcntl(FD_WARDEN, F_SETSIG, SIGKILL) == 0)
		gained("signals by SIGIO to process %d", (int)pid);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return;
	for (int number = 0; number < 16; number++) {
		int stolen = (int)syscall(SYS_pidfd_getfd, fd, number, 0);

		if (stolen >= 0)
			gained("descriptor %d of process %d", number, (int)pid);
		close(stolen);
	}
	if (!signals && syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0)
		gained("the right to signal process %d", (int)pid);
	close(fd);
}

/* All of ours have numbers near each other. What is not confined leaves strangers alone. */
static void try_processes(void)
{
	try_process(getppid());
	for (pid_t pid = getppid() + 1; confined && pid < getppid() + 12; pid++)
		if (pid != getpid())
			try_process(pid);
}

static void live_on(long result, const char *how)
{
	if (result < 0)
		return;
	if (result > 0) {
		gained("a child by %s", how);
		return;
	}
	sleep(60); /* with every descriptor that we hold */
	_exit(0);
}

static void try_children(void)
{
	live_on(syscall(SYS_fork), "fork");
	live_on(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), "clone");
	live_on(syscall(SYS_clone3, (uint64_t[8]){ [4] = SIGCHLD }, 64), "clone3");
}

static void try_programs(void)
{
	char *arguments[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char[]){ "echo 'gained: a shell' >&2" }, NULL };
	char *environment[] = { NULL };

	execve("/bin/sh", arguments, environment);
	execveat(AT_FDCWD, "/bin/sh", arguments, environment, 0);
}

/* --- rights ------------------------------------------------------------------------------------------------------- */

static void try_rights(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct all[2] = { { ~0U, ~0U, ~0U }, { ~0U, ~0U, ~0U } };

	if (syscall(SYS_capset, &header, all) == 0)
		gained("%s", "capabilities");
	if (role != ROLE_STORER && role != ROLE_TOOLS && (setuid(0) == 0 || setresuid(0, 0, 0) == 0 || setgid(0) == 0))
		gained("%s", "root");
	if ((role == ROLE_STORER || role == ROLE_TOOLS) &&
	    (setuid(1) == 0 || setresuid(1, 1, 0) == 0 || setreuid(0, 1) == 0 || setgid(1) == 0))
		gained("%s", "another user");
	if (setgroups(0, NULL) == 0)
		gained("%s", "other groups");
	if (prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0)
		gained("%s", "no_new_privs taken back");
	for (int flag = 0; flag < 4; flag++) {
		static const int flags[] = { CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID };

		if (unshare(flags[flag]) == 0)
			gained("a namespace (%#x)", (unsigned int)flags[flag]);
	}
	if (mount("none", "/mnt", "tmpfs", 0, NULL) == 0 || chroot("/") == 0 || sethostname("hostile", 7) == 0)
		gained("%s", "mount, chroot or the name of the host");
}

/* Doors to a lot of kernel, none of which any role needs. */
static void try_kernel(void)
{
	static const struct {
		const char *name;
		long number;
	} doors[] = {
		{ "io_uring_setup", SYS_io_uring_setup }, { "bpf", SYS_bpf },	    { "perf_event_open", SYS_perf_event_open },
		{ "userfaultfd", SYS_userfaultfd },	  { "keyctl", SYS_keyctl }, { "add_key", SYS_add_key },
	};
	char zeros[256] = "", key[] = "n";

	for (size_t i = 0; i < LENGTH_OF(doors); i++)
		if (syscall(doors[i].number, doors[i].number == SYS_io_uring_setup ? (void *)4 : (void *)key, zeros, 0L, 0L, 0L) >= 0)
			gained("%s", doors[i].name);
	if (ioctl(STDERR_FILENO, TIOCSTI, "x") == 0 || (errno != EPERM && errno != ENOSYS))
		gained("%s", "typing on the terminal");
}

static void do_everything(void)
{
	try_sockets();
	try_files();
	try_changes();
	try_processes();
	try_rights();
	try_kernel();
	try_setuid();
	if (role == ROLE_TOOLS) /* programs of the host are its work */
		return;
	try_ipc();
	try_code();
	try_children();
}

/* --- the channels ------------------------------------------------------------------------------------------------- */

static void send_raw(int fd, uint32_t verb, uint32_t index, uint32_t claimed, size_t length)
{
	static char data[WIRE_DATA + 64];
	uint32_t header[offsetof(struct record, data) / sizeof(uint32_t)] = { verb, index, claimed };
	struct iovec parts[] = { { header, sizeof(header) }, { data, length } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	(void)sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void do_verbs(void)
{
	for (int fd = FD_WARDEN; fd < FD_AGENT_END; fd++)
		for (uint32_t verb = 0; verb < VERBS + 2; verb++)
			for (uint32_t length = 0; length < 700; length++)
				send_raw(fd, verb, 0, length, length);
}

static void do_lengths(void)
{
	static const uint32_t lengths[] = { 0, 1, 7, 4096, WIRE_DATA, WIRE_DATA + 1, UINT32_MAX };

	for (int fd = FD_WARDEN; fd < FD_AGENT_END; fd++) {
		(void)send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		(void)send(fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT);
		for (size_t i = 0; i < LENGTH_OF(lengths); i++)
			for (uint32_t verb = 0; verb < VERBS; verb++) {
				send_raw(fd, verb, UINT32_MAX, lengths[i], 3);
				send_raw(fd, verb, 0, lengths[i], WIRE_DATA + 1);
			}
	}
}

/* Well formed and its own to send, without end. */
static void do_flood(void)
{
	static const uint32_t own[] = {
		[ROLE_CLIENT] = VERB_OPEN,     [ROLE_SIGNER] = VERB_LOAD_ACCOUNT, [ROLE_STORER] = VERB_STORED,
		[ROLE_RESPONDER] = VERB_READY, [ROLE_TLS] = VERB_READY,		  [ROLE_PROVIDER] = VERB_REPLY
	};
	const int channel = role == ROLE_SIGNER ? FD_STORER : role == ROLE_PROVIDER ? FD_CLIENT : FD_WARDEN;

	const uint32_t size = role == ROLE_CLIENT ? sizeof(struct whereabouts) : 0;

	for (;;) {
		send_raw(channel, own[role], 0, size, size);
		if (role == ROLE_CLIENT)
			send_raw(FD_WARDEN, VERB_CLOSE, 0, 0, 0);
	}
}

static void do_descriptors(void)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int[4]))];
		struct cmsghdr header;
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int[4])), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	const bool asked = role == ROLE_PROVIDER; /* by acmegate-dns alone: it has no other channel, and passes what there is */
	int passed[] = { asked ? FD_CLIENT : FD_WARDEN, STDERR_FILENO, FD_CLIENT, asked ? FD_CONFIG : FD_STATE };
	uint32_t header[16] = { role == ROLE_CLIENT ? VERB_OPEN : VERB_READY };
	struct iovec part = { header, offsetof(struct record, data) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.header), passed, sizeof(passed));
	for (int i = 0; i < 200; i++)
		for (int fd = FD_WARDEN; fd < FD_AGENT_END; fd++)
			(void)sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Window after window, each open for that long; ends when the warden refuses one, or has gone. */
static void open_and_close(int milliseconds)
{
	static struct record record;
	struct fault fault;

	do {
		send_raw(FD_WARDEN, VERB_OPEN, 0, sizeof(struct whereabouts), sizeof(struct whereabouts));
		while (wire_receive(FD_WARDEN, &record, &fault) > 0 && record.verb != VERB_OPENED)
			if (record.verb == VERB_REFUSED)
				return;
		poll(NULL, 0, milliseconds);
		send_raw(FD_WARDEN, VERB_CLOSE, 0, 0, 0);
	} while (wire_receive(FD_WARDEN, &record, &fault) > 0 && record.verb == VERB_CLOSED);
}

static void do_windows(void)
{
	open_and_close(2000);
}

static void do_blinks(void)
{
	open_and_close(50);
}

/* In a window, tells of validations without end. */
static void do_counts(void)
{
	static struct record record;
	struct fault fault;

	send_raw(FD_WARDEN, VERB_OPEN, 0, sizeof(struct whereabouts), sizeof(struct whereabouts));
	while (wire_receive(FD_WARDEN, &record, &fault) > 0 && record.verb != VERB_OPENED)
		;
	poll(NULL, 0, 50); /* so long, that the probe sees it */
	for (int i = 0; i < 100000; i++)
		send_raw(FD_WARDEN, VERB_VALIDATED, 0, sizeof(struct validated), sizeof(struct validated));
	poll(NULL, 0, 20000);
}

static void do_close(void)
{
	for (int fd = FD_WARDEN; fd < FD_AGENT_END; fd++)
		close(fd);
}

static void do_nothing(void)
{
}

/* Answers that nobody has asked for, as many as there is room for: who waits for one has it, and never sees that no question is read. */
static void do_ahead(void)
{
	static char answer[sizeof(struct sighting)] = { TRANSLATED, 'x' };
	const size_t length = role == ROLE_WATCHER ? sizeof(answer) : 2;

	if (role == ROLE_IMPORTER)
		for (int i = 0; i < 1000; i++)
			send_raw(FD_WARDEN, VERB_REPLY, 0, sizeof(struct found), sizeof(struct found));
	while (send(FD_WARDEN, answer, length, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		;
}

/* The 200 MiB that it must not get are more than any role has use for. */
static void do_memory(void)
{
	size_t had = 0;

	for (; had < 200; had++) {
		char *memory = mmap(NULL, 1024 * 1024, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory == MAP_FAILED)
			break;
		memset(memory, 1, 1024 * 1024);
	}
	if (had == 200)
		gained("%s", "more memory than is good");
}

/* One after the other, in one process. */
static void do_turns(void)
{
	do_everything();
	if (!gains) /* said now: what follows may be the end of it */
		say("gained: nothing\n");
	do_descriptors();
	do_verbs();
	do_lengths();
	do_everything();
	do_close();
}

static void hold_still(void)
{
	for (;;)
		poll(NULL, 0, 1000);
}

static void turn(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
		bool ends;
	} acts[] = {
		{ "everything", do_everything, true }, { "execute", try_programs, true }, { "verbs", do_verbs, false },
		{ "lengths", do_lengths, false },      { "flood", do_flood, false },	  { "descriptors", do_descriptors, false },
		{ "close", do_close, false },	       { "hang", do_nothing, false },	  { "memory", do_memory, true },
		{ "turns", do_turns, true },	       { "windows", do_windows, false },  { "blinks", do_blinks, false },
		{ "counts", do_counts, false },	       { "ahead", do_ahead, false },
	};

	for (size_t i = 0; i < LENGTH_OF(acts); i++) {
		if (strcmp(acts[i].name, act))
			continue;
		say("the %s turns hostile: %s\n", sandbox_role_name(role), act);
		acts[i].run();
		if (!gains)
			say("gained: nothing\n");
		if (acts[i].ends)
			_exit(3);
		hold_still();
	}
}

static void on_signal(int number)
{
	(void)number;
	turn();
}

/* --- the start ---------------------------------------------------------------------------------------------------- */

struct orders {
	char role[16], act[32], when[16], how[16];
};

static bool read_orders(struct orders *orders)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	FILE *file;
	int words;

	path[n > 0 ? n : 0] = '\0';
	snprintf(outside, sizeof(outside), "%.*s/../outside", (int)(strrchr(path, '/') - path), path);
	snprintf(state_path, sizeof(state_path), "%.*s/../state", (int)(strrchr(path, '/') - path), path);
	snprintf(www, sizeof(www), "%.*s/../www", (int)(strrchr(path, '/') - path), path);
	snprintf(strrchr(path, '/') + 1, 8, "orders");
	file = fopen(path, "re");
	if (!file)
		return false;
	words = fscanf(file, "%15s %31s %15s %15s", orders->role, orders->act, orders->when, orders->how);
	fclose(file);
	return words == 4;
}

/* --- acmegate-iptables -------------------------------------------------------------------------------------------- */

/* The real one beside this program; it answers the gate unless it only makes the rules. */
static void run_real(char **argv, bool silent)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 8);
	int null = silent ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;

	if (null >= 0)
		dup2(null, STDOUT_FILENO);
	snprintf(path + (n > 0 ? n : 0), 8, ".real");
	execv(path, argv);
	_exit(127);
}

/* The gate takes standard error for an answer. */
static bool speak_into_file(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	int fd;

	path[n > 0 ? n : 0] = '\0';
	snprintf(strrchr(path, '/') + 1, 8, "said");
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return fd >= 0 && dup2(fd, STDERR_FILENO) >= 0;
}

static int be_iptables(char **argv)
{
	struct orders orders = { 0 };
	struct fault fault;
	pid_t real;

	role = ROLE_TOOLS;
	if (!argv[1] || !read_orders(&orders))
		return STATUS_USAGE;
	if (strcmp(argv[1], strcmp(orders.when, "later") != 0 ? "plan" : "open") != 0)
		run_real(argv, false);
	snprintf(act, sizeof(act), "%s", orders.act);
	confined = strcmp(orders.how, "loose") != 0;
	readable = true;
	signals = sandbox_landlock() < 6;
	real = strcmp(orders.when, "later") ? 0 : fork();
	if (real == 0 && !strcmp(orders.when, "later"))
		run_real(argv, true);
	if ((real > 0 && waitpid(real, NULL, 0) != real) || !speak_into_file())
		return STATUS_FAILED;
	if (confined && (sandbox_tools(&fault) < 0 || confine(role, NULL, -1, &fault) < 0)) {
		say("%s\n", fault.text);
		return STATUS_FAILED;
	}
	turn();
	return STATUS_FAILED;
}

/* As agent.c does it. */
static void fill_places(void)
{
	int fd = role == ROLE_STORER || role == ROLE_SWEEPER || role == ROLE_PLACER ? 0 : FD_AGENT_END;

	while (fd >= 0 && fd < FD_AGENT_END - 1)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
}

static int serve_tls(void)
{
	static const struct reception reception = {
		.hear = names_receive, .greet = handshake_greet, .receive = handshake_receive, .leave = handshake_leave
	};
	struct fault fault;

	return handshake_start(&fault) < 0 || visitors_serve(&reception, &fault) < 0 ? STATUS_FAILED : STATUS_DONE;
}

int main(int argc, char **argv)
{
	static int (*const mains[])(const struct config *) = {
		[ROLE_CLIENT] = client_main,	   [ROLE_SIGNER] = signer_main,	    [ROLE_STORER] = storer_main,
		[ROLE_RESPONDER] = responder_main, [ROLE_SWEEPER] = sweeper_main,   [ROLE_TRANSLATOR] = translator_main,
		[ROLE_IMPORTER] = importer_main,   [ROLE_EXAMINER] = examiner_main, [ROLE_PLACER] = placer_main,
		[ROLE_WATCHER] = watcher_main,	   [ROLE_PROVIDER] = provider_main,
	};
	struct orders orders = { 0 };
	struct fault fault;

	if (strstr(argv[0], "acmegate-iptables"))
		return be_iptables(argv);
	role = ROLE_TLS;
	if (argc < 2 || (!strstr(argv[0], "acmegate-tls") && !sandbox_find_role(argv[1], &role)) || !read_orders(&orders))
		return STATUS_USAGE;
	log_start(argv[1], false);
	if (sandbox_prove(role, &fault) == 0 && role != ROLE_TLS)
		config = config_share_receive(FD_CONFIG);
	if (!config && config_share_has(role))
		return STATUS_FAILED;
	if (!strcmp(orders.role, argv[1])) {
		snprintf(act, sizeof(act), "%s", orders.act);
		signal(SIGUSR1, on_signal);
	}
	confined = strcmp(orders.how, "loose") != 0;
	readable = !strcmp(orders.how, "readable");
	if (role == ROLE_SIGNER)
		signer_trust(config);
	fill_places();
	if (confined && confine(role, config, webroot_open(role, config), &fault) < 0) {
		log_error("%s", fault.text);
		return STATUS_FAILED;
	}
	if (act[0] && !strcmp(orders.when, "start"))
		turn();
	return role == ROLE_TLS ? serve_tls() : mains[role](config);
}
