// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend.h"

#include <stdio.h>
#include <string.h>

#include "nftables.h"

const struct backend *const backends[] = { &nftables_backend, NULL };

/*
 * Reading these files does not instantiate the legacy tables, running iptables-legacy would. An empty table appears there
 * too, but one cannot look into it without that command, so a filter table counts as one that blocks.
 */
int backend_check_unknown(struct fault *fault)
{
	static const char *const files[] = { "/proc/net/ip_tables_names", "/proc/net/ip6_tables_names" };

	for (size_t i = 0; i < LENGTH_OF(files); i++) {
		FILE *file = fopen(files[i], "re");
		char line[64];
		bool found = false;

		while (file && fgets(line, sizeof(line), file))
			found = found || !strcmp(line, "filter\n") || !strcmp(line, "raw\n") || !strcmp(line, "mangle\n");
		if (file)
			fclose(file);
		if (found)
			return fault_set(fault, FAULT_FAILED,
					 "iptables-legacy tables are loaded (%s), which acmegate cannot open; if they do not "
					 "block the port, say so with backend = nftables in [gate]", files[i]);
	}
	return 0;
}
