// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The responder and its connections: the real one, in a world whose peers, client, time and limits do what the input says. Whatever
 * they do: a token's answer goes only to a connection that asked for exactly that token, once; everything else gets the one 404, or
 * nothing; no connection outlives its time; one is dropped for another only if no source has more; and at the end all are closed.
 *
 * The input is a list of events, see happen(). When it ends, the warden does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int world_poll(struct pollfd *list, nfds_t n, int timeout);
static int world_accept4(int listener, struct sockaddr *peer, socklen_t *length, int flags);
static ssize_t world_recv(int fd, void *data, size_t size, int flags);
static ssize_t world_send(int fd, const void *data, size_t size, int flags);
static ssize_t world_sendmsg(int fd, const struct msghdr *message, int flags);
static int world_shutdown(int fd, int how);
static int world_setsockopt(int fd, int level, int name, const void *value, socklen_t length);
static int world_fcntl(int fd, int command);
static int world_close(int fd);
static void world_clock(struct timespec *now);

#define poll world_poll
#define accept4 world_accept4
#define recv world_recv
#define send world_send
#define sendmsg world_sendmsg
#define shutdown world_shutdown
#define setsockopt world_setsockopt
#define fcntl world_fcntl
#define close world_close
#define clock_gettime(clock, now) world_clock(now)
#include "agent/tokens.c"
#include "base/visitors.c"
#include "agent/responder.c"
#include "tests/fuzz/must.h"
#undef poll
#undef accept4
#undef recv
#undef send
#undef close

#define PEERS 600
#define FIRST_FD 100
#define WAITING 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct peer {
	bool is_open, is_answered, has_ended, refuses;
	uint8_t source, family;
	int64_t since;
	size_t sent, taken; /* bytes for the responder */
	char text[REQUEST_SIZE + 256];
};

static struct peer peers[PEERS]; /* as many as world.peers are in use */

static struct {
	const uint8_t *data;
	size_t size, at, limit;
	int64_t clock;
	size_t peers, open[2][256]; /* by family and source */
	size_t all_open;
	struct {
		uint8_t source, family;
	} queue[WAITING];
	size_t waiting;
	bool out_of_files, warden_gone, client_gone;
	uint8_t tokens_waiting;
	uint8_t known; /* tokens that the responder has been told */
} world;

static uint8_t next_byte(void)
{
	return world.at < world.size ? world.data[world.at++] : 0;
}

/* --- time --------------------------------------------------------------------------------------------------------- */

static void world_clock(struct timespec *now)
{
	*now = (struct timespec){ .tv_sec = world.clock / 1000, .tv_nsec = (long)(world.clock % 1000 * 1000000) };
}

/* --- peers -------------------------------------------------------------------------------------------------------- */

static struct peer *peer_of(int fd)
{
	must(fd >= FIRST_FD && fd < FIRST_FD + (int)world.peers && peers[fd - FIRST_FD].is_open);
	return &peers[fd - FIRST_FD];
}

static size_t *share_of(const struct peer *peer)
{
	return &world.open[peer->family == 6][peer->source];
}

static int world_accept4(int listener, struct sockaddr *peer, socklen_t *length, int flags)
{
	struct sockaddr_in *four = (void *)peer;
	struct sockaddr_in6 *six = (void *)peer;
	struct peer *new = &peers[world.peers];

	(void)flags;
	must(*length >= sizeof(*six));
	if (!world.waiting || world.peers == PEERS) {
		errno = EAGAIN;
		return -1;
	}
	if (world.out_of_files) {
		world.out_of_files = false;
		errno = EMFILE;
		return -1;
	}
	memset(new, 0, offsetof(struct peer, text));
	new->is_open = true;
	new->source = world.queue[0].source;
	new->family = world.queue[0].family;
	new->since = world.clock;
	++*share_of(new);
	world.all_open++;
	memmove(world.queue, world.queue + 1, --world.waiting * sizeof(world.queue[0]));
	if (new->family == 4) {
		*four = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000000U + new->source) };
	} else {
		*six = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
		six->sin6_addr.s6_addr[0] = 0x20;
		six->sin6_addr.s6_addr[7] = new->source;
		six->sin6_addr.s6_addr[15] = (uint8_t)world.peers; /* hosts of one network are one source */
	}
	(void)listener;
	return FIRST_FD + (int)world.peers++;
}

