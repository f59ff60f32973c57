// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * stand [bound|traced STATE] - a server on port 80 that answers each request with 200, until SIGTERM. Prints "ready" when a SYN may come.
 *
 * With "bound" it makes the opening itself, as a renewal does: through the window, with a journal in the directory STATE, bound to
 * its own transparent sockets. With "traced" that window is traced, and what others change meanwhile stays so. Without, it is any other ACME client, and "acmegate guard" opens for it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "firewall/listener.h"
#include "base/own.h"
#include "firewall/report.h"
#include "firewall/window.h"

#define PORT 80
#define WINDOW_SECONDS 60

static struct policy policy = { .backend = BACKEND_AUTO, .port = PORT, .seconds = WINDOW_SECONDS, .target = 8402 };
/* Of the host's addresses those that names resolve to, as the corpus gives them: 203.0.113.10 and 2001:db8:cafe::10. */
static const struct whereabouts whereabouts = {
	.addresses4 = 1,
	.addresses6 = 1,
	.address4 = { { 203, 0, 113, 10 } },
	.address6 = { { 0x20, 0x01, 0x0d, 0xb8, 0xca, 0xfe, [15] = 0x10 } },
};
static struct journal journal = { .fd = -1 };
static struct window window;

static int open_window(const char *state, int fds[2], struct fault *fault)
{
	OWN_FD int state_fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (state_fd < 0)
		return fault_errno(fault, FAULT_FAILED, "%s", state);
	if (journal_open(&journal, state_fd, fault) < 0 || window_prepare_at(&window, &journal, &policy, &whereabouts, fault) < 0)
		return -1;
	if (window.plan.unbound || window.plan.untimed)
		return fault_set(fault, FAULT_FAILED, "the rule cannot be bound, or not end in time");
	if (listener_open(window.opening.target, fds, fault) < 0)
		return -1;
	if (window_open(&window, fault) < 0)
		return -1;
	report_opened(&window);
	return 0;
}

static int close_window(struct fault *fault)
{
	int rc = window.standing ? window_shut(&window, fault) : 0;

	if (rc == 0 && journal.armed)
		rc = journal_clear(&journal, fault);
	window_free(&window);
	journal_close(&journal);
	return rc;
}

/* As any program does it: without IP_TRANSPARENT. */
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

static void mend(void)
{
	struct fault fault;

	if (window_mend(&window, &fault) < 0)
		fprintf(stderr, "putting the opening back: %s\n", fault.text);
}

static void serve(int stop, int news, const int fds[2])
{
	struct pollfd list[] = { { .fd = stop, .events = POLLIN },
				 { .fd = fds[0], .events = POLLIN },
				 { .fd = fds[1], .events = POLLIN },
				 { .fd = news, .events = POLLIN } };

	puts("ready");
	fflush(stdout);
	while (poll(list, LENGTH_OF(list), -1) >= 0 || errno == EINTR) {
		if (list[0].revents)
			return;
		for (size_t i = 1; i < 3; i++)
			if (list[i].revents)
				answer(list[i].fd);
		if (list[3].revents)
			mend();
	}
}

int main(int argc, char **argv)
{
	bool traced = argc == 3 && !strcmp(argv[1], "traced"), bound = traced || (argc == 3 && !strcmp(argv[1], "bound"));
	struct fault fault = { 0 };
	sigset_t signals;
	int fds[2], stop, rc;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	stop = signalfd(-1, &signals, SFD_CLOEXEC);
	window.news = -1;
	policy.traced = traced;
	if (bound) {
		rc = open_window(argv[2], fds, &fault);
	} else {
		fds[0] = listen_plainly(AF_INET);
		fds[1] = listen_plainly(AF_INET6);
		rc = fds[0] < 0 || fds[1] < 0 ? fault_errno(&fault, FAULT_FAILED, "listening") : 0;
	}
	if (rc == 0)
		serve(stop, bound && !traced ? window.news : -1, fds);
	else
		fprintf(stderr, "%s\n", fault.text);
	if (bound && close_window(&fault) < 0) {
		fprintf(stderr, "closing: %s\n", fault.text);
		rc = -1;
	}
	return rc < 0 ? STATUS_FAILED : STATUS_DONE;
}
