// SPDX-License-Identifier: GPL-3.0-or-later
#include "firewall/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/process.h"
#include "base/sockets.h"

#ifndef IPV6_TRANSPARENT
#define IPV6_TRANSPARENT 75 /* linux/in6.h, which does not go together with netinet/in.h */
#endif

#define BACKLOG 4096 /* the kernel may make less of it, see net.core.somaxconn */
#define HIGHEST 1023 /* as bindresvport(3) does it: below are services with a name */
#define LOWEST 900
#define HOLDERS_MOST 16 /* sockets that listen on one port */

/* --- who holds the port ------------------------------------------------------------------------------------------- */

/* The sockets that listen on the port, without this one; the number. */
static int find_others(uint16_t port, int ours, uint32_t inodes[HOLDERS_MOST])
{
	struct fault ignored;
	struct stat own = { 0 };
	int n = sockets_listeners(port, inodes, HOLDERS_MOST, &ignored), others = 0;

	if (ours >= 0)
		(void)fstat(ours, &own);
	for (int i = 0; i < n; i++)
		if (inodes[i] != own.st_ino)
			inodes[others++] = inodes[i];
	return others;
}

/* " by NAME (pid N)", or "" when it cannot be found out. */
static void name_holder(uint16_t port, int ours, char *text, size_t size)
{
	uint32_t inodes[HOLDERS_MOST];
	const pid_t pid = process_find_holder(inodes, find_others(port, ours, inodes));
	char name[PROCESS_NAME];

	text[0] = '\0';
	if (!pid)
		return;
	process_name(pid, name);
	snprintf(text, size, " by %s (pid %d)", name, (int)pid);
}

/* ours: the socket that this process has already, for the other family. */
static int taken(uint16_t port, int ours, const char *remedy, struct fault *fault)
{
	char holder[64];

	name_holder(port, ours, holder, sizeof(holder));
	return fault_set(fault, FAULT_FAILED, "port %u is taken%s; %s", port, holder, remedy);
}

/* --- the sockets -------------------------------------------------------------------------------------------------- */

static int make(int family, uint16_t port, int ours, const char *remedy, struct fault *fault)
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
		return errno == EADDRINUSE ? taken(port, ours, remedy, fault) :
					     fault_errno(fault, FAULT_FAILED, "listening on port %u", port);
	return steal_fd(&fd);
}

static int open_all(uint16_t port, const char *remedy, int fds[2], struct fault *fault)
{
	static const int families[] = { AF_INET, AF_INET6 };

	fds[0] = fds[1] = -1;
	for (int i = 0; i < 2; i++) {
		fds[i] = make(families[i], port, fds[0], remedy, fault);
		if (fds[i] >= 0 || fault->code == EAFNOSUPPORT || (i == 1 && fault->code == EADDRNOTAVAIL))
			continue;
		close_fd(&fds[0]);
		return -1;
	}
	if (fds[0] < 0 && fds[1] < 0)
		return fault_set(fault, FAULT_FAILED, "this host has neither IPv4 nor IPv6");
	return 0;
}

int listener_open(uint16_t port, int fds[2], struct fault *fault)
{
	return open_all(port,
			"stop it for the time of the renewal, or move it to another port, or let acmegate listen on another one "
			"([responder] port and mode = redirect)",
			fds, fault);
}

int listener_open_for_tls(uint16_t port, int fds[2], struct fault *fault)
{
	return open_all(
		port,
		"tls-alpn-01 needs it ([responder] mode is of http-01 alone): have challenge = http-01 or dns-01 in the section of the "
		"certificate, or have that server answer tls-alpn-01 itself (haproxy 3.2, nginx with nginx-acme, Apache with mod_md), or "
		"stop it for the time of the renewal",
		fds, fault);
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
