// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/dns_program_section.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/environment.h"
#include "base/value.h"

int dns_program_set_user(struct loader *loader, const struct key *key, const char *value)
{
	struct dns_program *program = &loader->dns->program;
	const struct passwd *user = getpwnam(value);

	if (value_label(loader, key, value) < 0)
		return -1;
	if (!user)
		return loader_wrong(loader, "%s: there is no user '%s' on this host", key->name, value);
	if (user->pw_uid == 0 || user->pw_gid == 0)
		return loader_wrong(loader, "%s: the program runs without rights: expected another user than root, in another group",
				    key->name);
	program->uid = user->pw_uid;
	program->gid = user->pw_gid;
	return 0;
}

/* Its words are looked at here, and forgotten: the process that starts the program reads them again. */
int dns_program_set_environment(struct loader *loader, const struct key *key, const char *value)
{
	static struct environment environment;
	struct fault why;
	int rc;

	if (value_path(loader, key, value) < 0)
		return -1;
	/* Only root may read it: for somebody else's question about the port or the certificates it does not matter. */
	if (access(value, R_OK) < 0 && errno == EACCES && loader->part == CONFIG_GATE)
		return 0;
	rc = environment_read(value, &environment, &why);
	explicit_bzero(&environment, sizeof(environment));
	return rc < 0 ? loader_wrong(loader, "%s: %s", key->name, why.text) : 0;
}

int dns_program_set_seconds(struct loader *loader, const struct key *key, const char *value)
{
	unsigned long n;

	if (config_number(value, 1, DNS_PROGRAM_MOST, 10, &n) < 0)
		return loader_wrong(loader, "%s: expected 1 to %d seconds", key->name, DNS_PROGRAM_MOST);
	loader->dns->program.seconds = (uint32_t)n;
	return 0;
}
