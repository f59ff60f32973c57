// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/news.h"
#include "base/clock.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#define REST_SHARE 4	     /* it rests so many times as long as it has read, */
#define REST_MOST 1000000000 /* nanoseconds */

void news_close(struct news *news)
{
	netlink_close(&news->netlink);
	close_fd(&news->watch);
	close_fd(&news->timer);
}

static int begin(struct news *news, bool nf_tables, struct fault *fault)
{
	struct epoll_event readable = { .events = EPOLLIN };

	if (nf_tables && netlink_connect(&news->netlink, 1U << (NFNLGRP_NFTABLES - 1), fault) < 0)
		return -1;
	news->watch = epoll_create1(EPOLL_CLOEXEC);
	news->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (news->watch < 0 || news->timer < 0 || epoll_ctl(news->watch, EPOLL_CTL_ADD, news->timer, &readable) < 0 ||
	    (nf_tables && epoll_ctl(news->watch, EPOLL_CTL_ADD, mnl_socket_get_fd(news->netlink.socket), &readable) < 0))
		return fault_errno(fault, FAULT_LATER, "watching the firewall");
	return 0;
}

/* A half-open watch is closed: the next call would take it for open. */
int news_open(struct news *news, bool nf_tables, struct fault *fault)
{
	if (news->watch >= 0 || begin(news, nf_tables, fault) == 0)
		return 0;
	news_close(news);
	return -1;
}

static pid_t expected[16];

void news_expect(pid_t pid)
{
	memmove(expected + 1, expected, sizeof(expected) - sizeof(expected[0]));
	expected[0] = pid;
}

static bool is_news(const struct nlmsghdr *message, uint32_t own_port)
{
	const struct nlattr *attrs[NFTA_GEN_PROC_PID + 1];

	if (NFNL_MSG_TYPE(message->nlmsg_type) != NFT_MSG_NEWGEN || message->nlmsg_pid == own_port)
		return false;
	attrs_of_message(message, attrs, NFTA_GEN_PROC_PID);
	for (size_t i = 0; i < LENGTH_OF(expected) && expected[i]; i++)
		if (attr_u32(attrs[NFTA_GEN_PROC_PID], 0) == (uint32_t)expected[i])
			return false;
	return true;
}

/* Reads what was told. */
static bool listen_to(struct netlink *netlink, uint32_t own_port)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_SIZE];
	bool heard = false;

	for (;;) {
		ssize_t n = recv(mnl_socket_get_fd(netlink->socket), buffer, sizeof(buffer), MSG_DONTWAIT);
		int left = (int)n;

		if (n < 0 && errno != ENOBUFS && errno != EINTR)
			return heard || errno != EAGAIN;
		heard = heard || (n < 0 && errno == ENOBUFS);
		for (struct nlmsghdr *message = (void *)buffer; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
			heard = heard || is_news(message, own_port);
	}
}

bool news_heard(struct news *news, uint32_t own_port, bool *look)
{
	uint64_t ticks;
	bool heard = news->netlink.socket && listen_to(&news->netlink, own_port);

	if (read(news->timer, &ticks, sizeof(ticks)) > 0)
		news->resting = false;
	news->stale = news->stale || heard;
	*look = news->stale && !news->resting;
	news->looked = *look ? clock_nanoseconds() : 0;
	return heard;
}

void news_rest(struct news *news, bool again)
{
	const int64_t share = (clock_nanoseconds() - news->looked) * REST_SHARE, time = share < REST_MOST ? share : REST_MOST;
	const struct itimerspec rest = { .it_value = { time / 1000000000, (long)(time % 1000000000) } };

	news->stale = again;
	news->resting = timerfd_settime(news->timer, 0, &rest, NULL) == 0;
}
