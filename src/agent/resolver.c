// SPDX-License-Identifier: GPL-3.0-or-later
#include "agent/resolver.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/config.h"

#define ADDRESSES_MOST 8

/* "name:port" of a URL that url_is_valid() has passed; false when there is no name to look up. */
static bool host_of(const char *url, char entry[RESOLVER_ENTRY], char host[NAME_SIZE], char port[6])
{
	const char *from = url + strlen("https://");
	size_t authority = strcspn(from, "/?#"), length = strcspn(from, ":/?#");

	if (length == 0 || length >= NAME_SIZE || *from == '[' || memchr(from, '@', authority))
		return false;
	memcpy(host, from, length);
	host[length] = '\0';
	snprintf(port, 6, "%.*s", from[length] == ':' ? (int)(authority - length - 1) : 3,
		 from[length] == ':' ? from + length + 1 : "443");
	snprintf(entry, RESOLVER_ENTRY, "%s:%s", host, port);
	return !config_is_address(host);
}

static bool is_known(const struct resolver *resolver, const char *name)
{
	for (size_t i = 0; i < resolver->hosts; i++)
		if (strcmp(resolver->host[i], name) == 0)
			return true;
	return false;
}

static void list_addresses(char entry[RESOLVER_ENTRY], const struct addrinfo *list)
{
	size_t used = strlen(entry);
	char address[64];
	int count = 0;

	for (const struct addrinfo *one = list; one && count < ADDRESSES_MOST; one = one->ai_next) {
		if (getnameinfo(one->ai_addr, one->ai_addrlen, address, sizeof(address), NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		used += (size_t)snprintf(entry + used, RESOLVER_ENTRY - used, one->ai_family == AF_INET6 ? "%s[%s]" : "%s%s",
					 count++ ? "," : ":", address);
	}
}

static void own_addresses(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

int resolver_look(struct resolver *resolver, const char *url, char entry[RESOLVER_ENTRY], char *reason, size_t size)
{
	__attribute__((cleanup(own_addresses))) struct addrinfo *list = NULL;
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	char host[NAME_SIZE], port[6];
	int bad;

	if (resolver->hosts == RESOLVER_HOSTS || !host_of(url, entry, host, port) || is_known(resolver, entry))
		return 0;
	bad = getaddrinfo(host, port, &hints, &list);
	if (bad) {
		snprintf(reason, size, "looking up %s: %s", host, gai_strerror(bad));
		return -1;
	}
	resolver->host[resolver->hosts] = strdup(entry);
	if (!resolver->host[resolver->hosts]) {
		snprintf(reason, size, "not enough memory");
		return -1;
	}
	resolver->hosts++;
	list_addresses(entry, list);
	return 1;
}

void resolver_free(struct resolver *resolver)
{
	for (size_t i = 0; i < resolver->hosts; i++)
		free(resolver->host[i]);
	resolver->hosts = 0;
}
