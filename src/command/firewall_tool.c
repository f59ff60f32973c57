// SPDX-License-Identifier: GPL-3.0-or-later
#include "command/firewall_tool.h"

#include <ctype.h>
#include <string.h>

#include "base/own.h"

static const char *const tools[] = { "ufw", "iptables", "ip6tables", "nft", "firewall-cmd", "csf", "shorewall" };

const char *firewall_tool_of(const char *line)
{
	for (size_t i = 0; i < LENGTH_OF(tools); i++)
		for (const char *at = strstr(line, tools[i]); at; at = strstr(at + 1, tools[i])) {
			const char after = at[strlen(tools[i])];

			if ((at == line || strchr(" \t/=;&|(\"'`", at[-1])) && (!after || isspace((unsigned char)after)))
				return tools[i];
		}
	return NULL;
}
