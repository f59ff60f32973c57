// SPDX-License-Identifier: GPL-3.0-or-later
#include "firewall/backends.h"

#include "backends/command/command.h"
#include "backends/firewalld/firewalld.h"
#include "backends/iptables/iptables.h"
#include "backends/nft/nftables.h"
#include "backends/nft/redirect.h"

/* In the order in which they are closed; see backends.h. */
const struct backend *const backends[] = { &nftables_backend,  &iptables_backend, &redirect_backend,
					   &firewalld_backend, &command_backend,  NULL };
