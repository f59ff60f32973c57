// SPDX-License-Identifier: GPL-3.0-or-later
#include "setup/service.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct service services[] = {
	{ "nginx", "/usr/sbin/nginx", NULL, "reload nginx" },
	{ "apache", "/usr/sbin/apache2", NULL, "reload apache2" },
	{ "postfix", "/usr/sbin/postfix", NULL, "reload postfix" },
	{ "dovecot", "/usr/sbin/dovecot", NULL, "reload dovecot" },
	{ "haproxy", "/usr/sbin/haproxy", NULL, "reload haproxy" },
	{ "mosquitto", "/usr/sbin/mosquitto", "mosquitto", "reload mosquitto" },
	{ "coturn", "/usr/bin/turnserver", "turnserver", "signal USR2 coturn" },
	{ "prosody", "/usr/bin/prosody", "prosody", "reload prosody" },
	{ "ejabberd", "/usr/sbin/ejabberdctl", "ejabberd", "reload ejabberd" },
	{ "cockpit", "/etc/cockpit/ws-certs.d", NULL, "restart cockpit" },
	{ "postgresql", "/usr/bin/pg_ctlcluster", "postgres", "reload postgresql" },
};
_Static_assert(LENGTH_OF(services) == MOST_SERVICES, "room for each of them");

/* Of those that want different groups the first. */
static bool fits(const struct service *service, const char **group)
{
	if (service->group && *group && strcmp(service->group, *group) != 0)
		return false;
	*group = service->group ? service->group : *group;
	return true;
}

void service_find(char names[SERVICES_SIZE])
{
	const char *group = NULL;
	size_t used = 0;

	snprintf(names, SERVICES_SIZE, "none");
	for (size_t i = 0; i < LENGTH_OF(services); i++)
		if (access(services[i].program, F_OK) == 0 && fits(&services[i], &group))
			used += (size_t)snprintf(names + used, SERVICES_SIZE - used, "%s%s", used ? "," : "", services[i].name);
}

static const struct service *find(const char *name)
{
	for (size_t i = 0; i < LENGTH_OF(services); i++)
		if (!strcmp(services[i].name, name))
			return &services[i];
	return NULL;
}

static int unknown(const char *name, struct fault *fault)
{
	char known[SERVICES_SIZE] = "";
	size_t used = 0;

	for (size_t i = 0; i < LENGTH_OF(services); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s, ", services[i].name);
	return fault_set(fault, FAULT_USAGE, "setup does not know a service '%s': expected %sor none", name, known);
}

int service_choose(const char *names, const struct service *chosen[MOST_SERVICES], struct fault *fault)
{
	char list[SERVICES_SIZE], *save = NULL;
	const char *group = NULL;
	int n = 0;

	if (!strcmp(names, "none"))
		return 0;
	snprintf(list, sizeof(list), "%s", names);
	for (char *name = strtok_r(list, ", ", &save); name; name = strtok_r(NULL, ", ", &save)) {
		const struct service *service = find(name);

		if (!service || n == MOST_SERVICES)
			return unknown(name, fault);
		if (!fits(service, &group))
			return fault_set(fault, FAULT_USAGE,
					 "%s and others of %s must read the key as different groups: set up a certificate for each",
					 name, names);
		chosen[n++] = service;
	}
	return n;
}
