// SPDX-License-Identifier: GPL-3.0-or-later
#include "firewall/listener.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/process.h"

#ifndef IPV6_TRANSPARENT
#define IPV6_TRANSPARENT 75 /* linux/in6.h, which does not go together with netinet/in.h */
#endif

#define BACKLOG 4096 /* the kernel may make less of it, see net.core.somaxconn */
#define HIGHEST 1023 /* as bindresvport(3) does it: below are services with a name */
#define LOWEST 900
#define TCP_LISTEN_HEX 0x0a /* TCP_LISTEN in the state column of /proc/net/tcp */

/* --- who holds the port ------------------------------------------------------------------------------------------- */

static unsigned long listening_inode(const char *table, uint16_t port)
{
	FILE *file = fopen(table, "re");
	char line[512];
	unsigned long found = 0;

	while (file && !found && fgets(line, sizeof(line), file)) {
		unsigned int local, state;
		unsigned long inode;

		/* NOLINTNEXTLINE(cert-err34-c): the numbers are the kernel's */
		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu", &local, &state,
			   &inode) == 3 &&
		    local == port && state == TCP_LISTEN_HEX)
			found = inode;
	}
	if (file)
		fclose(file);
	return found;
}

/* " by NAME (pid N)", or "" when it cannot be found out. */
static void name_holder(uint32_t inode, char *text, size_t size)
{
	OWN_DIR DIR *proc = opendir("/proc");
	const struct dirent *entry;

	text[0] = '\0';
	while (proc && (entry = readdir(proc))) {
		char path[PATH_MAX], name[32] = "?";
		FILE *file;

		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !process_holds((pid_t)strtol(entry->d_name, NULL, 10), &inode, 1))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = fopen(path, "re");
		if (file && fgets(name, sizeof(name), file))
			name[strcspn(name, "\n")] = '\0';
		if (file)
			fclose(file);
		snprintf(text, size, " by %s (pid %s)", name, entry->d_name);
		return;
	}
}

/* An IPv6 socket can hold the port for IPv4 too; for IPv6 the other table would show our own socket. */
static int taken(int family, uint16_t port, struct fault *fault)
{
	unsigned long inode = family == AF_INET ? listening_inode("/proc/net/tcp", port) : 0;
	char holder[320] = "";

	if (!inode)
		inode = listening_inode("/proc/net/tcp6", port);
	if (inode)
		name_holder((uint32_t)inode, holder, sizeof(holder));
	return fault_set(fault, FAULT_FAILED, "port %u is taken%s; stop it for the time of the renewal, or move it to another "
					      "port, or let acmegate listen on another one ([responder] port and mode = redirect)",
			 port, holder);
}

/* --- the sockets -------------------------------------------------------------------------------------------------- */

static int make(int family, uint16_t port, struct fault *fault)
{
	OWN_FD int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_ANY_INIT };
	const struct sockaddr *address = family == AF_INET ? (const void *)&v4 : (const void *)&v6;
	socklen_t length = family == AF_INET ? sizeof(v4) : sizeof(v6);
	int one = 1, level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int transparent = family == AF_INET ? IP_TRANSPARENT : IPV6_TRANSPARENT;
	/* Accepted sockets inherit it: when the responder is gone, its connections are reset and none lives on. */
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	if (fd < 0)
		return fault_errno(fault, FAULT_FAILED, "making a socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    (family == AF_INET6 && setsockopt(fd, level, IPV6_V6ONLY, &one, sizeof(one)) < 0) ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0 ||
	    setsockopt(fd, level, transparent, &one, sizeof(one)) < 0)
		return fault_errno(fault, FAULT_FAILED, "preparing a socket (CAP_NET_ADMIN is needed)");
	if (bind(fd, address, length) < 0 || listen(fd, BACKLOG) < 0)
		return errno == EADDRINUSE ? taken(family, port, fault) :
					     fault_errno(fault, FAULT_FAILED, "listening on port %u", port);
	return steal_fd(&fd);
}

int listener_open(uint16_t port, int fds[2], struct fault *fault)
{
	static const int families[] = { AF_INET, AF_INET6 };

	fds[0] = fds[1] = -1;
	for (int i = 0; i < 2; i++) {
		fds[i] = make(families[i], port, fault);
		if (fds[i] >= 0 || fault->code == EAFNOSUPPORT || (i == 1 && fault->code == EADDRNOTAVAIL))
			continue;
		close_fd(&fds[0]);
		return -1;
	}
	if (fds[0] < 0 && fds[1] < 0)
		return fault_set(fault, FAULT_FAILED, "this host has neither IPv4 nor IPv6");
	return 0;
}

static bool is_free(uint16_t port, struct fault *fault)
{
	int fds[2];

	if (listener_open(port, fds, fault) < 0)
		return false;
	close_fd(&fds[0]);
	close_fd(&fds[1]);
	return true;
}

uint16_t listener_choose(uint16_t port, struct fault *fault)
{
	struct fault other;

	if (is_free(port, fault))
		return port;
	for (uint16_t choice = HIGHEST; choice >= LOWEST; choice--)
		if (is_free(choice, &other))
			return choice;
	return port;
}