static ssize_t world_recv(int fd, void *data, size_t size, int flags)
{
	struct peer *peer = peer_of(fd);
	size_t n = peer->sent - peer->taken;

	(void)flags;
	must(size > 0);
	if (!n) {
		errno = EAGAIN;
		return peer->has_ended ? 0 : -1;
	}
	n = n < size ? n : size;
	memcpy(data, peer->text + peer->taken, n);
	peer->taken += n;
	return (ssize_t)n;
}

/* "t0" to "t7" are the tokens. */
static bool asks_for(const struct peer *peer, int token)
{
	char wanted[64];
	int n = snprintf(wanted, sizeof(wanted), "GET /.well-known/acme-challenge/t%d HTTP/1.", token);

	return peer->taken >= (size_t)n && !memcmp(peer->text, wanted, (size_t)n);
}

static ssize_t world_send(int fd, const void *data, size_t size, int flags)
{
	struct peer *peer = peer_of(fd);
	const char *body = memmem(data, size, "\r\n\r\n", 4);
	char text[64];
	bool is_token = false;

	must((flags & MSG_DONTWAIT) && body && !peer->is_answered);
	for (int i = 0; i < 8; i++)
		if (asks_for(peer, i) && (world.known & (1U << i))) {
			snprintf(text, sizeof(text), "t%d.thumb", i);
			is_token = size - (size_t)(body + 4 - (const char *)data) == strlen(text) &&
				   !memcmp(body + 4, text, strlen(text));
		}
	must(is_token ? !memcmp(data, "HTTP/1.1 200 ", 13) : !memcmp(data, "HTTP/1.1 404 ", 13) && !memmem(data, size, "thumb", 5));
	peer->is_answered = true;
	return peer->refuses ? -1 : (ssize_t)size;
}

static ssize_t world_sendmsg(int fd, const struct msghdr *message, int flags)
{
	must(fd == FD_CLIENT && (flags & MSG_DONTWAIT));
	(void)message;
	return -1;
}

static int world_shutdown(int fd, int how)
{
	(void)how;
	return peer_of(fd)->refuses ? -1 : 0;
}

static bool is_dropped; /* the next close is one without a farewell */

static int world_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	(void)level;
	(void)value;
	(void)length;
	(void)peer_of(fd);
	is_dropped = name == SO_LINGER;
	return 0;
}

static int world_fcntl(int fd, int command)
{
	(void)command;
	return fd == FD_WARDEN || fd == FD_CLIENT || fd == FD_LISTEN_4 || fd == FD_LISTEN_6 ? 0 : -1;
}

/* In its time, answered by us, ended by the peer; else for another one, and then no source has more. */
static int world_close(int fd)
{
	struct peer *peer = peer_of(fd);
	size_t share = *share_of(peer);
	bool for_room = is_dropped && world.clock - peer->since < DRAIN_LIMIT && !peer->refuses && !world.warden_gone &&
			!world.client_gone && hall.places == VISITORS_MOST;

	for (int i = 0; for_room && i < 256; i++)
		must(world.open[0][i] <= share + 1 && world.open[1][i] <= share + 1);
	--*share_of(peer);
	world.all_open--;
	is_dropped = false;
	peer->is_open = false;
	return 0;
}

/* --- what happens ------------------------------------------------------------------------------------------------- */

static void arrive(uint8_t source, uint8_t family, int number)
{
	for (int i = 0; i < number && world.waiting < WAITING; i++) {
		world.queue[world.waiting].source = source;
		world.queue[world.waiting++].family = family;
	}
}

static struct peer *some_peer(void)
{
	size_t number = next_byte();

	number |= (size_t)(next_byte() & 3) << 8;
	return world.peers ? &peers[number % world.peers] : NULL;
}

static void speak(struct peer *peer, const char *text, size_t length)
{
	if (!peer || !peer->is_open || peer->has_ended || length > sizeof(peer->text) - peer->sent)
		return;
	memcpy(peer->text + peer->sent, text, length);
	peer->sent += length;
}

static void speak_raw(struct peer *peer)
{
	size_t length = next_byte();

	length = length < world.size - world.at ? length : world.size - world.at;
	speak(peer, (const char *)world.data + world.at, length);
	world.at += length;
}

