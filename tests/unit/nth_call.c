// SPDX-License-Identifier: GPL-3.0-or-later
#include "nth_call.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/kernel.h"
#include "other_names.h"

static struct {
	pid_t process; /* 0: nothing happens */
	const char *call;
	unsigned int n, seen;
	int error;
	bool all, happened;
	void (*act)(void);
	ssize_t (*change)(void *buffer, ssize_t length);
} nth;

static void begin(const char *call, unsigned int n)
{
	memset(&nth, 0, sizeof(nth));
	nth.process = getpid();
	nth.call = call;
	nth.n = n;
}

void nth_fail(const char *call, unsigned int n, int error)
{
	begin(call, n);
	nth.error = error;
}

void nth_fail_on(const char *call, unsigned int n, int error)
{
	nth_fail(call, n, error);
	nth.all = true;
}

void nth_act(const char *call, unsigned int n, void (*act)(void))
{
	begin(call, n);
	nth.act = act;
}

void nth_change(unsigned int n, ssize_t (*change)(void *buffer, ssize_t length))
{
	begin("recv", n);
	nth.change = change;
}

void nth_change_all(ssize_t (*change)(void *buffer, ssize_t length))
{
	nth_change(1, change);
	nth.all = true;
}

void nth_stop(void)
{
	nth.process = 0;
}

bool nth_happened(void)
{
	return nth.happened;
}

/* Is this the call? */
static bool is_it(const char *call)
{
	if (nth.process != getpid() || (nth.call[0] && strcmp(nth.call, call)))
		return false;
	nth.seen++;
	if (nth.all ? nth.seen < nth.n : nth.seen != nth.n)
		return false;
	nth.happened = true;
	return true;
}

static bool fails(const char *call)
{
	void (*act)(void) = nth.act;

	if (!is_it(call))
		return false;
	if (act) {
		nth.process = 0; /* what it does itself is not counted */
		act();
		nth.process = getpid();
		return false;
	}
	errno = nth.error;
	return nth.error != 0;
}

