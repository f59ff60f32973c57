// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/visitors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/wire.h"

#define LEAST_PLACES 8
#define ACCEPT_AT_ONCE 64 /* so that a flood of new connections does not starve the accepted ones */
#define TIME_LIMIT 5000	  /* milliseconds for one connection */
#define DRAIN_LIMIT 1000  /* of them, for the peer to close after our answer */

enum { SLOT_WARDEN, SLOT_CLIENT, SLOT_LISTEN, SLOT_CONNECTIONS = SLOT_LISTEN + 2 };

/* The peer of connections: an IPv4 address, or an IPv6 network of 64 bits, which one host has to itself. */
struct source {
	uint64_t key;
	unsigned int connections;
};

struct visitor {
	struct source *source;
	int64_t deadline; /* CLOCK_MONOTONIC, milliseconds */
	uint64_t serial;  /* rises with each connection: the lowest is the oldest */
	bool finished;	  /* now only waits for the peer to close */
	char address[INET6_ADDRSTRLEN];
};

static struct hall {
	const struct reception *reception;
	uint64_t serial;
	size_t places; /* of connections that are in use: as many as poll() takes */
	struct source source[VISITORS_MOST];
	struct pollfd fds[SLOT_CONNECTIONS + VISITORS_MOST]; /* -1: free */
	struct visitor visitor[VISITORS_MOST];
} hall;

int visitors_fd(size_t place)
{
	return hall.fds[SLOT_CONNECTIONS + place].fd;
}

const char *visitors_address(size_t place)
{
	return hall.visitor[place].address;
}

/* --- the end of a connection -------------------------------------------------------------------------------------- */

void visitors_let_go(size_t place)
{
	if (hall.reception->leave)
		hall.reception->leave(place);
	close_fd(&hall.fds[SLOT_CONNECTIONS + place].fd);
	hall.visitor[place].source->connections--;
}

/* Without a farewell: the peer gets a reset. */
void visitors_drop(size_t place)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(visitors_fd(place), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	log_trace("connection from %s dropped", visitors_address(place));
	visitors_let_go(place);
}

void visitors_finish(size_t place)
{
	struct visitor *visitor = &hall.visitor[place];
	int64_t drained = clock_milliseconds() + DRAIN_LIMIT;

	if (shutdown(visitors_fd(place), SHUT_WR) < 0) {
		visitors_drop(place);
		return;
	}
	visitor->finished = true;
	if (drained < visitor->deadline)
		visitor->deadline = drained;
}

