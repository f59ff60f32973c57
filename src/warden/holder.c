// SPDX-License-Identifier: GPL-3.0-or-later
#include "warden/holder.h"

#include "base/sockets.h"

#define MOST_LISTENERS 16

int holder_find(uint16_t port, struct holder *holder, struct fault *fault)
{
	uint32_t inodes[MOST_LISTENERS];
	const int n = sockets_listeners(port, inodes, MOST_LISTENERS, fault);

	*holder = (struct holder){ .pid = process_find_holder(inodes, n) };
	process_name(holder->pid, holder->name);
	return n < 0 ? -1 : n > 0;
}
