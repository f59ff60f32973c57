// SPDX-License-Identifier: GPL-3.0-or-later
#include "own_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM (1024 * 1024)

static struct mnl_socket *route;
static uint32_t sequence;
static _Alignas(struct nlmsghdr) char all[ROOM];
static size_t used;

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "own_net: %s: %s\n", what, strerror(errno));
	abort();
}

static bool put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

static bool enter(void)
{
	char user[64], group[64];

	snprintf(user, sizeof(user), "0 %u 1", geteuid());
	snprintf(group, sizeof(group), "0 %u 1", getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)
		return put("/proc/self/setgroups", "deny") && put("/proc/self/uid_map", user) && put("/proc/self/gid_map", group);
	return geteuid() == 0 && unshare(CLONE_NEWNET) == 0;
}

/* Without rights outside, a process cannot change groups in its own namespace, and the surveyor has to. */
int __wrap_setgroups(size_t count, const gid_t *groups);
int __wrap_setgroups(size_t count, const gid_t *groups)
{
	(void)count;
	(void)groups;
	return 0;
}

static void raise_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		give_up("the loopback interface");
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		give_up("the loopback interface");
	close(fd);
}

bool own_net(void)
{
	if (!enter()) {
		printf("1..0 # SKIP no namespace for a network of its own: %s\n", strerror(errno));
		return false;
	}
	raise_loopback();
	route = mnl_socket_open(NETLINK_NETFILTER);
	if (!route || mnl_socket_bind(route, 0, MNL_SOCKET_AUTOPID) < 0) {
		printf("1..0 # SKIP no netlink for netfilter: %s\n", strerror(errno));
		return false;
	}
	return true;
}

static struct nlmsghdr *put_message(char *buffer, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));

	message->nlmsg_type = type;
	message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	message->nlmsg_seq = ++sequence;
	*generic = (struct nfgenmsg){ .nfgen_family = family, .version = NFNETLINK_V0 };
	if (type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END)
		generic->res_id = htons(NFNL_SUBSYS_NFTABLES);
	return message;
}

/* One change, alone in a batch. false: the kernel refuses it. */
static bool try_change(uint16_t type, uint16_t flags, uint8_t family, void (*build)(struct nlmsghdr *message, const void *arg),
		       const void *arg)
{
	char buffer[4096], answer[4096];
	struct nlmsghdr *message = put_message(buffer, NFNL_MSG_BATCH_BEGIN, 0, 0);
	size_t length = message->nlmsg_len;
	ssize_t n;

	message = put_message(buffer + length, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), (uint16_t)(flags | NLM_F_ACK), family);
	if (build)
		build(message, arg);
	length += message->nlmsg_len;
	length += put_message(buffer + length, NFNL_MSG_BATCH_END, 0, 0)->nlmsg_len;
	if (mnl_socket_sendto(route, buffer, length) < 0)
		give_up("sending");
	n = mnl_socket_recvfrom(route, answer, sizeof(answer));
	if (n < 0)
		give_up("receiving");
	return mnl_cb_run(answer, (size_t)n, 0, 0, NULL, NULL) >= 0;
}

static void change(uint16_t type, uint16_t flags, uint8_t family, void (*build)(struct nlmsghdr *message, const void *arg),
		   const void *arg)
{
	if (!try_change(type, flags, family, build, arg))
		give_up("changing the ruleset");
}

struct named {
	const char *table, *chain;
	uint32_t hook;
};

static void build_table(struct nlmsghdr *message, const void *table)
{
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, table);
}

static void build_chain(struct nlmsghdr *message, const void *arg)
{
	const struct named *named = arg;
	struct nlattr *hook;

	mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, named->table);
	mnl_attr_put_strz(message, NFTA_CHAIN_NAME, named->chain);
	mnl_attr_put_strz(message, NFTA_CHAIN_TYPE, "filter");
	hook = mnl_attr_nest_start(message, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(message, NFTA_HOOK_HOOKNUM, htonl(named->hook));
	mnl_attr_put_u32(message, NFTA_HOOK_PRIORITY, 0);
	mnl_attr_nest_end(message, hook);
	mnl_attr_put_u32(message, NFTA_CHAIN_POLICY, htonl(NF_DROP));
}

static void build_rules(struct nlmsghdr *message, const void *arg)
{
	const struct named *named = arg;

	mnl_attr_put_strz(message, NFTA_RULE_TABLE, named->table);
	if (named->chain)
		mnl_attr_put_strz(message, NFTA_RULE_CHAIN, named->chain);
}

void own_net_table(uint8_t family, const char *table)
{
	change(NFT_MSG_NEWTABLE, NLM_F_CREATE, family, build_table, table);
}

static void build_owned_table(struct nlmsghdr *message, const void *table)
{
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, table);
	mnl_attr_put_u32(message, NFTA_TABLE_FLAGS, htonl(0x2)); /* NFT_TABLE_F_OWNER */
}

void own_net_owned_table(uint8_t family, const char *table)
{
	change(NFT_MSG_NEWTABLE, NLM_F_CREATE, family, build_owned_table, table);
}

bool own_net_owners(void)
{
	bool there = try_change(NFT_MSG_NEWTABLE, NLM_F_CREATE, NFPROTO_INET, build_owned_table, "scratch");

	if (there)
		own_net_remove(NFPROTO_INET, "scratch");
	else
		printf("# this kernel knows no table that belongs to a process (5.12 does)\n");
	return there;
}

void own_net_chain(uint8_t family, const char *table, const char *chain, uint32_t hook)
{
	change(NFT_MSG_NEWCHAIN, NLM_F_CREATE, family, build_chain, &(struct named){ table, chain, hook });
}

void own_net_remove(uint8_t family, const char *table)
{
	change(NFT_MSG_DELTABLE, 0, family, build_table, table);
}

void own_net_empty(uint8_t family, const char *table, const char *chain)
{
	change(NFT_MSG_DELRULE, 0, family, build_rules, &(struct named){ table, chain, 0 });
}

void own_net_flush(void)
{
	change(NFT_MSG_DELTABLE, 0, NFPROTO_UNSPEC, NULL, NULL);
}

static int keep(const struct nlmsghdr *message, void *arg)
{
	size_t *messages = arg;

	if (used + message->nlmsg_len > ROOM)
		give_up("more than there is room for");
	memcpy(all + used, message, message->nlmsg_len);
	used += (message->nlmsg_len + 3U) & ~3U;
	++*messages;
	return MNL_CB_OK;
}

size_t own_net_read(void)
{
	static const uint16_t types[] = { NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN, NFT_MSG_GETRULE, NFT_MSG_GETSET };
	char buffer[32 * 1024];
	size_t messages = 0;

	used = 0;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct nlmsghdr *message = put_message(buffer, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | types[i]), NLM_F_DUMP,
						       NFPROTO_UNSPEC);
		int rc = mnl_socket_sendto(route, message, message->nlmsg_len) < 0 ? -1 : 1;

		while (rc > 0) {
			ssize_t n = mnl_socket_recvfrom(route, buffer, sizeof(buffer));

			rc = n < 0 ? -1 : mnl_cb_run(buffer, (size_t)n, 0, 0, keep, &messages);
		}
		if (rc < 0)
			give_up("reading the ruleset");
	}
	return messages;
}

size_t own_net_count(const char *text)
{
	const struct nlmsghdr *message = (const void *)all;
	size_t count = 0;
	int left = (int)used;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
		count += memmem(message, message->nlmsg_len, text, strlen(text)) != NULL;
	return count;
}
