// SPDX-License-Identifier: GPL-3.0-or-later
#include "acme/state.h"

#include <stddef.h>
#include <string.h>

#include "base/own.h"

static const char *const names[] = {
	[STATE_UNKNOWN] = "unknown",	     [STATE_PENDING] = "pending", [STATE_READY] = "ready",
	[STATE_PROCESSING] = "processing",   [STATE_VALID] = "valid",	  [STATE_INVALID] = "invalid",
	[STATE_DEACTIVATED] = "deactivated", [STATE_EXPIRED] = "expired", [STATE_REVOKED] = "revoked",
};
_Static_assert(LENGTH_OF(names) == STATES, "one word for each state");

const char *state_name(enum state state)
{
	return names[state];
}

enum state state_find(const char *word)
{
	for (size_t i = STATE_PENDING; i < STATES; i++)
		if (strcmp(word, names[i]) == 0)
			return (enum state)i;
	return STATE_UNKNOWN;
}
