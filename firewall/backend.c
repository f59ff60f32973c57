// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend.h"

#include "command.h"
#include "iptables.h"
#include "nftables.h"

const struct backend *const backends[] = { &nftables_backend, &iptables_backend, &command_backend, NULL };