static void happen(void)
{
	uint8_t event = next_byte();
	struct peer *peer;
	char text[96];

	switch (event % 10) {
	case 0:
		arrive(next_byte(), event & 16 ? 4 : 6, event / 32 + 1);
		break;
	case 1:
		peer = some_peer();
		speak(peer, text,
		      (size_t)snprintf(text, sizeof(text), "GET /.well-known/acme-challenge/t%d HTTP/1.1\r\n\r\n", event / 16));
		break;
	case 2:
		speak_raw(some_peer());
		break;
	case 3:
		peer = some_peer();
		if (peer)
			peer->has_ended = true;
		break;
	case 4:
		world.clock += next_byte() * 10;
		break;
	case 5:
		world.tokens_waiting |= (uint8_t)(1U << (event / 16 % 8));
		break;
	case 6:
		world.out_of_files = true;
		break;
	case 7:
		world.limit = event & 128 ? SLOT_CONNECTIONS + 40 : world.limit;
		break;
	case 8:
		peer = some_peer();
		if (peer)
			peer->refuses = true;
		break;
	default:
		world.client_gone = world.client_gone || event == 249;
		arrive(next_byte(), 4, 32);
		break;
	}
}

static bool is_ready(int fd)
{
	const struct peer *peer;

	if (fd == FD_WARDEN)
		return world.warden_gone;
	if (fd == FD_CLIENT)
		return world.tokens_waiting || world.client_gone;
	if (fd == FD_LISTEN_4 || fd == FD_LISTEN_6)
		return world.waiting && world.peers < PEERS;
	peer = peer_of(fd);
	return peer->sent > peer->taken || peer->has_ended;
}

static int mark(struct pollfd *list, nfds_t n)
{
	int ready = 0;

	for (nfds_t i = 0; i < n; i++) {
		list[i].revents = list[i].fd >= 0 && is_ready(list[i].fd) ? POLLIN : 0;
		ready += list[i].revents != 0;
	}
	return ready;
}

static void check_lives(void)
{
	must(world.all_open <= VISITORS_MOST);
	for (size_t i = 0; i < world.peers; i++)
		must(!peers[i].is_open || world.clock - peers[i].since <= TIME_LIMIT + 2560);
}

static int world_poll(struct pollfd *list, nfds_t n, int timeout)
{
	if (n == 1)
		return mark(list, n);
	check_lives();
	if (n > world.limit) {
		errno = EINVAL;
		return -1;
	}
	world.clock++;
	if (world.at < world.size)
		happen();
	else
		world.warden_gone = true;
	if (!mark(list, n) && timeout >= 0 && world.at >= world.size)
		world.clock += timeout;
	return mark(list, n);
}

/* --- the channels ------------------------------------------------------------------------------------------------- */

int wire_receive(int fd, struct record *record, struct fault *fault)
{
	struct token token = { .token = "" };
	int number = 0;

	(void)fault;
	must(fd == FD_CLIENT);
	if (!world.tokens_waiting)
		return 0;
	while (!(world.tokens_waiting & (1U << number)))
		number++;
	world.tokens_waiting &= (uint8_t) ~(1U << number);
	world.known |= (uint8_t)(1U << number);
	snprintf(token.token, sizeof(token.token), "t%d", number);
	snprintf(token.key_authorization, sizeof(token.key_authorization), "t%d.thumb", number);
	record->verb = VERB_TOKEN;
	memcpy(record->data, &token, sizeof(token));
	return 1;
}

int wire_send(int fd, enum verb verb, uint32_t index, const void *data, size_t length, struct fault *fault)
{
	(void)index;
	(void)data;
	(void)length;
	(void)fault;
	must(fd == FD_WARDEN && verb == VERB_READY);
	return 0;
}

const char *verb_name(enum verb verb)
{
	return verb < VERBS ? "A VERB" : "unknown";
}

void log_line(enum log_level level, const char *format, ...)
{
	(void)level;
	(void)format;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config config;
	int status;

	memset(&world, 0, sizeof(world));
	memset(&hall, 0, sizeof(hall));
	memset(&published, 0, sizeof(published));
	world.data = data;
	world.size = size;
	world.clock = 1000;
	world.limit = LENGTH_OF(hall.fds);
	world.tokens_waiting = 1;
	is_dropped = false;
	status = responder_main(&config);
	must(status == STATUS_DONE || status == STATUS_FAILED || status == STATUS_LATER);
	must(world.all_open == 0);
	return 0;
}
