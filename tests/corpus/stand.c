// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * stand [bound] - stands behind port 80 and answers each request with 200, until SIGTERM. Prints "ready" when a SYN may come.
 *
 * With "bound" it makes the opening itself, as a renewal does: through every backend, bound to its own transparent sockets.
 * Without, it is what any other ACME client is, and "acmegate guard" opens for it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "backend.h"
#include "listener.h"
#include "own.h"

#define PORT 80
#define WINDOW_SECONDS 60

static const struct config config = { .gate = { .backend = BACKEND_AUTO, .port = PORT, .max_open = WINDOW_SECONDS } };
static struct ruleset *ruleset[32];

static int open_all(struct opening *opening, struct fault *fault)
{
	static struct plan plan;

	for (int i = 0; backends[i]; i++)
		if (!backends[i]->on_demand && (backends[i]->attach(&ruleset[i], &config, fault) < 0 ||
		    (ruleset[i] && backends[i]->plan(ruleset[i], opening, &plan, fault) < 0)))
			return -1;
	if (plan.unbound || plan.untimed)
		return fault_set(fault, FAULT_FAILED, "the rule cannot be bound, or not end in time");
	for (int i = 0; backends[i]; i++)
		if (ruleset[i] && backends[i]->open(ruleset[i], opening, fault) < 0)
			return -1;
	return 0;
}

static int close_all(const struct opening *opening, struct fault *fault)
{
	int rc = 0;

	for (int i = 0; backends[i]; i++) {
		if (!ruleset[i])
			continue;
		if (backends[i]->close(ruleset[i], opening->tag, fault) < 0)
			rc = -1;
		backends[i]->detach(ruleset[i]);
	}
	return rc;
}

/* What any program does: no IP_TRANSPARENT. */
static int listen_plainly(int family)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0) ||
	    bind(fd, family == AF_INET ? (const void *)&v4 : (const void *)&v6, family == AF_INET ? sizeof(v4) : sizeof(v6)) < 0 ||
	    listen(fd, 16) < 0)
		return -1;
	return fd;
}

static void answer(int listener)
{
	static const char text[] = "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
	struct timeval limit = { .tv_sec = 1 };
	OWN_FD int fd = accept(listener, NULL, NULL);
	char request[2048];

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
	    recv(fd, request, sizeof(request), 0) > 0 && send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL) > 0 &&
	    shutdown(fd, SHUT_WR) == 0)
		while (recv(fd, request, sizeof(request), 0) > 0)
			;
}

static void serve(int stop, const int fds[2])
{
	struct pollfd list[] = { { .fd = stop, .events = POLLIN },
				 { .fd = fds[0], .events = POLLIN },
				 { .fd = fds[1], .events = POLLIN } };

	puts("ready");
	fflush(stdout);
	while (poll(list, LENGTH_OF(list), -1) >= 0 || errno == EINTR) {
		if (list[0].revents)
			return;
		for (size_t i = 1; i < LENGTH_OF(list); i++)
			if (list[i].revents)
				answer(list[i].fd);
	}
}

int main(int argc, char **argv)
{
	bool bound = argc == 2 && !strcmp(argv[1], "bound");
	struct opening opening = { 0 };
	struct fault fault = { 0 };
	sigset_t signals;
	int fds[2], stop, rc = 0;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	stop = signalfd(-1, &signals, SFD_CLOEXEC);
	if (bound) {
		rc = opening_make(&opening, PORT, WINDOW_SECONDS, &fault);
		if (rc == 0)
			rc = open_all(&opening, &fault);
		if (rc == 0)
			rc = listener_open(PORT, fds, &fault);
	} else {
		fds[0] = listen_plainly(AF_INET);
		fds[1] = listen_plainly(AF_INET6);
		rc = fds[0] < 0 || fds[1] < 0 ? fault_errno(&fault, FAULT_FAILED, "listening") : 0;
	}
	if (rc == 0)
		serve(stop, fds);
	else
		fprintf(stderr, "%s\n", fault.text);
	if (bound && close_all(&opening, &fault) < 0) {
		fprintf(stderr, "closing: %s\n", fault.text);
		rc = -1;
	}
	return rc < 0 ? STATUS_FAILED : STATUS_DONE;
}
