// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/writers.h"

#include <errno.h>
#include <fcntl.h>

#include "base/launch_channel.h"
#include "base/log.h"
#include "base/safe.h"
#include "base/wire.h"
#include "warden/dns_program.h"

#define LAST_SECONDS 2 /* with nobody left to ask it, a writer ends by itself */

static int writer[MAX_DNS]; /* pidfds */
static size_t writers;

static int open_secret(const struct dns *dns, int *fd, struct fault *fault)
{
	const char *path = dns->type == DNS_DIGITALOCEAN ? dns->token_file : dns->credentials_file;

	if (dns->type == DNS_ACME_DNS && access(path, F_OK) < 0 && errno == ENOENT) /* it has no registration yet */
		return 0;
	*fd = path[0] ? safe_open(path, fault) : -1;
	return path[0] && *fd < 0 ? -1 : 0;
}

static int start_provider(const struct config *config, uint32_t section, int channel, struct fault *fault)
{
	const struct dns *dns = &config->dns[section];
	OWN_FD int secret = -1, ca = -1;

	if (open_secret(dns, &secret, fault) < 0)
		return -1;
	ca = dns->ca_file[0] ? safe_open(dns->ca_file, fault) : -1;
	if (dns->ca_file[0] && ca < 0)
		return -1;
	return launch_role(ROLE_PROVIDER, config,
			   (const struct descriptor[]){ { channel, FD_CLIENT }, { secret, FD_SECRET }, { ca, FD_CA_FILE } }, 3,
			   fault);
}

/* Each returns a pidfd. The process has this end of its channel to acmegate-dns, and no other descriptor of acmegate's. */
static int (*const starts[DNS_TYPES])(const struct config *, uint32_t section, int channel, struct fault *) = {
	[DNS_ACME_DNS] = start_provider,
	[DNS_HTTPREQ] = start_provider,
	[DNS_DIGITALOCEAN] = start_provider,
	[DNS_EXEC] = dns_program_start,
};

int writer_start(const struct config *config, uint32_t section, int *pid, int *channel, struct fault *fault)
{
	int ends[2];

	if (wire_pair(ends, fault) < 0)
		return -1;
	*pid = starts[config->dns[section].type](config, section, ends[1], fault);
	close(ends[1]);
	if (*pid >= 0 && wire_send(ends[0], VERB_WRITER, section, NULL, 0, fault) == 0) {
		*channel = ends[0];
		return 0;
	}
	(void)launch_reap(pid, true);
	close(ends[0]);
	return -1;
}

static bool is_needed(const struct config *config, const uint8_t *wanted, uint32_t section)
{
	if (config->dns[section].type == DNS_RFC2136 || !config->dns[section].sound)
		return false;
	for (uint32_t i = 0; wanted && i < config->certificates; i++)
		if (wanted[i] && config->certificate[i].dns == section)
			return true;
	return !wanted;
}

static int start_for(const struct config *config, uint32_t section, int dns, struct fault *fault)
{
	OWN_FD int channel = -1;

	if (writer_start(config, section, &writer[writers], &channel, fault) < 0)
		return -1;
	writers++;
	return wire_send_with(dns, VERB_WRITER, section, NULL, 0, (const int[2]){ channel, -1 }, fault);
}

int writers_start(const struct config *config, const uint8_t *wanted, int *end, struct fault *fault)
{
	struct fault why;
	int ends[2];

	writers = 0;
	if (wire_pair(ends, fault) < 0)
		return -1;
	for (uint32_t i = 0; i < config->dnses; i++)
		if (is_needed(config, wanted, i) && start_for(config, i, ends[0], &why) < 0)
			log_error("[dns %s]: %s", config->dns[i].name, why.text);
	close(ends[0]);
	*end = ends[1];
	return 0;
}

void writers_end(void)
{
	for (size_t i = 0; i < writers; i++)
		(void)launch_reap_in(&writer[i], LAST_SECONDS);
	writers = 0;
}
