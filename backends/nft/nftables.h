/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nftables.h - native nftables tables, through netlink in this process. */
#ifndef ACMEGATE_BACKENDS_NFT_NFTABLES_H
#define ACMEGATE_BACKENDS_NFT_NFTABLES_H

#include "backends/backend.h"

extern const struct backend nftables_backend;

#endif
