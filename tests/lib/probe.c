/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * probe - watches a TCP port from outside, without ever making a connection.
 *
 *	probe [-p PORT] [-i MILLISECONDS] SOURCE TARGET [SOURCE TARGET]
 *
 * Sends a bare SYN to each TARGET (IPv4 or IPv6) every few milliseconds and notes what comes back for each: a SYN-ACK
 * (somebody listens), a RST (the firewall lets it in and nobody listens), or nothing (closed). The local kernel knows
 * nothing of our SYN and answers a SYN-ACK with RST, so the program behind the port never sees a connection.
 *
 * Prints "ready" when the first SYN has been sent, and after SIGTERM or SIGINT, with times of CLOCK_REALTIME in seconds:
 *
 *	interval FAMILY closed|reset|listening FROM TO PROBES
 *	total FAMILY PROBES CLOSED_SECONDS RESET_SECONDS LISTENING_SECONDS ANSWERED_PROBES LAST_STATE
 *
 * FAMILY is 4 or 6. A SYN stands for the time until the next one is sent: the resolution is the interval.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MAX_PROBES 2000000	/* half an hour at one millisecond; beyond it the probe stops by itself */
#define FIRST_PORT 20000	/* source ports: below those the kernel gives to real connections */
#define PORTS 12000		/* so a late answer finds its SYN, and conntrack has forgotten the port when it comes round */

enum state { CLOSED, RESET, LISTENING, STATES };
static const char *const state_names[] = {[CLOSED] = "closed", [RESET] = "reset", [LISTENING] = "listening"};
_Static_assert(sizeof state_names / sizeof *state_names == STATES, "a name for each state");

struct lane {
	int fd;
	int family;
	union address {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} source, target;
	socklen_t length;
	double *sent;		/* when each SYN left */
	uint8_t *state;		/* what became of it */
};

static uint16_t port = 80;
static struct lane lanes[2];
static size_t lane_count;
static size_t probes;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static socklen_t address_parse(union address *address, const char *text)
{
	memset(address, 0, sizeof *address);
	if (inet_pton(AF_INET, text, &address->four.sin_addr) == 1) {
		address->four.sin_family = AF_INET;
		return sizeof address->four;
	}
	if (inet_pton(AF_INET6, text, &address->six.sin6_addr) == 1) {
		address->six.sin6_family = AF_INET6;
		return sizeof address->six;
	}
	fprintf(stderr, "probe: %s: an IPv4 or IPv6 address is expected\n", text);
	exit(2);
}

static void lane_open(struct lane *lane, const char *source, const char *target)
{
	lane->length = address_parse(&lane->target, target);
	if (address_parse(&lane->source, source) != lane->length) {
		fprintf(stderr, "probe: %s and %s are not of one family\n", source, target);
		exit(2);
	}
	lane->family = lane->target.any.sa_family;
	lane->fd = socket(lane->family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
	if (lane->fd < 0 || bind(lane->fd, &lane->source.any, lane->length) != 0)
		die(source);
	/* For IPv6 the kernel fills in the checksum; IPv4 has no such option. */
	const int offset = offsetof(struct tcphdr, check);
	if (lane->family == AF_INET6 && setsockopt(lane->fd, IPPROTO_IPV6, IPV6_CHECKSUM, &offset, sizeof offset) != 0)
		die("IPV6_CHECKSUM");
	lane->sent = calloc(MAX_PROBES, sizeof *lane->sent);
	lane->state = calloc(MAX_PROBES, sizeof *lane->state);
	if (lane->sent == NULL || lane->state == NULL)
		die("memory");
}

static uint32_t add_words(uint32_t sum, const void *data, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2) {
		uint16_t word;
		memcpy(&word, (const char *)data + i, sizeof word);
		sum += word;
	}
	return sum;
}

