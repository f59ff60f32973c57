// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/names.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/base64url.h"
#include "base/config.h"

static struct published {
	size_t count;
	struct {
		struct digest digest;
		char server_name[SERVER_NAME_SIZE];
	} item[MAX_NAMES];
	struct record record;
} published;

size_t names_address(const char *name, unsigned char address[NAMES_ADDRESS_MOST])
{
	return inet_pton(AF_INET, name, address) == 1 ? 4 : inet_pton(AF_INET6, name, address) == 1 ? 16 : 0;
}

void names_server_name(const char *name, char server_name[SERVER_NAME_SIZE])
{
	unsigned char a[NAMES_ADDRESS_MOST];
	const size_t octets = names_address(name, a);
	size_t used = 0;

	if (!octets)
		snprintf(server_name, SERVER_NAME_SIZE, "%s", name);
	if (octets == 4)
		snprintf(server_name, SERVER_NAME_SIZE, "%u.%u.%u.%u.in-addr.arpa", a[3], a[2], a[1], a[0]);
	if (octets != 16)
		return;
	for (size_t i = octets; i-- > 0;)
		used += (size_t)snprintf(server_name + used, SERVER_NAME_SIZE - used, "%x.%x.", a[i] & 15U, (unsigned int)a[i] >> 4);
	snprintf(server_name + used, SERVER_NAME_SIZE - used, "ip6.arpa");
}

const struct digest *names_find(const char *server_name, size_t length)
{
	for (size_t i = 0; i < published.count; i++) {
		const char *own = published.item[i].server_name;

		if (strlen(own) == length && !strncasecmp(own, server_name, length))
			return &published.item[i].digest;
	}
	return NULL;
}

static bool is_name(const char *name)
{
	unsigned char ignored[NAMES_ADDRESS_MOST];

	return *name && (names_address(name, ignored) || !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.")]);
}

static bool is_token(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!base64url_is(*c))
			return false;
	return *text != '\0';
}

/* The client parses what a CA sends; what it tells us goes out to anyone, so it is checked again. The last word about a name counts. */
static int add(const struct digest *digest, struct fault *fault)
{
	size_t i = 0;

	if (!is_name(digest->name) || !is_token(digest->token))
		return fault_set(fault, FAULT_FAILED, "the client sent a malformed name or token");
	while (i < published.count && strcmp(published.item[i].digest.name, digest->name))
		i++;
	if (i == MAX_NAMES)
		return fault_set(fault, FAULT_FAILED, "the client sent more than %d names", MAX_NAMES);
	published.item[i].digest = *digest;
	names_server_name(digest->name, published.item[i].server_name);
	published.count += i == published.count;
	return 0;
}

/* 1: there was one. 0: the client has gone. */
static int receive_one(struct fault *fault)
{
	int rc = wire_receive(FD_CLIENT, &published.record, fault);

	if (rc <= 0)
		return rc;
	if (published.record.verb != VERB_DIGEST)
		return fault_set(fault, FAULT_FAILED, "the client sent %s", verb_name(published.record.verb));
	return add((const void *)published.record.data, fault) < 0 ? -1 : 1;
}

int names_receive(struct fault *fault)
{
	struct pollfd client = { .fd = FD_CLIENT, .events = POLLIN };
	int rc = 1;

	while (rc > 0 && poll(&client, 1, 0) > 0)
		rc = receive_one(fault);
	return rc;
}