#define WRAP(type, failure, name, parameters, arguments) \
	type __real_##name parameters; \
	type __wrap_##name parameters; \
	type __wrap_##name parameters \
	{ \
		return fails(#name) ? failure : __real_##name arguments; \
	}
#define WRAP_INT(name, parameters, arguments) WRAP(int, -1, name, parameters, arguments)
#define WRAP_POINTER(type, name, parameters, arguments) WRAP(type *, NULL, name, parameters, arguments)

/* Only netlink loses messages, and only what it says is changed. */
static bool is_netlink(int fd)
{
	int domain = 0;
	socklen_t length = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_NETLINK;
}

/* The kernel answers within the call that asks, so a test never waits for an answer that was changed away. */
#define WRAP_READ(name, fd, parameters, arguments) \
	ssize_t __real_##name parameters; \
	ssize_t __wrap_##name parameters; \
	ssize_t __wrap_##name parameters \
	{ \
		bool strange = nth.process && (nth.change || nth.error == ENOBUFS) && !is_netlink(fd); \
		bool fail = !strange && !(nth.process && nth.change) && fails(#name); \
		ssize_t n = fail ? -1 : __real_##name arguments; \
		return n > 0 && !strange && nth.process && nth.change && is_it("recv") ? nth.change(buffer, n) : n; \
	}

WRAP_POINTER(void, malloc, (size_t size), (size))
WRAP_POINTER(void, calloc, (size_t count, size_t size), (count, size))
WRAP_POINTER(void, realloc, (void *old, size_t size), (old, size))
WRAP_READ(mnl_socket_recvfrom, mnl_socket_get_fd(socket), (const struct mnl_socket *socket, void *buffer, size_t size),
	  (socket, buffer, size))
WRAP_READ(recv, fd, (int fd, void *buffer, size_t size, int flags),
	  (fd, buffer, size, nth.process &&nth.change ? flags | MSG_DONTWAIT : flags))
WRAP(ssize_t, -1, send, (int fd, const void *data, size_t size, int flags), (fd, data, size, flags))
WRAP(ssize_t, -1, mnl_socket_sendto, (const struct mnl_socket *socket, const void *data, size_t size), (socket, data, size))
WRAP_POINTER(struct mnl_socket, mnl_socket_open2, (int bus, int flags), (bus, flags))
WRAP_INT(mnl_socket_bind, (struct mnl_socket * socket, unsigned int groups, pid_t pid), (socket, groups, pid))
WRAP_POINTER(struct mnl_nlmsg_batch, mnl_nlmsg_batch_start, (void *buffer, size_t limit), (buffer, limit))
WRAP_POINTER(struct nftnl_rule, nftnl_rule_alloc, (void), ())
WRAP_POINTER(struct nftnl_set, nftnl_set_alloc, (void), ())
WRAP_POINTER(struct nftnl_chain, nftnl_chain_alloc, (void), ())
WRAP_POINTER(struct nftnl_expr, nftnl_expr_alloc, (const char *name), (name))
WRAP_POINTER(struct nftnl_set_elem, nftnl_set_elem_alloc, (void), ())
WRAP_POINTER(struct nftnl_udata_buf, nftnl_udata_buf_alloc, (uint32_t size), (size))
WRAP(uint8_t, 0, nftnl_udata_put_strz, (struct nftnl_udata_buf * buffer, uint8_t type, const char *text), (buffer, type, text))
WRAP_INT(nftnl_rule_set_str, (struct nftnl_rule * rule, uint16_t attribute, const char *text), (rule, attribute, text))
WRAP_INT(nftnl_rule_set_data, (struct nftnl_rule * rule, uint16_t attribute, const void *data, uint32_t length),
	 (rule, attribute, data, length))
WRAP_INT(nftnl_set_set_str, (struct nftnl_set * set, uint16_t attribute, const char *text), (set, attribute, text))
WRAP_INT(nftnl_set_set_data, (struct nftnl_set * set, uint16_t attribute, const void *data, uint32_t length),
	 (set, attribute, data, length))
WRAP_INT(nftnl_chain_set_str, (struct nftnl_chain * chain, uint16_t attribute, const char *text), (chain, attribute, text))
WRAP_INT(nftnl_set_elem_set, (struct nftnl_set_elem * element, uint16_t attribute, const void *data, uint32_t length),
	 (element, attribute, data, length))
WRAP_INT(nftnl_expr_set, (struct nftnl_expr * expression, uint16_t attribute, const void *data, uint32_t length),
	 (expression, attribute, data, length))
WRAP_INT(setsockopt, (int fd, int level, int name, const void *value, socklen_t length), (fd, level, name, value, length))
WRAP_INT(socket, (int family, int type, int protocol), (family, type, protocol))
WRAP_INT(socketpair, (int family, int type, int protocol, int ends[2]), (family, type, protocol, ends))
WRAP_INT(bind, (int fd, const struct sockaddr *address, socklen_t length), (fd, address, length))
WRAP_INT(listen, (int fd, int backlog), (fd, backlog))
WRAP_INT(epoll_create1, (int flags), (flags))
WRAP_INT(epoll_ctl, (int fd, int operation, int other, struct epoll_event *event), (fd, operation, other, event))
WRAP_INT(timerfd_create, (clockid_t clock, int flags), (clock, flags))
WRAP_INT(timerfd_settime, (int fd, int flags, const struct itimerspec *time, struct itimerspec *old), (fd, flags, time, old))
WRAP(ssize_t, -1, getrandom, (void *buffer, size_t size, unsigned int flags), (buffer, size, flags))
WRAP(ssize_t, -1, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
WRAP(ssize_t, -1, pread, (int fd, void *buffer, size_t size, off_t at), (fd, buffer, size, at))
WRAP_INT(fdatasync, (int fd), (fd))
WRAP_INT(fsync, (int fd), (fd))
WRAP_INT(flock, (int fd, int operation), (fd, operation))
WRAP(int, nth.error, posix_fallocate, (int fd, off_t at, off_t length), (fd, at, length))
WRAP_INT(renameat, (int from, const char *old, int to, const char *name), (from, old, to, name))
WRAP_INT(faccessat, (int fd, const char *path, int mode, int flags), (fd, path, mode, flags))
WRAP_INT(fstat, (int fd, struct stat *s), (fd, s))
WRAP_INT(fstatat, (int fd, const char *path, struct stat *s, int flags), (fd, path, s, flags))
WRAP_INT(fork, (void), ())
WRAP_INT(pipe2, (int ends[2], int flags), (ends, flags))
WRAP_INT(pidfd_open, (pid_t pid, unsigned int flags), (pid, flags))
WRAP_INT(poll, (struct pollfd * fds, nfds_t count, int timeout), (fds, count, timeout))
WRAP(pid_t, -1, waitpid, (pid_t pid, int *status, int options), (pid, status, options))
WRAP_INT(waitid, (idtype_t type, id_t id, siginfo_t *info, int options), (type, id, info, options))
WRAP_POINTER(FILE, fopen, (const char *path, const char *mode), (path, mode))

/* A child that ends so would leave nothing for make coverage. */
void __gcov_exit(void) __attribute__((weak));
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
_Noreturn void __wrap__exit(int status)
{
	nth_stop();
	if (__gcov_exit)
		__gcov_exit();
	__real__exit(status);
}

/* The pauses between two attempts are not for tests. */
int __wrap_nanosleep(const struct timespec *pause, struct timespec *left);
int __wrap_nanosleep(const struct timespec *pause, struct timespec *left)
{
	(void)pause;
	(void)left;
	return 0;
}
