// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"
#include "base/seclusion.h"
#include "base/wire.h"

/*
 * Kernel headers are older than kernels, and the sizes of these structs tell the kernel how much we know. See
 * Documentation/userspace-api/landlock.rst.
 */
struct known_rights {
	uint64_t files;	 /* handled_access_fs */
	uint64_t net;	 /* handled_access_net, since version 4 */
	uint64_t scoped; /* since version 6 */
};
struct known_port {
	uint64_t allowed_access, port;
};
#define RULE_NET_PORT 2 /* since version 4 */
#define DOMAIN_PORT 53
#define BIND_TCP UINT64_C(1)
#define CONNECT_TCP UINT64_C(2)
#define SCOPES UINT64_C(3) /* abstract sockets and signals of processes outside */

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* Everything that this version knows about files: 13 rights in the first, then one more in 2, 3 and 5. */
static uint64_t rights_of_version(long version)
{
	int bits = 13 + (version >= 2) + (version >= 3) + (version >= 5);

	return (UINT64_C(1) << bits) - 1;
}

static int allow(int ruleset, int fd, uint64_t rights)
{
	struct landlock_path_beneath_attr beneath = { .allowed_access = rights, .parent_fd = fd };

	return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
}

/* Missing paths are skipped. */
static int allow_path(int ruleset, const char *path, uint64_t rights)
{
	OWN_FD int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? 0 : allow(ruleset, fd, rights);
}

/* Names and trust: where the C library, its NSS modules and OpenSSL read, on the distributions that we know. */
static int allow_client(int ruleset)
{
	static const char *const read_only[] = {
		"/etc",
		"/usr",
		"/lib",
		"/lib64",
		"/run/systemd/resolve",
		"/run/NetworkManager",
		"/run/resolvconf",
		"/var/lib/ca-certificates",
		"/proc/sys/net",
	};

	for (size_t i = 0; i < LENGTH_OF(read_only); i++)
		if (allow_path(ruleset, read_only[i], READ) < 0)
			return -1;
	return 0;
}

/* Landlock needs an existing directory: create it. */
static int allow_top(int ruleset, const char *name, uint64_t rights)
{
	OWN_FD int top = -1;

	seclusion_make_top(FD_STATE, name);
	top = openat(FD_STATE, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return top < 0 ? 0 : allow(ruleset, top, rights);
}

/* Files that are in the web server's directory already can be removed, not read. */
static int allow_webroot(int ruleset, int directory)
{
	const uint64_t rights = LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |
				LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE;

	return directory < 0 ? 0 : allow(ruleset, directory, rights);
}

static int allow_tokens(int ruleset, int directory, uint64_t all)
{
	return allow_top(ruleset, TOKEN_NOTES, all) < 0 ? -1 : allow_webroot(ruleset, directory);
}

/* Not the state directory itself, nor the journal, which lies beside them. */
static int allow_storer(int ruleset, const struct config *config, int tokens, uint64_t all)
{
	const char *eab_key = config->acme.eab_key_file;

	if (config->responder.mode == RESPONDER_WEBROOT && allow_tokens(ruleset, tokens, all) < 0)
		return -1;
	if (allow_top(ruleset, "accounts", all) < 0 || allow_top(ruleset, "certificates", all) < 0 ||
	    allow_top(ruleset, "ledger", all) < 0)
		return -1;
	return eab_key[0] ? allow_path(ruleset, eab_key, LANDLOCK_ACCESS_FS_READ_FILE) : 0;
}

/* The ledgers of certificates are all that is in their directory; those of windows lie beside much else. */
static int allow_viewer(int ruleset)
{
	static const char *const windows[] = { "windows", "windows~" };
	int rc = fcntl(FD_LEDGERS, F_GETFD) < 0 ? 0 : allow(ruleset, FD_LEDGERS, LANDLOCK_ACCESS_FS_READ_FILE);

	for (size_t i = 0; rc == 0 && i < sizeof(windows) / sizeof(windows[0]); i++) {
		OWN_FD int fd = openat(FD_WINDOWS, windows[i], O_PATH | O_NOFOLLOW | O_CLOEXEC);

		rc = fd < 0 ? 0 : allow(ruleset, fd, LANDLOCK_ACCESS_FS_READ_FILE);
	}
	return rc;
}

/* The host's tools, which may be scripts, are read and run from anywhere. They keep each other out by /run/xtables.lock, and write nothing else. */
static int allow_tools(int ruleset)
{
	if (allow_path(ruleset, "/", READ | LANDLOCK_ACCESS_FS_EXECUTE) < 0 ||
	    allow_path(ruleset, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE) < 0)
		return -1;
	return allow_path(ruleset, "/run", LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG);
}

/* TCP to this port: older kernels (before 6.7) cannot say so. */
static int allow_port(int ruleset, long version, uint64_t number)
{
	const struct known_port port = { CONNECT_TCP, number };

	return version < 4 ? 0 : (int)syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &port, 0);
}

/* The files of the client, and TCP to the configured APIs and to name servers. */
static int allow_provider(int ruleset, const struct config *config, long version)
{
	int rc = allow_client(ruleset) | allow_port(ruleset, version, DOMAIN_PORT);

	for (uint32_t i = 0; i < config->dnses; i++)
		if (config->dns[i].url[0])
			rc |= allow_port(ruleset, version, config_url_port(config->dns[i].url));
	return rc;
}

int landlock_confine(enum role role, const struct config *config, int tokens)
{
	long version = sandbox_landlock();
	struct known_rights handled = { 0 };
	OWN_FD int ruleset = -1;
	int rc = 0;

	if (version <= 0)
		return 0;
	handled.files = rights_of_version(version);
	if (version >= 4)
		handled.net = role == ROLE_CLIENT || role == ROLE_EXAMINER ? BIND_TCP : BIND_TCP | CONNECT_TCP;
	if (version >= 6)
		handled.scoped = SCOPES;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
	if (ruleset < 0)
		return -1;
	if (role == ROLE_CLIENT || role == ROLE_EXAMINER)
		rc = allow_client(ruleset);
	else if (role == ROLE_STORER)
		rc = allow_storer(ruleset, config, tokens, handled.files);
	else if (role == ROLE_SWEEPER)
		rc = allow_tokens(ruleset, tokens, handled.files);
	else if (role == ROLE_PLACER)
		rc = allow_webroot(ruleset, tokens);
	else if (role == ROLE_BUS)
		rc = allow_path(ruleset, "/etc/firewalld/zones", READ);
	else if (role == ROLE_TOOLS)
		rc = allow_tools(ruleset);
	else if (role == ROLE_VIEWER)
		rc = allow_viewer(ruleset);
	else if (role == ROLE_DNS)
		rc = allow_port(ruleset, version, DOMAIN_PORT); /* and no file */
	else if (role == ROLE_PROVIDER)
		rc = allow_provider(ruleset, config, version);
	return rc < 0 ? -1 : (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}
