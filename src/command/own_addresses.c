// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/own_addresses.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "base/sockets.h"

#define TRIES 5
#define ATTRIBUTES 32 /* more than routes and addresses have types that matter here */

/* --- which of them ------------------------------------------------------------------------------------------------ */

uint32_t own_addresses_interface(const struct own_route *route, size_t routes, bool six)
{
	const struct own_route *best = NULL;

	for (size_t i = 0; i < routes; i++) {
		const bool fits = route[i].six == six;

		if (!best || (fits && best->six != six) || (fits == (best->six == six) && route[i].metric < best->metric))
			best = &route[i];
	}
	return best ? best->interface : 0;
}

/* Whatever scope somebody gave it. */
static bool is_local(const struct address *address)
{
	const unsigned char *a = address->bytes;

	if (!address->six)
		return a[0] == 0 || a[0] == 127 || (a[0] == 169 && a[1] == 254) || a[0] >= 224;
	return (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) || a[0] == 0xff ||
	       (a[0] == 0 && !memcmp(a, a + 1, 9)); /* ::1, ::, IPv4 in IPv6 */
}

bool own_addresses_lasts(const struct own_address *own)
{
	/* Of an IPv4 address the bit of TEMPORARY says that it is another one of its network. */
	const uint32_t unfit = IFA_F_DEPRECATED | IFA_F_TENTATIVE | IFA_F_DADFAILED | (own->address.six ? IFA_F_TEMPORARY : 0U);

	return own->scope == RT_SCOPE_UNIVERSE && !(own->flags & unfit) && !is_local(&own->address);
}

/* --- asking the kernel -------------------------------------------------------------------------------------------- */

struct routes {
	struct own_route route[MOST_ROUTES];
	size_t count;
};

struct choice {
	uint32_t interface;
	struct address_list *addresses;
};

/* The attributes of a message, by their type. */
struct attributes {
	const struct nlattr *of[ATTRIBUTES];
};

static int take_attribute(const struct nlattr *attribute, void *arg)
{
	struct attributes *all = arg;
	const uint16_t type = mnl_attr_get_type(attribute);

	if (type < ATTRIBUTES)
		all->of[type] = attribute;
	return MNL_CB_OK;
}

/* missing: what it is without that attribute */
static uint32_t number(const struct attributes *all, uint16_t type, uint32_t missing)
{
	const struct nlattr *a = all->of[type];

	return a && mnl_attr_get_payload_len(a) >= sizeof(uint32_t) ? mnl_attr_get_u32(a) : missing;
}

/* Of several ways the first one. */
static uint32_t interface_of(const struct attributes *all)
{
	const struct nlattr *ways = all->of[RTA_MULTIPATH];

	if (ways && mnl_attr_get_payload_len(ways) >= sizeof(struct rtnexthop))
		return (uint32_t)((const struct rtnexthop *)mnl_attr_get_payload(ways))->rtnh_ifindex;
	return number(all, RTA_OIF, 0);
}

static int take_route(const struct nlmsghdr *message, void *arg)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	struct attributes all = { { NULL } };
	struct routes *routes = arg;
	struct own_route route = { 0 };

	if (mnl_attr_parse(message, sizeof(*header), take_attribute, &all) < 0)
		return MNL_CB_ERROR;
	route.six = header->rtm_family == AF_INET6;
	route.metric = number(&all, RTA_PRIORITY, 0);
	route.interface = interface_of(&all);
	if (number(&all, RTA_TABLE, header->rtm_table) == RT_TABLE_MAIN && header->rtm_type == RTN_UNICAST &&
	    !header->rtm_dst_len && route.interface && routes->count < MOST_ROUTES)
		routes->route[routes->count++] = route;
	return MNL_CB_OK;
}

