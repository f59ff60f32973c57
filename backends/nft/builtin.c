// SPDX-License-Identifier: GPL-3.0-or-later
#include "backends/nft/builtin.h"

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
