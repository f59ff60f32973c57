// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/agent.h"

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
#include "agent/request.h"
#include "agent/tokens.h"
#include "base/wire.h"

#define CONNECTIONS 256
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

struct connection {
	struct source *source;
	int64_t deadline; /* CLOCK_MONOTONIC, milliseconds */
	uint64_t serial;  /* rises with each connection: the lowest is the oldest */
	size_t used;	  /* bytes of buffer */
	bool answered;	  /* now only waits for the peer to close */
	char address[INET6_ADDRSTRLEN];
	char buffer[REQUEST_SIZE];
};

static struct responder {
	uint64_t serial;
	size_t places; /* of connections that are in use: as many as poll() takes */
	struct source source[CONNECTIONS];
	struct pollfd fds[SLOT_CONNECTIONS + CONNECTIONS]; /* -1: free */
	struct connection connection[CONNECTIONS];
} self;

static int *fd_of(const struct connection *connection)
{
	return &self.fds[SLOT_CONNECTIONS + (connection - self.connection)].fd;
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static void let_go(struct connection *connection)
{
	close_fd(fd_of(connection));
	connection->source->connections--;
}

/* Without a farewell: the peer gets a reset, and nothing of the connection lives on behind the window. */
static void drop(struct connection *connection)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(*fd_of(connection), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	log_trace("connection from %s dropped", connection->address);
	let_go(connection);
}

/* An answer fits into the empty send buffer of a fresh connection; a peer for which it does not gets nothing. */
static void answer(struct connection *connection, const char *text, size_t length)
{
	int fd = *fd_of(connection);
	int64_t drained = clock_milliseconds() + DRAIN_LIMIT;

	if (send(fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)length || shutdown(fd, SHUT_WR) < 0) {
		drop(connection);
		return;
	}
	connection->answered = true;
	if (drained < connection->deadline)
		connection->deadline = drained;
}

/* News, not worth waiting for a busy client: wire_send() would. */
static void tell_hit(const char *token, const char *address)
{
	uint32_t header[offsetof(struct record, data) / sizeof(uint32_t)] = { VERB_HIT, 0, sizeof(struct hit) };
	struct hit hit = { 0 };
	struct iovec parts[] = { { header, sizeof(header) }, { &hit, sizeof(hit) } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = LENGTH_OF(parts) };

	snprintf(hit.token, sizeof(hit.token), "%s", token);
	snprintf(hit.address, sizeof(hit.address), "%s", address);
	(void)sendmsg(FD_CLIENT, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void serve_token(struct connection *connection, const struct token *token)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
			 "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
			 "X-Content-Type-Options: nosniff\r\nContent-Length: %zu\r\n"
			 "Connection: close\r\n\r\n%s",
			 strlen(token->key_authorization), token->key_authorization);

	answer(connection, text, (size_t)n);
	tell_hit(token->token, connection->address);
	log_debug("%s fetched the token %s", connection->address, token->token);
}

static void serve_nothing(struct connection *connection)
{
	static const char text[] = "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n"
				   "X-Content-Type-Options: nosniff\r\nContent-Length: 10\r\n"
				   "Connection: close\r\n\r\nnot found\n";

	answer(connection, text, sizeof(text) - 1);
	log_debug("%s asked for something else", connection->address);
}

static void look_at(struct connection *connection)
{
	const char *text = NULL;
	size_t length = 0;
	enum request_verdict verdict = request_parse(connection->buffer, connection->used, &text, &length);
	const struct token *token = verdict == REQUEST_TOKEN ? tokens_find(text, length) : NULL;

	if (token)
		serve_token(connection, token);
	else if (verdict != REQUEST_MORE)
		serve_nothing(connection);
}

/* After our answer what still comes is thrown away: closing with bytes unread would reset it under way. */
static void receive(struct connection *connection)
{
	size_t at = connection->answered ? 0 : connection->used;
	ssize_t n = recv(*fd_of(connection), connection->buffer + at, sizeof(connection->buffer) - at, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		let_go(connection);
		return;
	}
	if (connection->answered)
		return;
	connection->used += (size_t)n;
	look_at(connection);
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

	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct source *source = &self.source[i];

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
 * addresses take each other's places, and not that of a peer which has one.
 */
static struct connection *most_dispensable(uint64_t newcomer)
{
	struct connection *found = NULL;
	unsigned int most = 0;

	for (size_t i = 0; i < self.places; i++) {
		struct connection *candidate = &self.connection[i];
		unsigned int share;

		if (*fd_of(candidate) < 0)
			continue;
		share = candidate->source->connections * 2 + (candidate->source->key == newcomer);
		if (share > most || (share == most && found && candidate->serial < found->serial)) {
			found = candidate;
			most = share;
		}
	}
	return found;
}

/* A free place, made by dropping a connection if there is none: a peer that means it is done within one. */
static struct connection *free_place(uint64_t newcomer)
{
	struct connection *place;

	for (size_t i = 0; i < self.places; i++)
		if (*fd_of(&self.connection[i]) < 0)
			return &self.connection[i];
	place = most_dispensable(newcomer);
	drop(place);
	return place;
}

/* poll() takes no more than the process may have open, and so there are fewer places where the caller has set a small limit. */
static bool halve_places(void)
{
	if (self.places <= LEAST_PLACES)
		return false;
	self.places /= 2;
	for (size_t i = self.places; i < CONNECTIONS; i++)
		if (*fd_of(&self.connection[i]) >= 0)
			drop(&self.connection[i]);
	return true;
}

static void write_address(const struct sockaddr_storage *peer, char text[INET6_ADDRSTRLEN])
{
	const void *address = peer->ss_family == AF_INET ? (const void *)&((const struct sockaddr_in *)peer)->sin_addr :
							   &((const struct sockaddr_in6 *)peer)->sin6_addr;

	if (!inet_ntop(peer->ss_family, address, text, INET6_ADDRSTRLEN))
		snprintf(text, INET6_ADDRSTRLEN, "?");
}

/* 1: accepted. 0: nobody waits. -1: this process can accept no more. */
static int accept_one(int listener, struct fault *fault)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t length = sizeof(peer);
	struct connection *place;
	int fd = accept4(listener, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
		place = most_dispensable(0);
		if (!place)
			return fault_errno(fault, FAULT_LATER, "accepting connections");
		drop(place);
		return 0;
	}
	if (fd < 0 && (errno == EBADF || errno == EINVAL || errno == ENOTSOCK))
		return fault_errno(fault, FAULT_FAILED, "the listening socket has been shut");
	if (fd < 0) /* nobody waits any more, or the peer has given up (accept(2)): poll() tells of the next */
		return 0;
	place = free_place(key_of(&peer));
	place->source = source_of(&peer);
	place->source->connections++;
	place->deadline = clock_milliseconds() + TIME_LIMIT;
	place->serial = self.serial++;
	place->used = 0;
	place->answered = false;
	write_address(&peer, place->address);
	log_trace("connection from %s", place->address);
	*fd_of(place) = fd;
	receive(place); /* most requests come with the handshake's last packet */
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

	for (size_t i = 0; i < self.places; i++) {
		struct connection *connection = &self.connection[i];

		if (*fd_of(connection) < 0)
			continue;
		if (connection->deadline <= time)
			drop(connection);
		else if (connection->deadline < next)
			next = connection->deadline;
	}
	return next == INT64_MAX ? -1 : (int)(next - time);
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

/* Connections first: the events were read before a listener gives a place anew, so each belongs to its connection. */
static int serve_network(struct fault *fault)
{
	for (size_t i = 0; i < self.places; i++)
		if (self.fds[SLOT_CONNECTIONS + i].fd >= 0 && self.fds[SLOT_CONNECTIONS + i].revents)
			receive(&self.connection[i]);
	for (size_t i = SLOT_LISTEN; i < SLOT_CONNECTIONS; i++)
		if (self.fds[i].fd >= 0 && self.fds[i].revents && accept_waiting(self.fds[i].fd, fault) < 0)
			return -1;
	return 0;
}

/* 0: the warden or the client has closed, which is the end. */
static int serve(struct fault *fault)
{
	int rc = 1;

	while (rc > 0) {
		if (poll(self.fds, SLOT_CONNECTIONS + self.places, drop_late()) < 0) {
			if (errno != EINTR && (errno != EINVAL || !halve_places()))
				return fault_errno(fault, FAULT_FAILED, "waiting for connections");
			continue;
		}
		if (self.fds[SLOT_WARDEN].revents) /* it has nothing to say to us but that it is gone */
			return 0;
		if (self.fds[SLOT_CLIENT].revents)
			rc = tokens_receive(fault);
		if (rc > 0 && serve_network(fault) < 0)
			return -1;
	}
	return rc;
}

static int announce(struct fault *fault)
{
	return wire_send(FD_WARDEN, VERB_READY, 0, NULL, 0, fault) < 0 ? -1 : serve(fault);
}

static void set_up(void)
{
	static const int fixed[] = {
		[SLOT_WARDEN] = FD_WARDEN,
		[SLOT_CLIENT] = FD_CLIENT,
		[SLOT_LISTEN] = FD_LISTEN_4,
		[SLOT_LISTEN + 1] = FD_LISTEN_6,
	};

	for (size_t i = 0; i < LENGTH_OF(self.fds); i++) {
		self.fds[i].events = POLLIN;
		self.fds[i].fd = i < LENGTH_OF(fixed) && fcntl(fixed[i], F_GETFD) >= 0 ? fixed[i] : -1;
	}
}

int responder_main(const struct config *config)
{
	struct fault fault;
	int rc;

	(void)config;
	self.places = CONNECTIONS;
	set_up();
	rc = tokens_receive(&fault);
	if (rc > 0)
		rc = announce(&fault);
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (*fd_of(&self.connection[i]) >= 0)
			drop(&self.connection[i]);
	if (rc < 0)
		log_error("%s", fault.text);
	return rc < 0 ? fault_status(&fault) : STATUS_DONE;
}