/* In its place: the same addresses are the same list. */
static void insert(struct address_list *all, const struct address *one)
{
	uint32_t at = all->count;

	if (at == MAX_ADDRESSES || addresses_have(all, one))
		return;
	for (; at > 0 && memcmp(one, &all->address[at - 1], sizeof(*one)) < 0; at--)
		all->address[at] = all->address[at - 1];
	all->address[at] = *one;
	all->count++;
}

/* IFA_LOCAL: at a point-to-point link IFA_ADDRESS is that of the other end. */
static int take_address(const struct nlmsghdr *message, void *arg)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	const size_t size = header->ifa_family == AF_INET6 ? 16 : 4;
	struct attributes all = { { NULL } };
	const struct choice *choice = arg;
	struct own_address own = { .interface = header->ifa_index, .scope = header->ifa_scope };
	const struct nlattr *bytes;

	if (mnl_attr_parse(message, sizeof(*header), take_attribute, &all) < 0)
		return MNL_CB_ERROR;
	bytes = all.of[IFA_LOCAL] ? all.of[IFA_LOCAL] : all.of[IFA_ADDRESS];
	own.flags = number(&all, IFA_FLAGS, header->ifa_flags);
	if (!bytes || mnl_attr_get_payload_len(bytes) != size || own.interface != choice->interface)
		return MNL_CB_OK;
	own.address.six = header->ifa_family == AF_INET6;
	memcpy(own.address.bytes, mnl_attr_get_payload(bytes), size);
	if (own_addresses_lasts(&own))
		insert(choice->addresses, &own.address);
	return MNL_CB_OK;
}

/* All routes, or all addresses, of a family. A kernel without IPv6 has none of it. */
static int ask(uint16_t type, int family, mnl_cb_t take, void *arg, struct fault *fault)
{
	OWN_SOCKET struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	_Alignas(struct nlmsghdr) char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct rtgenmsg *request;

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request = mnl_nlmsg_put_extra_header(message, type == RTM_GETROUTE ? sizeof(struct rtmsg) : sizeof(struct ifaddrmsg));
	request->rtgen_family = (unsigned char)family;
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    (sockets_talk(socket, message, take, arg) < 0 && errno != EOPNOTSUPP && errno != EAFNOSUPPORT))
		return fault_errno(fault, FAULT_LATER, "asking for the addresses of this host");
	return 0;
}

static int find_default(bool six, uint32_t *interface, struct fault *fault)
{
	struct routes routes = { .count = 0 };

	if (ask(RTM_GETROUTE, AF_INET, take_route, &routes, fault) < 0 || ask(RTM_GETROUTE, AF_INET6, take_route, &routes, fault) < 0)
		return -1;
	*interface = own_addresses_interface(routes.route, routes.count, six);
	return 0;
}

static int find_interface(const struct dns_address *section, bool six, uint32_t *interface, struct fault *fault)
{
	if (!section->interface[0])
		return find_default(six, interface, fault);
	*interface = if_nametoindex(section->interface);
	return *interface ?
		       0 :
		       fault_set(fault, FAULT_LATER, "address_interface = %s: this host has no such interface", section->interface);
}

static int find(const struct dns_address *section, struct address_list *addresses, struct fault *fault)
{
	memset(addresses, 0, sizeof(*addresses));
	for (int six = 0; six < 2; six++) {
		struct choice choice = { .addresses = addresses };

		if (section->family == (six ? ADDRESS_IPV4 : ADDRESS_IPV6))
			continue;
		if (find_interface(section, six, &choice.interface, fault) < 0 ||
		    (choice.interface && ask(RTM_GETADDR, six ? AF_INET6 : AF_INET, take_address, &choice, fault) < 0))
			return -1;
	}
	return 0;
}

/* EINTR: the list has changed while the kernel made it. */
int own_addresses_find(const struct dns_address *section, struct address_list *addresses, struct fault *fault)
{
	int rc = -1;

	for (int i = 0; i < TRIES && rc < 0; i++) {
		rc = find(section, addresses, fault);
		if (rc < 0 && fault->code != EINTR)
			break;
	}
	return rc;
}
