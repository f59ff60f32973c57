// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/whereabouts.h"
#include "base/clock.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define SECONDS 2

/* An address that the world may know; link-local ones of IPv6 are every interface's. */
static bool counts(const struct ifaddrs *one, int family)
{
	if (!one->ifa_addr || one->ifa_addr->sa_family != family || (one->ifa_flags & IFF_LOOPBACK))
		return false;
	return family == AF_INET || !IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)(const void *)one->ifa_addr)->sin6_addr);
}

static bool has_several(void)
{
	struct ifaddrs *list = NULL;
	int count[2] = { 0, 0 };

	if (getifaddrs(&list) < 0)
		return false;
	for (const struct ifaddrs *one = list; one; one = one->ifa_next) {
		count[0] += counts(one, AF_INET);
		count[1] += counts(one, AF_INET6);
	}
	freeifaddrs(list);
	return count[0] > 1 || count[1] > 1;
}

static void give_up(struct whereabouts_search *search)
{
	memset(&search->found, 0, sizeof(search->found));
	search->over = true;
}

void whereabouts_begin(struct whereabouts_search *search)
{
	memset(search, 0, sizeof(*search));
	search->over = !has_several();
	search->end = clock_seconds() + SECONDS;
}

/* false: there is no room. */
static bool add(uint32_t *count, unsigned char *list, const void *address, size_t bytes)
{
	for (uint32_t i = 0; i < *count; i++)
		if (!memcmp(list + i * bytes, address, bytes))
			return true;
	if (*count == WHEREABOUTS_MOST)
		return false;
	memcpy(list + (*count)++ * bytes, address, bytes);
	return true;
}

static bool take(struct whereabouts *found, const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return add(&found->addresses4, found->address4[0], &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
	if (address->sa_family == AF_INET6)
		return add(&found->addresses6, found->address6[0], &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
			   16);
	return false;
}

void whereabouts_look(struct whereabouts_search *search, const char *name)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;

	if (search->over)
		return;
	if (clock_seconds() > search->end || getaddrinfo(name, NULL, &hints, &list) != 0)
		give_up(search);
	for (const struct addrinfo *one = list; one && !search->over; one = one->ai_next)
		if (!take(&search->found, one->ai_addr))
			give_up(search);
	if (list)
		freeaddrinfo(list);
}