/* Bytes that still come are thrown away: closing with bytes unread would reset our answer under way. */
static void drain(size_t place)
{
	char scrap[4096];
	ssize_t n = recv(visitors_fd(place), scrap, sizeof(scrap), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		visitors_let_go(place);
}

/* News, not worth waiting for a busy client: wire_send() would. */
void visitors_tell_hit(size_t place, const char *token)
{
	uint32_t header[offsetof(struct record, data) / sizeof(uint32_t)] = { VERB_HIT, 0, sizeof(struct hit) };
	struct hit hit = { 0 };
	struct iovec parts[] = { { header, sizeof(header) }, { &hit, sizeof(hit) } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = LENGTH_OF(parts) };

	snprintf(hit.token, sizeof(hit.token), "%s", token);
	snprintf(hit.address, sizeof(hit.address), "%s", visitors_address(place));
	(void)sendmsg(FD_CLIENT, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* --- places ------------------------------------------------------------------------------------------------------- */

static uint64_t key_of(const struct sockaddr_storage *peer)
{
	const struct sockaddr_in6 *six = (const void *)peer;
	uint64_t key = 0;

	if (peer->ss_family == AF_INET)
		return UINT64_C(0xffff) << 32 | ((const struct sockaddr_in *)peer)->sin_addr.s_addr;
	memcpy(&key, &six->sin6_addr, sizeof(key));
	return key;
}

/* There are as many sources as connections: the newcomer's is there, or there is a free one. */
static struct source *source_of(const struct sockaddr_storage *peer)
{
	uint64_t key = key_of(peer);
	struct source *unused = NULL;

	for (size_t i = 0; i < VISITORS_MOST; i++) {
		struct source *source = &hall.source[i];

		if (source->connections && source->key == key)
			return source;
		if (!source->connections)
			unused = source;
	}
	if (unused)
		unused->key = key;
	return unused;
}

/*
 * The oldest connection of the source that has the most; of two that have as many, the newcomer's. So many slow connections from a few
 * addresses take each other's places, and not that of a peer which has one. VISITORS_MOST: there is none.
 */
static size_t most_dispensable(uint64_t newcomer)
{
	size_t found = VISITORS_MOST;
	unsigned int most = 0;

	for (size_t i = 0; i < hall.places; i++) {
		const struct visitor *candidate = &hall.visitor[i];
		unsigned int share;

		if (visitors_fd(i) < 0)
			continue;
		share = candidate->source->connections * 2 + (candidate->source->key == newcomer);
		if (share > most || (share == most && found < VISITORS_MOST && candidate->serial < hall.visitor[found].serial)) {
			found = i;
			most = share;
		}
	}
	return found;
}

/* A free place, made by dropping a connection if there is none: a peer that means it is done within one. */
static size_t free_place(uint64_t newcomer)
{
	size_t place;

	for (size_t i = 0; i < hall.places; i++)
		if (visitors_fd(i) < 0)
			return i;
	place = most_dispensable(newcomer);
	visitors_drop(place);
	return place;
}

/* poll() takes no more than the process may have open, and so there are fewer places where the caller has set a small limit. */
static bool halve_places(void)
{
	if (hall.places <= LEAST_PLACES)
		return false;
	hall.places /= 2;
	for (size_t i = hall.places; i < VISITORS_MOST; i++)
		if (visitors_fd(i) >= 0)
			visitors_drop(i);
	return true;
}

static void write_address(const struct sockaddr_storage *peer, char text[INET6_ADDRSTRLEN])
{
	const void *address = peer->ss_family == AF_INET ? (const void *)&((const struct sockaddr_in *)peer)->sin_addr :
							   &((const struct sockaddr_in6 *)peer)->sin6_addr;

	if (!inet_ntop(peer->ss_family, address, text, INET6_ADDRSTRLEN))
		snprintf(text, INET6_ADDRSTRLEN, "?");
}

static void seat(int fd, const struct sockaddr_storage *peer)
{
	size_t place = free_place(key_of(peer));
	struct visitor *visitor = &hall.visitor[place];

	visitor->source = source_of(peer);
	visitor->source->connections++;
	visitor->deadline = clock_milliseconds() + TIME_LIMIT;
	visitor->serial = hall.serial++;
	visitor->finished = false;
	write_address(peer, visitor->address);
	log_trace("connection from %s", visitor->address);
	hall.fds[SLOT_CONNECTIONS + place].fd = fd;
	hall.reception->greet(place);
}

/* 1: accepted. 0: nobody waits. -1: this process can accept no more. */
static int accept_one(int listener, struct fault *fault)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t length = sizeof(peer);
	int fd = accept4(listener, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
		const size_t place = most_dispensable(0);

		if (place == VISITORS_MOST)
			return fault_errno(fault, FAULT_LATER, "accepting connections");
		visitors_drop(place);
		return 0;
	}
	if (fd < 0 && (errno == EBADF || errno == EINVAL || errno == ENOTSOCK))
		return fault_errno(fault, FAULT_FAILED, "the listening socket has been shut");
	if (fd < 0) /* nobody waits any more, or the peer has given up (accept(2)): poll() tells of the next */
		return 0;
	seat(fd, &peer);
	return 1;
}

static int accept_waiting(int listener, struct fault *fault)
{
	int rc = 1;

	for (int i = 0; i < ACCEPT_AT_ONCE && rc > 0; i++)
		rc = accept_one(listener, fault);
	return rc;
}

/* Gives up who took too long; returns the milliseconds until the next deadline, -1 when there is none. */
static int drop_late(void)
{
	int64_t time = clock_milliseconds(), next = INT64_MAX;

	for (size_t i = 0; i < hall.places; i++) {
		int64_t deadline = hall.visitor[i].deadline;

		if (visitors_fd(i) < 0)
			continue;
		if (deadline <= time)
			visitors_drop(i);
		else if (deadline < next)
			next = deadline;
	}
	return next == INT64_MAX ? -1 : (int)(next - time);
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

/* Connections first: the events were read before a listener gives a place anew, so each belongs to its connection. */
static int serve_network(struct fault *fault)
{
	for (size_t i = 0; i < hall.places; i++)
		if (visitors_fd(i) >= 0 && hall.fds[SLOT_CONNECTIONS + i].revents)
			(hall.visitor[i].finished ? drain : hall.reception->receive)(i);
	for (size_t i = SLOT_LISTEN; i < SLOT_CONNECTIONS; i++)
		if (hall.fds[i].fd >= 0 && hall.fds[i].revents && accept_waiting(hall.fds[i].fd, fault) < 0)
			return -1;
	return 0;
}

static int serve(struct fault *fault)
{
	int rc = 1;

	while (rc > 0) {
		if (poll(hall.fds, SLOT_CONNECTIONS + hall.places, drop_late()) < 0) {
			if (errno != EINTR && (errno != EINVAL || !halve_places()))
				return fault_errno(fault, FAULT_FAILED, "waiting for connections");
			continue;
		}
		if (hall.fds[SLOT_WARDEN].revents) /* it has nothing to say to us but that it is gone */
			return 0;
		if (hall.fds[SLOT_CLIENT].revents)
			rc = hall.reception->hear(fault);
		if (rc > 0 && serve_network(fault) < 0)
			return -1;
	}
	return rc;
}

static void set_up(const struct reception *reception)
{
	static const int fixed[] = {
		[SLOT_WARDEN] = FD_WARDEN,
		[SLOT_CLIENT] = FD_CLIENT,
		[SLOT_LISTEN] = FD_LISTEN_4,
		[SLOT_LISTEN + 1] = FD_LISTEN_6,
	};

	hall.reception = reception;
	hall.places = VISITORS_MOST;
	for (size_t i = 0; i < LENGTH_OF(hall.fds); i++) {
		hall.fds[i].events = POLLIN;
		hall.fds[i].fd = i < LENGTH_OF(fixed) && fcntl(fixed[i], F_GETFD) >= 0 ? fixed[i] : -1;
	}
}

/* Records that wait in the channel are heard before the warden is told, and so before the port opens. */
int visitors_serve(const struct reception *reception, struct fault *fault)
{
	int rc;

	set_up(reception);
	rc = reception->hear(fault);
	if (rc > 0)
		rc = wire_send(FD_WARDEN, VERB_READY, 0, NULL, 0, fault) < 0 ? -1 : serve(fault);
	for (size_t i = 0; i < VISITORS_MOST; i++)
		if (visitors_fd(i) >= 0)
			visitors_drop(i);
	return rc;
}
