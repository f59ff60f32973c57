/* SPDX-License-Identifier: GPL-3.0-or-later */
/* builtin.h - the names that iptables gives to its tables and built-in chains, in nf_tables (iptables-nft) as in x_tables (iptables-legacy). */
#ifndef ACMEGATE_BACKENDS_NFT_BUILTIN_H
#define ACMEGATE_BACKENDS_NFT_BUILTIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPT_TABLES 5
extern const char *const ipt_tables[IPT_TABLES];

/* The place of the name in ipt_tables, or IPT_TABLES. */
size_t ipt_table(const char *name);

bool ipt_is_builtin(const char *chain);

/* The number of this built-in chain: its hook. */
size_t ipt_hook(const char *chain);

/*
 * The loaded tables of iptables-legacy of a family (NFPROTO_*): a bit for each place in ipt_tables, and one for any other.
 * /proc/net/ip_tables_names and its twin tell; to ask the kernel for a table itself would make it.
 */
unsigned int ipt_loaded(uint8_t family);

#endif
