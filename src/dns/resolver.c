// SPDX-License-Identifier: GPL-3.0-or-later
#include "dns/resolver.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESOLV_CONF "/etc/resolv.conf"
#define MOST_RESOLVERS 3 /* as the C library has them */

static struct server resolvers[MOST_RESOLVERS];
static size_t count;

/* The interface of a link-local address, by name or number, which the C library takes behind "%", too. */
static void set_scope(struct server *server, const char *scope)
{
	const size_t used = strlen(server->text);

	server->at.v6.sin6_scope_id = if_nametoindex(scope);
	if (!server->at.v6.sin6_scope_id)
		server->at.v6.sin6_scope_id = (uint32_t)strtoul(scope, NULL, 10);
	snprintf(server->text + used, sizeof(server->text) - used, "%%%s", scope);
}

static bool learn(struct server *server, const char *line)
{
	char address[INET6_ADDRSTRLEN], scope[IF_NAMESIZE];
	const int words = sscanf(line, " nameserver %45[0-9a-fA-F:.]%%%15s", address, scope);

	if (words < 1 || !server_parse(server, address))
		return false;
	if (words == 2 && server->at.plain.sa_family == AF_INET6)
		set_scope(server, scope);
	return true;
}

void resolver_learn(void)
{
	FILE *file = fopen(RESOLV_CONF, "re");
	char line[256];

	while (file && count < MOST_RESOLVERS && fgets(line, sizeof(line), file))
		count += learn(&resolvers[count], line);
	if (file)
		fclose(file);
}

int resolver_ask(const char *name, enum type type, struct answer *answer, struct fault *fault)
{
	fault_set(fault, FAULT_FAILED, "%s names no resolver", RESOLV_CONF);
	for (size_t i = 0; i < count; i++) {
		if (message_ask(&resolvers[i], NULL, name, type, true, answer, fault) < 0)
			continue;
		if (answer->rcode == RCODE_NOERROR || answer->rcode == RCODE_NXDOMAIN)
			return 0;
		fault_set(fault, FAULT_LATER, "the resolver %s cannot tell (code %u)", resolvers[i].text, answer->rcode);
	}
	return fault_at(fault, "%s", name);
}

size_t resolver_find(const char *name, struct server *servers, size_t most, struct fault *fault)
{
	static const struct {
		enum type type;
		int family;
	} kinds[] = { { TYPE_A, AF_INET }, { TYPE_AAAA, AF_INET6 } };
	static struct answer reply;
	size_t found = 0;

	if (server_parse(servers, name))
		return 1;
	fault->kind = FAULT_NONE;
	for (size_t i = 0; i < LENGTH_OF(kinds); i++) {
		const struct item *item;
		size_t k = 0;

		if (resolver_ask(name, kinds[i].type, &reply, fault) < 0)
			continue;
		while (found < most && (item = message_find(&reply, PART_ANSWER, kinds[i].type, NULL, &k)))
			server_set(&servers[found++], kinds[i].family, item->address, name);
	}
	if (!found && fault->kind == FAULT_NONE)
		fault_set(fault, FAULT_FAILED, "%s has no address", name);
	return found;
}
