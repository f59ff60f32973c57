// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/policy.h"

#include <stddef.h>

const char *const backend_names[BACKEND_CHOICES + 1] = { [BACKEND_AUTO] = "auto", BACKEND_TABLE(BACKEND_NAME, BACKEND_NOTHING) };

bool policy_is_sound(const struct policy *policy)
{
	return policy->backend < BACKEND_CHOICES && policy->mode < RESPONDER_MODES && policy->port && policy->target &&
	       policy->seconds >= 1 && policy->seconds <= 600;
}

struct policy policy_for_tls(const struct policy *policy)
{
	struct policy other = *policy;

	other.port = policy->tls_port;
	other.mode = RESPONDER_STANDALONE;
	return other;
}
