// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/builtin.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"

const char *const ipt_tables[IPT_TABLES] = { "raw", "mangle", "nat", "filter", "security" };
static const char *const chains[] = { "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING" };

/* Its place among the words, or n. */
static size_t find(const char *word, const char *const *words, size_t n)
{
	size_t i = 0;

	while (i < n && strcmp(word, words[i]))
		i++;
	return i;
}

size_t ipt_table(const char *name)
{
	return find(name, ipt_tables, IPT_TABLES);
}

bool ipt_is_builtin(const char *chain)
{
	return find(chain, chains, LENGTH_OF(chains)) < LENGTH_OF(chains);
}

size_t ipt_hook(const char *chain)
{
	return find(chain, chains, LENGTH_OF(chains) - 1);
}

unsigned int ipt_loaded(uint8_t family)
{
	FILE *file = fopen(family == NFPROTO_IPV4 ? "/proc/self/net/ip_tables_names" : "/proc/self/net/ip6_tables_names", "re");
	unsigned int loaded = 0;
	char line[64];

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		loaded |= 1U << ipt_table(line);
	}
	if (file)
		fclose(file);
	return loaded;
}
