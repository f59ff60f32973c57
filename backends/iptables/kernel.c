// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/iptables/kernel.h"

#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/own.h"

enum { A_MATCH, A_TARGET }; /* NFTA_COMPAT_TYPE */

static int visit(const struct nlmsghdr *message, void *arg, struct fault *fault)
{
	(void)message, (void)arg, (void)fault;
	return 0;
}

/* EINVAL: no nft_compat, so that iptables-nft has no match at all. */
static int nft_has(struct netlink *netlink, uint8_t family, const char *match, uint8_t revision, struct fault *fault)
{
	char buffer[1024];
	/* the answer claims that more follow; the acknowledgement is the end of it */
	struct nlmsghdr *request = netlink_about(netlink, buffer, 0, NLM_F_ACK, family, NULL, NULL, 0);

	request->nlmsg_type = NFNL_SUBSYS_NFT_COMPAT << 8 | NFNL_MSG_COMPAT_GET;
	mnl_attr_put_strz(request, NFTA_COMPAT_NAME, match);
	mnl_attr_put_u32(request, NFTA_COMPAT_REV, htobe32(revision));
	mnl_attr_put_u32(request, NFTA_COMPAT_TYPE, htobe32(A_MATCH));
	if (netlink_dump(netlink, request, visit, NULL, fault) == 0)
		return 1;
	return fault->code == ENOENT || fault->code == EPROTONOSUPPORT || fault->code == EINVAL ? 0 : -1;
}

static int legacy_has(uint8_t family, const char *match, uint8_t revision, struct fault *fault)
{
	const bool v4 = family == NFPROTO_IPV4;
	OWN_FD int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct xt_get_revision answer = { .revision = revision };
	socklen_t length = sizeof(answer);

	snprintf(answer.name, sizeof(answer.name), "%s", match);
	if (getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IPT_SO_GET_REVISION_MATCH : IP6T_SO_GET_REVISION_MATCH, &answer,
		       &length) == 0)
		return 1;
	return errno == ENOENT || errno == EPROTONOSUPPORT ? 0 :
							     fault_errno(fault, FAULT_FAILED, "asking the kernel for -m %s", match);
}

int ipt_kernel_has(struct netlink *netlink, uint8_t family, const char *match, uint8_t revision, struct fault *fault)
{
	return netlink ? nft_has(netlink, family, match, revision, fault) : legacy_has(family, match, revision, fault);
}
