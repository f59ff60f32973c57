// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/transport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define EXCHANGE_MOST 10000 /* ms for one message and its answer */

void server_set(struct server *server, int family, const void *address, const char *name)
{
	char text[INET6_ADDRSTRLEN] = "";

	memset(server, 0, sizeof(*server));
	server->at.plain.sa_family = (sa_family_t)family;
	if (family == AF_INET6) {
		server->at.v6.sin6_port = htons(DNS_PORT);
		memcpy(&server->at.v6.sin6_addr, address, sizeof(server->at.v6.sin6_addr));
	} else {
		server->at.v4.sin_port = htons(DNS_PORT);
		memcpy(&server->at.v4.sin_addr, address, sizeof(server->at.v4.sin_addr));
	}
	inet_ntop(family, address, text, sizeof(text));
	if (name)
		snprintf(server->text, sizeof(server->text), "%s (%s)", name, text);
	else
		snprintf(server->text, sizeof(server->text), "%s", text);
}

bool server_parse(struct server *server, const char *address)
{
	unsigned char binary[16];

	if (inet_pton(AF_INET, address, binary) == 1)
		server_set(server, AF_INET, binary, NULL);
	else if (inet_pton(AF_INET6, address, binary) == 1)
		server_set(server, AF_INET6, binary, NULL);
	else
		return false;
	return true;
}

bool server_same(const struct server *one, const struct server *other)
{
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c): server_set() clears all of it */
	return !memcmp(&one->at, &other->at, sizeof(one->at));
}

int64_t transport_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

bool transport_lacks_family(int code)
{
	return code == ENETUNREACH || code == EAFNOSUPPORT || code == EADDRNOTAVAIL;
}

/* Waits until the socket is ready for this. -1: the time is up. */
static int await(int fd, short events, int64_t end)
{
	struct pollfd ready = { .fd = fd, .events = events };
	int n;

	do {
		const int64_t left = end - transport_now();

		n = poll(&ready, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		return 0;
	errno = ETIMEDOUT;
	return -1;
}

static int join(const struct server *server, int64_t end)
{
	const socklen_t length = server->at.plain.sa_family == AF_INET6 ? sizeof(server->at.v6) : sizeof(server->at.v4);
	OWN_FD int fd = socket(server->at.plain.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0;
	socklen_t size = sizeof(error);

	if (fd < 0 || (connect(fd, &server->at.plain, length) < 0 && errno != EINPROGRESS))
		return -1;
	if (await(fd, POLLOUT, end) < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -1;
	errno = error;
	return error ? -1 : steal_fd(&fd);
}

static int send_all(int fd, const uint8_t *data, size_t length, int64_t end)
{
	while (length) {
		ssize_t n = send(fd, data, length, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (n < 0 && await(fd, POLLOUT, end) < 0)
			return -1;
		data += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int receive_all(int fd, uint8_t *data, size_t length, int64_t end)
{
	while (length) {
		ssize_t n = await(fd, POLLIN, end) < 0 ? -2 : recv(fd, data, length, 0);

		if (n == 0)
			errno = ECONNRESET;
		if (n == 0 || n == -2 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return -1;
		data += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int transport_exchange(const struct server *server, const uint8_t *query, size_t length, uint8_t *reply, size_t *got,
		       struct fault *fault)
{
	const int64_t end = transport_now() + EXCHANGE_MOST;
	uint8_t packet[2 + 4096], size[2];
	OWN_FD int fd = join(server, end);

	if (fd < 0)
		return fault_errno(fault, FAULT_LATER, "%s: TCP port %d", server->text, DNS_PORT);
	if (length > sizeof(packet) - 2)
		return fault_set(fault, FAULT_FAILED, "%s: a message of %zu bytes is too long", server->text, length);
	packet[0] = (uint8_t)(length >> 8);
	packet[1] = (uint8_t)length;
	memcpy(packet + 2, query, length);
	if (send_all(fd, packet, length + 2, end) < 0 || receive_all(fd, size, sizeof(size), end) < 0)
		return fault_errno(fault, FAULT_LATER, "%s: no answer", server->text);
	*got = (size_t)size[0] << 8 | size[1];
	return receive_all(fd, reply, *got, end) < 0 ?
		       fault_errno(fault, FAULT_LATER, "%s: an answer that ends early", server->text) :
		       0;
}
