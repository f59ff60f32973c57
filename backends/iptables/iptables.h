/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * iptables.h - tables of iptables-nft and of iptables-legacy, and so ufw's: rules at run time, no file of anybody's.
 *
 * The host's own tools insert, since only they know how their version encodes a rule. Tables of iptables-nft are in nf_tables:
 * there acmegate reads and removes by itself, and to close needs no tool.
 */
#ifndef ACMEGATE_BACKENDS_IPTABLES_IPTABLES_H
#define ACMEGATE_BACKENDS_IPTABLES_IPTABLES_H

#include "backends/backend.h"

extern const struct backend iptables_backend;

#endif
