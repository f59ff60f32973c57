// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend.h"

#include "firewalld.h"
#include "iptables.h"
#include "nftables.h"
#include "redirect.h"

const struct backend *const backends[] = { &nftables_backend, &iptables_backend, &redirect_backend, &firewalld_backend, NULL };
