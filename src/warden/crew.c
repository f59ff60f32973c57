// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/crew.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/launch_channel.h"
#include "base/seclusion.h"
#include "base/wire.h"
#include "publish/readers.h"

/* The first place is its end of a new channel to us. */
static int start(const struct crew *crew, enum role role, struct descriptor *given, size_t n, int *pid, int *channel,
		 struct fault *fault)
{
	given[0].to = FD_WARDEN;
	*pid = launch_channel(role, crew->config, given, n, channel, fault);
	return *pid < 0 ? -1 : 0;
}

/* -1 also when none is configured, which is no fault. */
static int open_configured(const char *path, int *fd, struct fault *fault)
{
	*fd = path[0] ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	return path[0] && *fd < 0 ? fault_errno(fault, FAULT_USAGE, "%s", path) : 0;
}

static int start_signer(struct crew *crew, int storer, int *pid, struct fault *fault)
{
	OWN_FD int trust = -1;
	OWN_FD int ca = -1;
	struct descriptor given[] = { { -1, FD_TRUST }, { -1, FD_CA_FILE }, { crew->signer_end, FD_CLIENT }, { storer, FD_STORER } };

	if (open_configured(crew->config->acme.trust_file, &trust, fault) < 0 ||
	    open_configured(crew->config->acme.ca_file, &ca, fault) < 0)
		return -1;
	given[0].from = trust;
	given[1].from = ca;
	*pid = launch_role(ROLE_SIGNER, crew->config, given, LENGTH_OF(given), fault);
	close_fd(&crew->signer_end);
	return *pid < 0 ? -1 : 0;
}

/* The storer first: it has more to do before they talk. */
int crew_start_store(struct crew *crew, int *storer, int *signer, int *channel, struct fault *fault)
{
	int pair[2], rc;

	seclusion_make_top(crew->state_fd, "ledger");
	readers_let_in(crew->state_fd);
	if (wire_pair(pair, fault) < 0)
		return -1;
	crew->client_ends[0] = pair[0];
	crew->signer_end = pair[1];
	if (wire_pair(pair, fault) < 0)
		return -1;
	rc = start(crew, ROLE_STORER, (struct descriptor[]){ { -1, -1 }, { pair[0], FD_SIGNER }, { crew->state_fd, FD_STATE } }, 3,
		   storer, channel, fault);
	if (rc == 0 && signer)
		rc = start_signer(crew, pair[1], signer, fault);
	close(pair[0]);
	close(pair[1]);
	return rc;
}

int crew_start_client(struct crew *crew, int *pid, int *channel, struct fault *fault)
{
	OWN_FD int ca = -1;
	struct descriptor given[] = {
		{ -1, -1 }, { -1, FD_CA_FILE }, { crew->client_ends[0], FD_SIGNER }, { crew->client_ends[1], FD_RESPONDER }
	};
	int rc;

	if (open_configured(crew->config->acme.ca_file, &ca, fault) < 0)
		return -1;
	given[1].from = ca;
	rc = start(crew, ROLE_CLIENT, given, LENGTH_OF(given), pid, channel, fault);
	close_fd(&crew->client_ends[0]);
	close_fd(&crew->client_ends[1]);
	return rc;
}

int crew_start_responder(const struct crew *crew, enum role role, const int listeners[2], int *pid, int *channel, struct fault *fault)
{
	struct descriptor given[] = {
		{ -1, -1 }, { crew->responder_end, FD_CLIENT }, { listeners[0], FD_LISTEN_4 }, { listeners[1], FD_LISTEN_6 }
	};

	return start(crew, role, given, LENGTH_OF(given), pid, channel, fault);
}

void crew_leave(struct crew *crew)
{
	close_fd(&crew->client_ends[0]);
	close_fd(&crew->client_ends[1]);
	close_fd(&crew->signer_end);
	close_fd(&crew->responder_end);
}