/* RFC 793: the sum over a pseudo header of addresses, protocol and length, and over the segment. */
static uint16_t checksum(const struct lane *lane, const struct tcphdr *header)
{
	uint32_t sum = htons(IPPROTO_TCP) + (uint32_t)htons(sizeof *header);
	sum = add_words(sum, &lane->source.four.sin_addr, sizeof lane->source.four.sin_addr);
	sum = add_words(sum, &lane->target.four.sin_addr, sizeof lane->target.four.sin_addr);
	sum = add_words(sum, header, sizeof *header);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void lane_send(struct lane *lane, size_t n)
{
	struct tcphdr header = {
		.source = htons((uint16_t)(FIRST_PORT + n % PORTS)),
		.dest = htons(port),
		.seq = htonl((uint32_t)n * 7919U),
		.doff = sizeof header / 4,
		.syn = 1,
		.window = htons(1024),
	};
	if (lane->family == AF_INET)
		header.check = checksum(lane, &header);
	lane->sent[n] = now();
	/* A SYN that cannot be sent counts as unanswered: the target's host may be going down in a test. */
	(void)!sendto(lane->fd, &header, sizeof header, 0, &lane->target.any, lane->length);
}

/* The TCP header of a packet from the target, or false: an IPv4 raw socket gives the IP header too, IPv6 does not. */
static bool lane_header(const struct lane *lane, const char *packet, size_t length, const union address *from,
			struct tcphdr *header)
{
	size_t skip = 0;
	if (lane->family == AF_INET) {
		if (length < sizeof(struct iphdr) || from->four.sin_addr.s_addr != lane->target.four.sin_addr.s_addr)
			return false;
		skip = ((size_t)packet[0] & 0xf) * 4;
	} else if (memcmp(&from->six.sin6_addr, &lane->target.six.sin6_addr, sizeof from->six.sin6_addr) != 0) {
		return false;
	}
	if (length < skip + sizeof *header)
		return false;
	memcpy(header, packet + skip, sizeof *header);
	return ntohs(header->source) == port;
}

static void lane_receive(struct lane *lane)
{
	char packet[2048];
	union address from = {0};
	socklen_t from_length = sizeof from;
	ssize_t length = recvfrom(lane->fd, packet, sizeof packet, MSG_DONTWAIT, &from.any, &from_length);
	struct tcphdr header;
	if (length < 0 || !lane_header(lane, packet, (size_t)length, &from, &header))
		return;
	size_t slot = (size_t)ntohs(header.dest) - FIRST_PORT;
	if (slot >= PORTS || probes == 0)
		return;
	size_t back = ((probes - 1) % PORTS + PORTS - slot) % PORTS;	/* how many probes ago that port was used */
	if (back >= probes)
		return;
	uint8_t *state = &lane->state[probes - 1 - back];
	if (header.syn && header.ack)
		*state = LISTENING;
	else if (header.rst && *state == CLOSED)
		*state = RESET;
}

static void lane_report(const struct lane *lane)
{
	const int family = lane->family == AF_INET ? 4 : 6;
	double seconds[STATES] = {0};
	size_t answered = 0;
	for (size_t i = 0, start = 0; i < probes; i++) {
		answered += lane->state[i] != CLOSED;
		bool last = i + 1 == probes;
		if (!last && lane->state[i + 1] == lane->state[i])
			continue;
		double until = lane->sent[last ? i : i + 1];
		printf("interval %d %s %.6f %.6f %zu\n", family, state_names[lane->state[i]], lane->sent[start], until, i + 1 - start);
		seconds[lane->state[i]] += until - lane->sent[start];
		start = i + 1;
	}
	if (probes > 0)
		printf("total %d %zu %.6f %.6f %.6f %zu %s\n", family, probes, seconds[CLOSED], seconds[RESET],
		       seconds[LISTENING], answered, state_names[lane->state[probes - 1]]);
}

/* The last SYNs may still be under way when the probe is told to stop. */
static void linger(void)
{
	for (int i = 0; i < 50; i++) {
		for (size_t k = 0; k < lane_count; k++)
			lane_receive(&lanes[k]);
		poll(NULL, 0, 1);
	}
}

static void tick(int timer)
{
	uint64_t expired;
	if (read(timer, &expired, sizeof expired) != sizeof expired)
		return;
	/* After a pause one SYN is enough: catching up in a burst would say nothing about the time that was missed. */
	for (size_t i = 0; i < lane_count; i++)
		lane_send(&lanes[i], probes);
	if (probes++ == 0) {
		puts("ready");
		fflush(stdout);
	}
}

static void watch(int stop, int timer)
{
	struct pollfd polls[] = {
		{.fd = stop, .events = POLLIN},
		{.fd = timer, .events = POLLIN},
		{.fd = lanes[0].fd, .events = POLLIN},
		{.fd = lane_count > 1 ? lanes[1].fd : -1, .events = POLLIN},
	};
	while (probes < MAX_PROBES) {
		if (poll(polls, sizeof polls / sizeof *polls, -1) < 0)
			die("poll");
		/* Answers first: when both are ready, they belong to SYNs that have already been sent. */
		for (size_t i = 0; i < lane_count; i++)
			if (polls[2 + i].revents != 0)
				lane_receive(&lanes[i]);
		if (polls[1].revents != 0)
			tick(timer);
		if (polls[0].revents != 0)
			return;
	}
}

static long number(const char *text, long least, long most)
{
	char *end;
	errno = 0;
	long value = strtol(text, &end, 10);
	if (errno != 0 || *end != '\0' || value < least || value > most) {
		fprintf(stderr, "probe: %s: a number from %ld to %ld is expected\n", text, least, most);
		exit(2);
	}
	return value;
}

int main(int count, char **arguments)
{
	long interval = 1;
	for (int option; (option = getopt(count, arguments, "p:i:")) != -1;) {
		if (option == 'p')
			port = (uint16_t)number(optarg, 1, 65535);
		else if (option == 'i')
			interval = number(optarg, 1, 999);
		else
			return 2;
	}
	int addresses = count - optind;
	if (addresses != 2 && addresses != 4) {
		fputs("usage: probe [-p PORT] [-i MILLISECONDS] SOURCE TARGET [SOURCE TARGET]\n", stderr);
		return 2;
	}
	for (int i = optind; i < count; i += 2)
		lane_open(&lanes[lane_count++], arguments[i], arguments[i + 1]);

	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	int stop = signalfd(-1, &signals, SFD_CLOEXEC);
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	const struct timespec every = {.tv_nsec = interval * 1000000};
	const struct itimerspec beat = {.it_interval = every, .it_value = every};
	if (stop < 0 || timer < 0 || timerfd_settime(timer, 0, &beat, NULL) != 0)
		die("timer");
	watch(stop, timer);
	linger();
	for (size_t i = 0; i < lane_count; i++)
		lane_report(&lanes[i]);
	return 0;
}
