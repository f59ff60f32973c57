// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Answers of a surveyor that was taken over. After any of them: the kernel is asked only to read, the answer ends, no more
 * spots than there is room for are taken, their texts end, and a surveyor that did not answer is ended.
 *
 * The input: the question (0 to 2), whether the last answer is repeated without end, then answers, each with its length before it in
 * two bytes: 0xffff for a wait in vain, 0xfffe for the end of the channel.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

static ssize_t world_recv(int fd, void *data, size_t size, int flags);
static ssize_t world_send(int fd, const void *data, size_t size, int flags);
static int world_socketpair(int family, int type, int protocol, int ends[2]);
static int world_setsockopt(int fd, int level, int name, const void *value, socklen_t length);
static int world_close(int fd);
static ssize_t world_sendto(const struct mnl_socket *socket, const void *request, size_t length);
static void world_clock(struct timespec *now);

#define recv world_recv
#define send world_send
#define socketpair world_socketpair
#define setsockopt world_setsockopt
#define mnl_socket_sendto world_sendto
#define mnl_socket_get_fd(socket) (-1)
#define mnl_socket_setsockopt(socket, type, value, length) ((void)(value), 0)
#define clock_gettime(clock, now) world_clock(now)
#define close world_close
#include "backends/nft/survey.c"
#include "tests/fuzz/must.h"
#undef recv
#undef send
#undef close

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	const uint8_t *data, *last;
	size_t size, last_size;
	bool repeats, ended;
	int64_t clock; /* ms */
} world;

static void world_clock(struct timespec *now)
{
	*now = (struct timespec){ .tv_sec = world.clock / 1000, .tv_nsec = (long)(world.clock % 1000 * 1000000) };
}

static void pass_time(int64_t milliseconds)
{
	world.clock += milliseconds;
	must(world.clock <= 300000);
}

static ssize_t world_send(int fd, const void *data, size_t size, int flags)
{
	(void)fd;
	(void)data;
	(void)flags;
	return (ssize_t)size;
}

static int world_socketpair(int family, int type, int protocol, int ends[2])
{
	(void)family;
	(void)type;
	(void)protocol;
	ends[0] = ends[1] = 7;
	return 0;
}

static int world_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	(void)fd;
	(void)level;
	(void)name;
	(void)value;
	(void)length;
	return 0;
}

static int world_close(int fd)
{
	must(fd == 7);
	return 0;
}

static size_t next_length(void)
{
	size_t length;

	if (world.size < 2)
		return 0xfffe;
	length = (size_t)world.data[0] << 8 | world.data[1];
	world.data += 2;
	world.size -= 2;
	return length >= 0xfffe || length <= world.size ? length : world.size;
}

static ssize_t world_recv(int fd, void *data, size_t size, int flags)
{
	size_t length;

	(void)fd;
	(void)flags;
	pass_time(20);
	if (world.size < 2 && world.repeats && world.last) {
		memcpy(data, world.last, world.last_size);
		return (ssize_t)world.last_size;
	}
	length = next_length();
	if (length >= 0xfffe) {
		errno = EAGAIN;
		pass_time(length == 0xffff ? PATIENCE * 1000 : 0);
		return length == 0xffff ? -1 : 0;
	}
	world.last = world.data;
	world.last_size = length < size ? length : size;
	world.data += length;
	world.size -= length;
	memcpy(data, world.last, world.last_size);
	return (ssize_t)world.last_size;
}

/* Of the requests that nf_tables knows, those that change nothing: not even a counter. */
static ssize_t world_sendto(const struct mnl_socket *socket, const void *request, size_t length)
{
	static const uint8_t reading[] = { NFT_MSG_GETTABLE,   NFT_MSG_GETCHAIN, NFT_MSG_GETRULE,      NFT_MSG_GETSET,
					   NFT_MSG_GETSETELEM, NFT_MSG_GETOBJ,	 NFT_MSG_GETFLOWTABLE, NFT_MSG_GETGEN };
	struct nlmsghdr header;

	(void)socket;
	must(length >= sizeof(header));
	memcpy(&header, request, sizeof(header));
	must(header.nlmsg_len == length && header.nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES);
	must(memchr(reading, header.nlmsg_type & 0xff, sizeof(reading)));
	return (ssize_t)length;
}

int launch_start(const struct launch *launch, const struct descriptor *given, size_t n, struct fault *fault)
{
	must(launch->role == ROLE_SURVEYOR && !launch->seclude);
	(void)given;
	(void)n;
	(void)fault;
	return 5;
}

int launch_reap(int *pidfd, bool kill_it)
{
	must(kill_it);
	world.ended = true;
	*pidfd = -1;
	return STATUS_DONE;
}

int netlink_open(struct netlink *netlink, struct fault *fault)
{
	(void)fault;
	memset(netlink, 0, sizeof(*netlink));
	netlink->socket = (struct mnl_socket *)netlink; /* no more than an address here */
	return 0;
}

int netlink_connect(struct netlink *netlink, unsigned int groups, struct fault *fault)
{
	must(!groups);
	return netlink_open(netlink, fault);
}

void netlink_close(struct netlink *netlink)
{
	memset(netlink, 0, sizeof(*netlink));
}

int netlink_generation(struct netlink *netlink, uint32_t *generation, struct fault *fault)
{
	(void)netlink;
	(void)fault;
	*generation = 0;
	return -1;
}

static bool ends(const char *text, size_t size)
{
	return memchr(text, '\0', size);
}

static void check_survey(const struct survey *survey)
{
	must(survey->spots <= SURVEY_MOST);
	for (size_t i = 0; i < survey->spots; i++) {
		const struct spot *spot = &survey->spot[i];

		must(ends(spot->table, sizeof(spot->table)) && ends(spot->chain, sizeof(spot->chain)));
		must(ends(spot->lost, sizeof(spot->lost)) && ends(spot->why, sizeof(spot->why)));
		must(spot->holder <= HOLDER_OWNER && spot->bound <= BOUND_BY_ADDRESS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct opening opening = { .port = 80, .target = 80 };
	unsigned char digest[SURVEY_DIGEST_SIZE];
	const struct survey *survey = NULL;
	char text[EVIDENCE_TEXT] = "";
	struct fault fault = { 0 };
	int question, rc;

	memset(&world, 0, sizeof(world));
	question = size ? data[0] % 4 : 0;
	world.repeats = size > 1 && data[1] & 1;
	world.data = data + (size < 2 ? size : 2);
	world.size = size < 2 ? 0 : size - 2;
	if (question == 0)
		survey = survey_choose(&opening, &fault);
	else if (question == 1)
		survey = survey_listing("-P INPUT DROP\n", NFPROTO_IPV4, "filter", &opening, &fault);
	rc = question == 2 ? survey_digest(digest, &fault) : survey ? 0 : -1;
	if (question == 3)
		rc = survey_follow(&fault) < 0 ? -1 : survey_traced(&opening, text, &fault);
	for (const char *c = text; question == 3 && rc == 0 && *c; c++)
		must(c < text + sizeof(text) - 1 && *c >= ' ' && *c <= '~');
	if (survey)
		check_survey(survey);
	if (rc < 0) {
		must(fault.kind == FAULT_FAILED || fault.kind == FAULT_LATER);
		must(ends(fault.text, sizeof(fault.text)));
	}
	must(it.channel < 0 ? world.ended || it.process < 0 : true);
	survey_end();
	return 0;
}
