// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/host.h"

#include "command/note.h"
#include "command/tokens.h"

int host_claim(struct host *host, struct fault *fault)
{
	if (gate_claim(&host->gate, CLAIM_STATE, fault) < 0)
		return -1;
	note_settle(&host->gate);
	tokens_sweep(host->config, host->state_fd);
	return 0;
}
