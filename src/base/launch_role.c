// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/launch_role.h"

#include <string.h>

#include "base/config_share.h"
#include "base/own.h"
#include "base/seclusion.h"
#include "base/wire.h"

int launch_role(enum role role, const struct config *config, const struct descriptor *given, size_t n, struct fault *fault)
{
	const bool shares = config && config_share_has(role);
	OWN_FD int shared = shares ? config_share(config, role, fault) : -1;
	struct descriptor all[FD_AGENT_END] = { { shared, FD_CONFIG } };
	struct launch launch = { .role = role };

	if (shares && shared < 0)
		return -1;
	if (config) {
		launch.uid = config->gate.uid;
		launch.gid = config->gate.gid;
		launch.seclude = seclusion_enter;
		launch.config = config;
	}
	memcpy(all + 1, given, n * sizeof(*given));
	return launch_start(&launch, all, n + 1, fault);
}
